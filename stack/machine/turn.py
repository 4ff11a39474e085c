"""Locks between commands: they end with the process that holds them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stack.errors import StackError


@contextmanager
def exclusively(file: Path) -> Iterator[None]:
    """Wait until nobody else is in here: what commands build and share is built by one of them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Turn:
    """One command at a time starts or ends the stack of a directory."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    def take(self) -> None:
        """Raises StackError when another command has it; does nothing when this one has."""
        if self._descriptor is not None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StackError("Another `make run` or `make up` is at work here; end it, or wait for it.") from None
        self._descriptor = descriptor

    def give(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
