"""Connections whose time-out bounds a whole send or a whole response, not each single read.

So a server that sends a byte now and then runs into the time-out like one that sends nothing.
"""

import io
import time
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

PIECE_BYTES = 16_384
"""How much is sent before the clock is read again: the size of a TLS record."""


class DeadlineSocket:
    """A connected socket. `settimeout` starts the clock: all later operations have these seconds together."""

    def __init__(self, connected: Any) -> None:
        self._socket = connected
        self._deadline: float | None = None
        self.settimeout(connected.gettimeout())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def settimeout(self, seconds: float | None) -> None:
        self._deadline = None if seconds is None else time.monotonic() + seconds

    def apply_deadline(self) -> None:
        """Limit the next operation to the time that is left. Raises TimeoutError when no time is left."""
        left = None if self._deadline is None else self._deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)

    def sendall(self, data: Any) -> None:
        content = memoryview(data).cast("B")
        for start in range(0, len(content), PIECE_BYTES):
            self.apply_deadline()
            self._socket.sendall(content[start : start + PIECE_BYTES])

    def makefile(self, mode: str = "rb", **_: Any) -> io.BufferedReader:
        """Return a file to read from. http.client uses files for nothing else."""
        return io.BufferedReader(_DeadlineReader(self, self._socket.makefile(mode, buffering=0)), PIECE_BYTES)


class _DeadlineReader(io.RawIOBase):
    def __init__(self, deadline_socket: DeadlineSocket, raw: Any) -> None:
        self._socket = deadline_socket
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._socket.apply_deadline()
        count: int | None = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Http(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = DeadlineSocket(self.sock)


class _Https(HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        self.sock: Any = DeadlineSocket(self.sock)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}
"""For `urllib3.PoolManager.pool_classes_by_scheme`."""
