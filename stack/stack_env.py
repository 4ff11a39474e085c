"""The file `stack.env`: addresses, keys and tokens of a running local stack, as shell assignments that any client can read."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def write(file: Path, values: Mapping[str, str]) -> None:
    """Write the file in one step: no reader sees half of it. Only its owner may read it, because it holds tokens."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as lines:
        lines.writelines(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    unfinished.replace(file)


def read(file: Path) -> dict[str, str]:
    """Return the values that `write` wrote, or an empty dictionary when the file does not exist."""
    if not file.exists():
        return {}
    pairs = (line.partition("=") for line in file.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}
