"""What can go wrong at one external call, and what such a call is named: `execute:dynamodb.TransactWriteItems#1`."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_utils.crypto import keccak


class Kind(StrEnum):
    """What happens to a call instead of the usual."""

    REFUSED = "refused"  # the connection is closed, or 503, and nothing was applied
    LOST = "answer lost"  # applied, and the connection closed without an answer
    PASSING = "passing error"  # the service's own throttling error, well formed
    KILLED_BEFORE = "killed before"  # the calling process, before anything was applied
    KILLED_AFTER = "killed after"
    FROZEN_BEFORE = "frozen before"  # the caller stands still beyond its visibility timeout; then its call arrives, late
    FROZEN_AFTER = "frozen after"  # the same, but the call was applied in time: it learns of it late


EVERYWHERE = (
    (Kind.REFUSED, True),
    (Kind.LOST, False),
    (Kind.PASSING, True),
    (Kind.KILLED_BEFORE, False),
    (Kind.KILLED_AFTER, False),
)
"""What every call meets, and whether again and again: more often than its client repeats, so that the step fails, twice over.

An answer lost once is healed by boto's own repeat, which meets what the first one did; the node's client repeats nothing.
"""
AT_WRITES = (
    (Kind.REFUSED, False),
    (Kind.LOST, True),
    (Kind.PASSING, False),
    (Kind.FROZEN_BEFORE, False),
    (Kind.FROZEN_AFTER, False),
)
"""What a call that writes meets as well."""
AGAIN_AND_AGAIN = {True: 3, False: 10}
"""How often in a row, by whether it is the node's."""
_WRITES = (
    "dynamodb.PutItem",
    "dynamodb.UpdateItem",
    "dynamodb.TransactWriteItems",
    "dynamodb.BatchExecuteStatement",
    "sqs.SendMessageBatch",
    "node.eth_sendRawTransaction",
)


def faults_at(boundary: str) -> "list[Fault]":
    variants = (*EVERYWHERE, *AT_WRITES) if writes(boundary) else EVERYWHERE
    often = AGAIN_AND_AGAIN[":node." in boundary]
    return [Fault(boundary, kind, often if repeatedly else 1) for kind, repeatedly in variants]


def writes(boundary: str) -> bool:
    return boundary.partition(":")[2].rpartition("#")[0] in _WRITES


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
    about: frozenset[str] = frozenset()
    """Ids of the jobs it names."""

    @property
    def count(self) -> int:
        return int(self.boundary.rpartition("#")[2])

    def __str__(self) -> str:
        return f"{self.at:8.1f} s  pid {self.pid:<7} {self.boundary:<60} {self.answer}" + (
            f"  ← {self.fault}" if self.fault else ""
        )


_JOB_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
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


def jobs_named(body: bytes) -> frozenset[str]:
    return frozenset(_JOB_ID.findall(body.decode(errors="replace")))


def broadcast_hashes(body: bytes) -> list[str]:
    """Of the raw transactions in an eth_sendRawTransaction request, alone or in a batch."""
    raws = [call["params"][0] for call in _calls(body) if call.get("method") == "eth_sendRawTransaction"]
    return ["0x" + keccak(bytes.fromhex(raw.removeprefix("0x"))).hex() for raw in raws]


def _calls(body: bytes) -> list[dict[str, Any]]:
    try:
        parsed = json.loads(body)
    except ValueError:
        return []
    return parsed if isinstance(parsed, list) else [parsed]
