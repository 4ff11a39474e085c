"""What the RPC client reports of its endpoints' health, for metrics."""

from typing import Protocol


class RpcHealth(Protocol):
    """Both methods return at once and raise nothing."""

    def failed(self, endpoint: str) -> None:
        """An endpoint is left out for a while: it did not answer, refused, or is behind. `endpoint` is its host and port."""

    def down(self) -> None:
        """No endpoint gave a request an answer that can be used."""


class Uncounted:
    """An `RpcHealth` that counts nothing."""

    def failed(self, endpoint: str) -> None: ...

    def down(self) -> None: ...
