"""How the endpoints do, told to whoever counts it."""

from typing import Protocol


class RpcHealth(Protocol):
    """Both return at once and raise nothing."""

    def failed(self, endpoint: str) -> None:
        """The endpoint at this host[:port] was asked and is left out for a while: no answer, a refusal, or one of the past."""

    def down(self) -> None:
        """A request found no endpoint that gave an answer to be believed."""


class Uncounted:
    """Nobody counts."""

    def failed(self, endpoint: str) -> None: ...

    def down(self) -> None: ...
