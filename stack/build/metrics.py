"""The metrics that alarms and dashboard read: their names, and the sets of dimensions that CloudWatch has them under."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import metrics as published
from chalicelib.jobs.model import Status
from chalicelib.workers.gauges import AGES as AGES_IN_SECONDS

OURS = "JobsApi"
STACK: Any = {"Ref": "AWS::StackName"}
"""The value of the dimension `stack` of the service's own metrics; also the API's name."""

BY_TABLE_OR_INDEX = (frozenset({"TableName"}), frozenset({"TableName", "GlobalSecondaryIndexName"}))
EXISTING: Mapping[str, Mapping[str, tuple[frozenset[str], ...]]] = {
    OURS: {
        one.name: tuple(frozenset({"stack", *by}) for by in one.value.series)
        for one in published.Metric  # published by the functions
    },
    "AWS/ApiGateway": dict.fromkeys(
        ("Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"), (frozenset({"ApiName", "Stage"}),)
    ),
    "AWS/DynamoDB": {
        "ConsumedReadCapacityUnits": BY_TABLE_OR_INDEX,
        "ConsumedWriteCapacityUnits": BY_TABLE_OR_INDEX,
        "ReadThrottleEvents": BY_TABLE_OR_INDEX,
        "WriteThrottleEvents": BY_TABLE_OR_INDEX,
        "ThrottledRequests": (frozenset({"TableName", "Operation"}),),
    },
    "AWS/Lambda": dict.fromkeys(
        ("Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"), (frozenset({"FunctionName"}),)
    ),
    "AWS/SQS": dict.fromkeys(
        ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"),
        (frozenset({"QueueName"}),),
    ),
}
"""Namespace → metric → its sets of dimensions. CloudWatch finds nothing under any other set."""

OUTCOMES = (Status.SUCCEEDED.value, Status.FAILED.value, Status.CANCELLED.value)
AGES = tuple(AGES_IN_SECONDS)


@dataclass(frozen=True, slots=True)
class Metric:
    """One series of a metric. The values of its dimensions are strings or intrinsic functions of CloudFormation."""

    namespace: str
    name: str
    dimensions: Mapping[str, Any]

    def __post_init__(self) -> None:
        if frozenset(self.dimensions) not in EXISTING[self.namespace][self.name]:
            raise ValueError(f"{self.namespace} {self.name} is not kept by {', '.join(self.dimensions)}.")


def of_jobs(name: str, **more: str) -> Metric:
    return Metric(OURS, name, {"stack": STACK, **more})


def of_api(name: str, stage: str) -> Metric:
    return Metric("AWS/ApiGateway", name, {"ApiName": STACK, "Stage": stage})


def of_table(name: str, table: str, **more: str) -> Metric:
    return Metric("AWS/DynamoDB", name, {"TableName": {"Ref": table}, **more})


def of_function(name: str, function: str) -> Metric:
    return Metric("AWS/Lambda", name, {"FunctionName": {"Ref": function}})


def of_queue(name: str, queue: str) -> Metric:
    return Metric("AWS/SQS", name, {"QueueName": {"Fn::GetAtt": [queue, "QueueName"]}})


def names_of(kind: str, resources: Mapping[str, Any]) -> Iterator[str]:
    """Return the sorted logical ids of a template's resources of a type."""
    return (name for name in sorted(resources) if resources[name].get("Type") == kind)
