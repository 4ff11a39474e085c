"""What a case keeps account of: what issuers wanted, which messages are with whom, and what must never happen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.ground import Issuer
from tests.faults.queues import Held
from tests.faults.workers import Worker


class Violation(AssertionError):
    """What must never happen, with the story of how it came about."""


@dataclass(slots=True)
class Wanted:
    """What an issuer asked for. The effect of a call is `hits(effect)` of the contract; that of a payment of 1 wei is the
    balance of its recipient, who is nobody else's.
    """

    issuer: Issuer
    effect: str
    correlation_id: str
    body: Mapping[str, Any]
    job_id: str = ""

    @property
    def function(self) -> str:
        """Of the contract, without its arguments; `pay` for a payment."""
        if "call" not in self.body:
            return "pay"
        function: str = self.body["call"]["function"]
        return function.partition("(")[0]


@dataclass(slots=True)
class Delivery:
    """Messages that are with a worker. None: a request of the schedule, or of an issuer."""

    queue: str | None
    messages: Sequence[Held]
    began: float


@dataclass(slots=True)
class Standing:
    """A frozen worker, and when it may go on."""

    worker: Worker
    delivery: Delivery
    until: float
