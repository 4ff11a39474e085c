"""What can go wrong at one external call, and what such a call is named: `execute:dynamodb.TransactWriteItems#1`."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What happens to a call instead of the usual."""

    REFUSED = "refused"  # the connection is closed, or 503, and nothing was applied
    LOST = "answer lost"  # applied, and the connection closed without an answer
    PASSING = "passing error"  # the service's own throttling error, well formed
    KILLED_BEFORE = "killed before"  # the calling process, before anything was applied
    KILLED_AFTER = "killed after"
    FROZEN_BEFORE = "frozen before"  # the caller stands still beyond its visibility timeout; then its call arrives, late
    FROZEN_AFTER = "frozen after"  # the same, but the call was applied in time: it learns of it late


REPEATED = (Kind.REFUSED, Kind.LOST, Kind.PASSING)
"""What may happen again and again: once, so that the client's own retry heals it, and ten times, so that the step fails."""

VARIANTS: tuple[tuple[Kind, int], ...] = tuple(
    (kind, times) for kind in Kind for times in ((1, 10) if kind in REPEATED else (1,))
)


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` at the boundary, and at the same function's next `times - 1` calls of the same operation."""

    boundary: str
    kind: Kind
    times: int = 1

    def strikes(self, function: str, operation: str, count: int) -> Kind | None:
        name, _, first = self.boundary.rpartition("#")
        return self.kind if name == f"{function}:{operation}" and 0 <= count - int(first) < self.times else None

    def __str__(self) -> str:
        return f"{self.boundary}, {self.kind}" + (f" ×{self.times}" if self.times > 1 else "")


Choose = Callable[[str, str, int], Kind | None]
"""Of the function, the operation and how often the one made the other, from 1: what is to happen, None for the usual."""


def no_fault(_function: str, _operation: str, _count: int) -> Kind | None:
    return None


@dataclass(slots=True)
class Call:
    """One line of the proxy's log."""

    at: float
    """Seconds of the case's own time."""
    pid: int
    boundary: str
    fault: Kind | None = None
    answer: str = ""

    def __str__(self) -> str:
        return f"{self.at:8.1f} s  pid {self.pid:<7} {self.boundary:<60} {self.answer}" + (f"  ← {self.fault}" if self.fault else "")


_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}


def operation_of(headers: Mapping[str, str], body: bytes) -> str:
    """`service.Operation`; of a JSON-RPC request `node.` and its methods, each once, with `+` between."""
    target = headers.get("x-amz-target")
    if target is not None:
        prefix, _, operation = target.partition(".")
        return f"{_SERVICES.get(prefix, prefix)}.{operation}"
    calls = _calls(body)
    return "node." + "+".join(dict.fromkeys(str(call.get("method")) for call in calls))


def passing_error(operation: str, body: bytes) -> tuple[int, str]:
    """(HTTP status, body) of the well-formed error with which the service puts a caller off."""
    service, _, name = operation.partition(".")
    if service == "node":
        error = {"code": -32005, "message": "daily request rate limit exceeded"}
        answers = [{"jsonrpc": "2.0", "id": call.get("id"), "error": error} for call in _calls(body)]
        return 200, json.dumps(answers if body.lstrip().startswith(b"[") else answers[0])
    code = {
        "dynamodb": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        "sqs": "com.amazonaws.sqs#RequestThrottled",
    }.get(service, "ThrottlingException")
    return 400, json.dumps({"__type": code, "message": f"The rate of {name} is too high just now."})


def _calls(body: bytes) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return []
    return parsed if isinstance(parsed, list) else [parsed]
