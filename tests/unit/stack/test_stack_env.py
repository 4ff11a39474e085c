"""stack.env is read by shells and by programs."""

import subprocess
from pathlib import Path

from stack import stack_env

VALUES = {"PLAIN": "http://127.0.0.1:1/a", "SPACED": "a b", "NASTY": "'\"$HOME`id`\\;&|*", "EMPTY": ""}


def test_a_shell_reads_back_every_value(tmp_path: Path) -> None:
    file = tmp_path / "stack.env"
    stack_env.write(file, VALUES)
    for name, value in VALUES.items():
        command = ["sh", "-c", f'. "$0"; printf %s "${name}"', str(file)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == value


def test_we_read_back_every_value_and_nobody_else_can(tmp_path: Path) -> None:
    file = tmp_path / "stack.env"
    stack_env.write(file, VALUES)
    stack_env.write(file, VALUES)
    assert stack_env.read(file) == VALUES
    assert file.stat().st_mode & 0o077 == 0
    assert [one.name for one in tmp_path.iterdir()] == ["stack.env"]
    assert stack_env.read(tmp_path / "other.env") == {}
