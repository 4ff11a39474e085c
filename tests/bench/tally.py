"""What was counted at the wire: requests by who made them, DynamoDB's units, the node's methods."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field


def _none() -> defaultdict[str, float]:
    return defaultdict(float)


@dataclass(slots=True)
class Tally:
    """Counters of one or more functions; `+` adds two up. Names of requests are `service.Operation`."""

    requests: Counter[str] = field(default_factory=Counter)
    """AWS requests, those the client repeated among them."""
    read_units: defaultdict[str, float] = field(default_factory=_none)
    write_units: defaultdict[str, float] = field(default_factory=_none)
    """Both by `Operation table` or `Operation table/index`."""
    rpc_http: int = 0
    rpc_methods: Counter[str] = field(default_factory=Counter)
    sqs_fifo: int = 0
    sqs_standard: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.requests + other.requests,
            _sum(self.read_units, other.read_units),
            _sum(self.write_units, other.write_units),
            self.rpc_http + other.rpc_http,
            self.rpc_methods + other.rpc_methods,
            self.sqs_fifo + other.sqs_fifo,
            self.sqs_standard + other.sqs_standard,
        )

    @property
    def reads(self) -> float:
        return sum(self.read_units.values())

    @property
    def writes(self) -> float:
        return sum(self.write_units.values())

    @property
    def sqs(self) -> int:
        return self.sqs_fifo + self.sqs_standard

    def of_service(self, service: str) -> int:
        return sum(count for name, count in self.requests.items() if name.startswith(f"{service}."))


def _sum(one: defaultdict[str, float], other: defaultdict[str, float]) -> defaultdict[str, float]:
    total = _none()
    for units in (one, other):
        for name, count in units.items():
            total[name] += count
    return total
