"""The closed list of metrics, and the port that publishes them.

CloudWatch keeps one series for each metric and each set of values of its dimensions, and each series is paid for. So no
dimension is a job's id, an owner or anything else that grows with use.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, unique
from typing import Protocol

NAMESPACE = "JobsApi"
STACK = "stack"
"""The dimension that every metric has: the stack's name."""
COIN = 10**18
"""In wei: amounts are told in coins."""


class Unit(StrEnum):
    """As CloudWatch spells it."""

    COUNT = "Count"
    SECONDS = "Seconds"
    NONE = "None"
    """Of coins."""


@dataclass(frozen=True, slots=True)
class Measure:
    """`series` are the sets of dimensions, beside the stack, that the metric is kept by."""

    unit: Unit
    tells: str
    series: tuple[tuple[str, ...], ...] = ((),)


@unique
class Metric(Enum):
    """The name of each is its name in CloudWatch."""

    JobsIssued = Measure(Unit.COUNT, "jobs stored by the API; a repeated request does not count", ((), ("name",)))
    JobsFinished = Measure(
        Unit.COUNT,
        "jobs that became final; `outcome` is `succeeded`, `failed` or `cancelled`",
        (("outcome",), ("name", "outcome")),
    )
    SecondsToBroadcast = Measure(Unit.SECONDS, "from issued or retried until its signed transaction is stored, and sent next")
    SecondsToMined = Measure(Unit.SECONDS, "from signed, the first time at this nonce, to the time of the block that mined it")
    SecondsToFinal = Measure(Unit.SECONDS, "from signed, the first time at this nonce, until its end is stored")
    Replacements = Measure(Unit.COUNT, "transactions signed again at a higher price because they were stuck")
    Reverts = Measure(Unit.COUNT, "jobs whose mined transaction reverted: it was paid for")
    FeeSpent = Measure(Unit.NONE, "coins paid for gas by final jobs, cancel transactions included", (("account",),))
    DeadLetters = Measure(Unit.COUNT, "dead letters written into jobs")
    RpcErrors = Measure(
        Unit.COUNT, "requests after which an endpoint was left out for a while; `endpoint` is its host", (("endpoint",),)
    )
    RpcDown = Measure(Unit.COUNT, "requests that no endpoint answered")
    OpenJobs = Measure(
        Unit.COUNT,
        "open jobs that ReconcileJobs watches, each minute, by how long they are open: `age` is `under5Minutes`, "
        "`under15Minutes`, `under1Hour` or `over1Hour`",
        (("age",),),
    )
    OldestOpenJob = Measure(Unit.SECONDS, "how long the oldest of these is open, each minute; 0 when there are no open jobs")
    AccountBalance = Measure(Unit.NONE, "coins of the account, each minute; no value while no node answers", (("account",),))
    LowestAccountBalance = Measure(Unit.NONE, "the lowest of these balances")
    PausedAccounts = Measure(Unit.COUNT, "accounts that are paused, each minute")


class Metrics(Protocol):
    def add(self, metric: Metric, value: float, **dimensions: str) -> None:
        """Keep a value until it is published: at the end of the invocation. `dimensions` are those of the metric's series.

        Returns at once and never raises for something that cannot be published.
        """
