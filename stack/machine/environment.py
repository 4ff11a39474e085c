"""`stack.env`: where a running stack is and how to enter it, as shell lines for any client."""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path


def write(file: Path, values: Mapping[str, str]) -> None:
    """Readable by the owner only, for it holds tokens; never seen half-written."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as lines:
        lines.writelines(f"{name}={shlex.quote(value)}\n" for name, value in values.items())
    unfinished.replace(file)


def read(file: Path) -> dict[str, str]:
    """What `write` wrote; empty without a file."""
    if not file.exists():
        return {}
    pairs = (line.partition("=") for line in file.read_text().splitlines() if "=" in line)
    return {name: "".join(shlex.split(value)) for name, _, value in pairs}
