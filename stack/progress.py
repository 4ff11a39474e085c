"""Progress lines: what a command does, with the seconds since it began."""

import sys
import time
from collections.abc import Callable

Say = Callable[[str], None]

_began = time.monotonic()


def say(line: str) -> None:
    """Write one line to standard output at once, even into a pipe."""
    sys.stdout.write(f"{time.monotonic() - _began:6.1f} s  {line}\n")
    sys.stdout.flush()


def silent(_line: str) -> None:
    """Write nothing: for tests and other callers with their own output."""
