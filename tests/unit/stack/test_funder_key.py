"""The key that pays for gas: from the environment or a file, never from a command line."""

import os
import subprocess
from pathlib import Path

import pytest

from stack import paths
from stack.commands.local import node_and_key
from stack.errors import StackError

KEY = "0x" + "12" * 32


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RPC_URL", "FUNDER_KEY", "FUNDER_KEY_FILE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        monkeypatch.delenv(name, raising=False)


def make(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--dry-run", "--old-file", ".venv/.ready", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=paths.ROOT)


@pytest.mark.parametrize("words", [("up",), ("run",), ("factories", "STAGE=spark")])
def test_make_refuses_a_key_on_its_command_line_and_says_how_to_give_it(words: tuple[str, ...]) -> None:
    refused = make(*words, f"FUNDER_KEY={KEY}")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "Do not write FUNDER_KEY on the command line" in refused.stderr
    assert "FUNDER_KEY_FILE=<path>" in refused.stderr
    assert KEY not in refused.stderr
    assert refused.stderr.strip().count("\n") == 0


def test_make_takes_the_files_name_on_its_command_line() -> None:
    done = make("up", "RPC_URL=http://127.0.0.1:1", "FUNDER_KEY_FILE=/run/key")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_key_is_read_from_the_file_without_its_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv("FUNDER_KEY_FILE", str(tmp_path / "key"))
    assert node_and_key() == (None, KEY)


def test_the_key_of_the_environment_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDER_KEY", KEY)
    assert node_and_key() == (None, KEY)
    assert KEY not in os.environ.values()


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"\xff\xfe", "it is not text")])
def test_a_file_that_cannot_be_read_is_one_sentence(
    content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("FUNDER_KEY_FILE", str(file))
    with pytest.raises(StackError, match=rf"^FUNDER_KEY_FILE {file} cannot be read: {reason}"):
        node_and_key()


def test_two_keys_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNDER_KEY", KEY)
    monkeypatch.setenv("FUNDER_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(StackError, match="both set") as refused:
        node_and_key()
    assert KEY not in str(refused.value)
