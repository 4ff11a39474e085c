"""Which commit an upgrade starts from, on small repositories made for it."""

import subprocess
from pathlib import Path

import pytest

from tests.stack.upgrade.history import NoHistory, previous_commit

IDENTITY = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false"]


def git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *IDENTITY, *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


def commit(root: Path, **files: str) -> str:
    for name, content in files.items():
        (root / name.replace("_py", ".py")).write_text(content)
    git(root, "add", "--all")
    git(root, "commit", "--message", "one")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    return tmp_path


def test_it_is_the_newest_with_other_deployed_code(repository: Path) -> None:
    commit(repository, app_py="one")
    before = commit(repository, app_py="two")
    commit(repository, app_py="three")
    commit(repository, README="what is not deployed makes no version")
    assert previous_commit(repository) == before


def test_what_is_not_committed_yet_is_a_version(repository: Path) -> None:
    commit(repository, app_py="one")
    head = commit(repository, app_py="two")
    (repository / "app.py").write_text("three")
    assert previous_commit(repository) == head
    git(repository, "checkout", "app.py")
    (repository / "chalicelib").mkdir()
    (repository / "chalicelib" / "new.py").write_text("not even added")
    assert previous_commit(repository) == head


def test_a_version_that_was_taken_back_is_upgraded_from_not_its_twin(repository: Path) -> None:
    commit(repository, app_py="one")
    taken_back = commit(repository, app_py="two")
    commit(repository, app_py="one")
    assert previous_commit(repository) == taken_back


def test_without_the_history_it_says_so(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    commit(repository, app_py="one")
    with pytest.raises(NoHistory, match="nothing to upgrade from"):
        previous_commit(repository)
    commit(repository, app_py="two")

    shallow = tmp_path_factory.mktemp("shallow")
    git(shallow, "clone", "--quiet", "--depth", "1", repository.as_uri(), ".")
    with pytest.raises(NoHistory, match="shallow"):
        previous_commit(shallow)
    with pytest.raises(NoHistory, match="in a git clone"):
        previous_commit(tmp_path_factory.mktemp("elsewhere"))
