"""The time that the processes of a case share: the machine's, and as many seconds on as the driver says.

It is read from memory that all of them see, so that a worker that stood still finds, when it goes on, how late it is.
"""

import mmap
import struct
from pathlib import Path

_FORM = struct.Struct("d")


class SharedClock:
    """Its offset in seconds, in a file of eight bytes."""

    def __init__(self, file: Path) -> None:
        if not file.exists():
            file.write_bytes(_FORM.pack(0.0))
        with file.open("r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), _FORM.size)

    def set(self, offset: float) -> None:
        self._memory[:] = _FORM.pack(offset)

    @property
    def offset(self) -> float:
        offset: float = _FORM.unpack(self._memory[:])[0]
        return offset
