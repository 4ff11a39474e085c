"""An earlier version of this service out of git, as a checkout of its own that is ready to be deployed."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from stack import paths

DEPLOYED = ("app.py", "chalicelib", ".chalice", "requirements.txt")
"""What makes two versions differ for who runs them."""
LOCKS = ("package.json", "package-lock.json")


class NoHistory(Exception):
    """The upgrade cannot be tried here; the message says what to do."""


def previous_commit(root: Path = paths.ROOT) -> str:
    """The newest commit whose deployed code is another than this tree's, changes that are not committed yet included."""
    asked = _git(root, "rev-parse", "--show-toplevel")
    if asked.returncode != 0:
        why = asked.stderr.strip()
        raise NoHistory(f"The upgrade test deploys the previous commit first: run it in a git clone of the repository ({why}).")
    if _git(root, "ls-files", "--others", "--exclude-standard", "--", *DEPLOYED).stdout.strip():
        return _said(root, "rev-parse", "HEAD")
    for commit in _said(root, "rev-list", "--first-parent", "HEAD", "--", *DEPLOYED).split():
        if _git(root, "diff", "--quiet", commit, "--", *DEPLOYED).returncode != 0:
            return commit
    if _said(root, "rev-parse", "--is-shallow-repository") == "true":
        raise NoHistory("This clone is shallow, and the upgrade test needs the previous commit: git fetch --unshallow.")
    raise NoHistory("No commit in this history has another deployed code than this tree: there is nothing to upgrade from.")


def check_out(commit: str, directory: Path) -> Path:
    """That commit's files in `directory`, sharing with this checkout what both would install alike. Returns `directory`."""
    done = subprocess.run(["git", "archive", "--format=tar", commit], cwd=paths.ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        raise NoHistory(f"Commit {commit} is not in this clone, and the upgrade test starts from it: git fetch --unshallow.")
    archive = directory.with_suffix(".tar")
    archive.write_bytes(done.stdout)
    with tarfile.open(archive) as files:
        files.extractall(directory, filter="data")
    archive.unlink()
    _share_contracts(directory / "contracts")
    package = directory / ".local" / "package"
    package.mkdir(parents=True)
    for built in (paths.LOCAL / "package").glob("dependencies-*.zip"):
        (package / built.name).symlink_to(built)
    if (paths.LOCAL / "node").exists():
        (directory / ".local" / "node").symlink_to(paths.LOCAL / "node")
    return directory


def keep_dependencies(directory: Path) -> None:
    """What had to be built of the commit's requirements, for the next time: its name says for which they are."""
    for built in (directory / ".local" / "package").glob("dependencies-*.zip"):
        kept = paths.LOCAL / "package" / built.name
        if not kept.exists():
            unfinished = kept.with_suffix(f".{os.getpid()}")
            shutil.copy(built, unfinished)
            unfinished.replace(kept)


def _share_contracts(contracts: Path) -> None:
    """The packages where they are the same: an installation of others would be written through the link."""
    if all((contracts / name).read_bytes() == (paths.CONTRACTS / name).read_bytes() for name in LOCKS):
        (contracts / "node_modules").symlink_to(paths.CONTRACTS / "node_modules")
    if (paths.CONTRACTS / "out").exists():
        shutil.copytree(paths.CONTRACTS / "out", contracts / "out", dirs_exist_ok=True)


def _said(root: Path, *words: str) -> str:
    done = _git(root, *words)
    if done.returncode != 0:
        raise NoHistory(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _git(root: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NoHistory("The upgrade test needs git.") from None
