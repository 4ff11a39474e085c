"""The closed list of metrics, and the port that code measures with.

CloudWatch keeps one series for each metric and each set of its dimensions' values, and charges for each. So no dimension is a
job id, an owner, or another value whose number grows with use.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, unique
from typing import Protocol

NAMESPACE = "JobsApi"
STACK = "stack"
"""The dimension that every metric has: the stack's name."""
COIN = 10**18
"""Wei in one coin. Metrics are in coins."""


class Unit(StrEnum):
    """As CloudWatch spells it."""

    COUNT = "Count"
    SECONDS = "Seconds"
    NONE = "None"
    """CloudWatch has no unit of coins."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric's unit and meaning. `series` are its sets of dimensions; each has the stack as well."""

    unit: Unit
    tells: str
    series: tuple[tuple[str, ...], ...] = ((),)


@unique
class Metric(Enum):
    """The name of a member is its name in CloudWatch."""

    JobsIssued = Measure(Unit.COUNT, "jobs stored by the API; a repeated request does not count", ((), ("name",)))
    JobsFinished = Measure(
        Unit.COUNT,
        "jobs that became final; `outcome` is `succeeded`, `failed` or `cancelled`",
        (("outcome",), ("name", "outcome")),
    )
    SecondsToBroadcast = Measure(
        Unit.SECONDS, "from issued or retried until the signed transaction is stored, before its broadcast"
    )
    SecondsToMined = Measure(Unit.SECONDS, "from the first signature at this nonce to the time of the transaction's block")
    SecondsToFinal = Measure(Unit.SECONDS, "from the first signature at this nonce until the job's final status is stored")
    Replacements = Measure(Unit.COUNT, "transactions signed again at a higher price because they were stuck")
    Reverts = Measure(Unit.COUNT, "jobs whose mined transaction reverted; its gas was paid")
    FeeSpent = Measure(Unit.NONE, "coins paid for gas by final jobs, cancel transactions included", (("account",),))
    DeadLetters = Measure(Unit.COUNT, "dead letters written into jobs")
    RpcErrors = Measure(
        Unit.COUNT, "failed requests after which an endpoint is not asked for a while; `endpoint` is its host", (("endpoint",),)
    )
    RpcDown = Measure(Unit.COUNT, "requests that no endpoint answered")
    OpenJobs = Measure(
        Unit.COUNT,
        "open jobs with a next check, each minute, by how long they are open: `age` is `under5Minutes`, "
        "`under15Minutes`, `under1Hour` or `over1Hour`",
        (("age",),),
    )
    OldestOpenJob = Measure(Unit.SECONDS, "how long the oldest of these jobs has been open, each minute; 0 without such a job")
    AccountBalance = Measure(Unit.NONE, "coins of the account, each minute; no value while no node answers", (("account",),))
    LowestAccountBalance = Measure(Unit.NONE, "the lowest of these balances")
    PausedAccounts = Measure(Unit.COUNT, "accounts that are paused, each minute")


class Metrics(Protocol):
    def add(self, metric: Metric, value: float, **dimensions: str) -> None:
        """Keep a value until the end of the invocation, when it is published. `dimensions` are those of the metric's series.

        Returns at once. A value that cannot be published raises nothing.
        """
