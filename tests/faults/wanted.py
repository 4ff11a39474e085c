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
    """What an issuer asked for: the effect is `hits(effect)` of the contract."""

    issuer: Issuer
    effect: str
    correlation_id: str
    body: Mapping[str, Any]
    job_id: str = ""


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
