"""The alarms of a stage. Each says what happened, what to do, and which section of docs/runbook.md has the steps.

No alarm rings for one bad minute. A condition must last for `minutes`; an occurrence keeps its alarm on for `minutes` after the
last one. No alarm counts answers with status 4xx, because a scanner can cause them all night. The dashboard shows them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stack.build.metrics import Metric, names_of, of_api, of_function, of_jobs, of_queue, of_table

FUNCTION = "AWS::Serverless::Function"
TOPIC: Any = {"Ref": "AlarmTopic"}
NEAR_TIMEOUT = 0.8
"""The part of a function's timeout that a run may take."""
PERIOD_SECONDS = 60
OPERATIONS = {
    "JobsTable": ("PutItem", "TransactWriteItems", "BatchExecuteStatement", "Query"),
    "AccountsTable": ("UpdateItem", "GetItem"),
}
"""Operations without which no job goes on. DynamoDB counts a BatchExecuteStatement as throttled when every statement is."""

NOTHING_HAPPENED = "notBreaching"
"""For counts: a minute without data is a minute in which nothing was counted."""
NOT_MEASURED = "ignore"
"""For gauges: without data the alarm keeps its state, because the condition may last. ReconcileNotRunning rings instead."""
IT_STOPPED = "breaching"
"""For metrics whose absence is the alarm's condition."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Rings when the metric's `statistic` of a minute crosses `threshold` in `of` of the last `minutes` minutes.

    By default it rings when something that should never happen was counted in three of five minutes.
    """

    name: str
    happened: str
    do: str
    runbook: str
    """The heading of a section of docs/runbook.md."""
    metric: Metric
    statistic: str = "Sum"
    comparison: str = ">"
    threshold: float | Mapping[str, str] = 0
    of: int = 3
    minutes: int = 5
    without_data: str = NOTHING_HAPPENED

    def resource(self) -> dict[str, Any]:
        comparisons = {">": "GreaterThanThreshold", ">=": "GreaterThanOrEqualToThreshold", "<": "LessThanThreshold"}
        return {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": {"Fn::Sub": f"${{AWS::StackName}}-{self.name}"},
                "AlarmDescription": f'{self.happened} {self.do} Runbook (docs/runbook.md): "{self.runbook}".',
                "Namespace": self.metric.namespace,
                "MetricName": self.metric.name,
                "Dimensions": [{"Name": name, "Value": value} for name, value in self.metric.dimensions.items()],
                "Statistic": self.statistic,
                "Period": PERIOD_SECONDS,
                "EvaluationPeriods": self.minutes,
                "DatapointsToAlarm": self.of,
                "ComparisonOperator": comparisons[self.comparison],
                "Threshold": self.threshold,
                "TreatMissingData": self.without_data,
                "AlarmActions": [TOPIC],
                "OKActions": [TOPIC],
            },
        }


def alarms(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the alarms for the functions and the stage of a packaged template, as resources by logical id."""
    resources = template["Resources"]
    stage = resources["RestAPI"]["Properties"]["StageName"]
    found = [*_of_jobs(), *_of_accounts(), *_of_queues(), _of_the_api(stage), _of_reconcile(), *_of_tables()]
    for name in names_of(FUNCTION, resources):
        found += _of_a_function(name, resources[name]["Properties"]["Timeout"])
    return {f"{alarm.name}Alarm": alarm.resource() for alarm in found}


def _of_jobs() -> Iterator[Alarm]:
    yield Alarm(
        name="OldestOpenJob",
        happened="A job has been open for more than 15 minutes.",
        do="See on the dashboard whether one job waits or all do, and read its history.",
        runbook="Oldest open job",
        metric=of_jobs("OldestOpenJob"),
        statistic="Maximum",
        threshold=900,
        of=5,
        without_data=NOT_MEASURED,
    )
    yield Alarm(
        name="DeadLetters",
        happened="A message could not be handled, five times over.",
        do="Read its job's history, and find the error in the worker's log.",
        runbook="Dead letters",
        metric=of_jobs("DeadLetters"),
        of=1,
        minutes=60,
    )
    yield Alarm(
        name="RpcDown",
        happened="No RPC endpoint answers: nothing is sent or confirmed.",
        do="See on the dashboard which fail, and deploy with RpcUrls that answer.",
        runbook="RPC down",
        metric=of_jobs("RpcDown"),
    )


def _of_accounts() -> Iterator[Alarm]:
    yield Alarm(
        name="AccountLow",
        happened="An account has fewer coins than LowBalance.",
        do="See on the dashboard which, and send it coins before it pauses itself.",
        runbook="Account low",
        metric=of_jobs("LowestAccountBalance"),
        statistic="Minimum",
        comparison="<",
        threshold={"Ref": "LowBalance"},
        of=5,
        without_data=NOT_MEASURED,
    )
    yield Alarm(
        name="AccountPaused",
        happened="An account has paused itself and its jobs wait.",
        do="Read in them why, mend that (most often with coins), and unlock it.",
        runbook="Account paused",
        metric=of_jobs("PausedAccounts"),
        statistic="Maximum",
        minutes=3,
        without_data=NOT_MEASURED,
    )


def _of_queues() -> Iterator[Alarm]:
    yield Alarm(
        name="ExecuteQueueAge",
        happened="A nudge has waited for 5 minutes: pending jobs are not signed.",
        do="Look for errors and throttles of ExecuteJobs.",
        runbook="Oldest open job",
        metric=of_queue("ApproximateAgeOfOldestMessage", "ExecuteQueue"),
        statistic="Maximum",
        threshold=300,
        of=5,
    )
    for queue in ("ExecuteDeadLetters", "ConfirmDeadLetters"):
        yield Alarm(
            name=f"{queue}Waiting",
            happened="Dead letters lie in their queue and are not written into jobs.",
            do="Find the error in the log of RecordDeadLetters.",
            runbook="Dead letters",
            metric=of_queue("ApproximateNumberOfMessagesVisible", queue),
            statistic="Maximum",
            of=10,
            minutes=10,
        )


def _of_the_api(stage: str) -> Alarm:
    return Alarm(
        name="ApiErrors",
        happened="More than 5 % of the API's answers are 5xx.",
        do="Find the error in the log of APIHandler.",
        runbook="API errors",
        metric=of_api("5XXError", stage),
        statistic="Average",  # the share of all requests
        threshold=0.05,
    )


def _of_reconcile() -> Alarm:
    """ReconcileJobs recovers every lost queue message, and measures the gauges of the other alarms."""
    return Alarm(
        name="ReconcileNotRunning",
        happened="Reconcile has not run for 5 minutes: lost messages are not recovered, and no balance is measured.",
        do="See whether the schedule's rule is enabled and the function is throttled.",
        runbook="Reconcile not running",
        metric=of_function("Invocations", "ReconcileJobs"),
        comparison="<",
        threshold=1,
        of=5,
        without_data=IT_STOPPED,
    )


def _of_tables() -> Iterator[Alarm]:
    """Watch throttled requests by operation: unlike the table's throttled writes, they include writes that an index refuses."""
    for table, operations in OPERATIONS.items():
        for operation in operations:
            yield Alarm(
                name=f"{table}{operation}Throttles",
                happened=f"DynamoDB refuses {operation} on {table}.",
                do="See on the dashboard which index is hot; what was refused is tried again.",
                runbook="Throttles",
                metric=of_table("ThrottledRequests", table, Operation=operation),
            )


def _of_a_function(function: str, timeout_seconds: int) -> Iterator[Alarm]:
    yield Alarm(
        name=f"{function}Errors",
        happened=f"{function} fails again and again.",
        do="Find the error in its log; what it worked on is tried again.",
        runbook="Function errors",
        metric=of_function("Errors", function),
    )
    yield Alarm(
        name=f"{function}Throttles",
        happened=f"Lambda refuses to run {function}: the account's concurrency, or what is reserved of it, is used up.",
        do="Raise it.",
        runbook="Throttles",
        metric=of_function("Throttles", function),
    )
    yield Alarm(
        name=f"{function}Slow",
        happened=f"{function} takes more than {NEAR_TIMEOUT:.0%} of its {timeout_seconds} s.",
        do="Look for a slow RPC endpoint or table.",
        runbook="Function errors",
        metric=of_function("Duration", function),
        statistic="Maximum",
        threshold=NEAR_TIMEOUT * timeout_seconds * 1000,
    )
