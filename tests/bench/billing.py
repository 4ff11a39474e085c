"""One DynamoDB exchange → the request units it is billed.

Reads are computed from the items of the answer: emulators put a flat price on them. Where the request hides what was looked at
(a filter, a projection, a count), it is asked again without. Writes are what the emulator reports with
ReturnConsumedCapacity=INDEXES; `tests.bench.check` holds both against the rules. A write whose condition failed is billed, too.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.bench.capacity import Item, get_units, query_units, write_units
from tests.bench.tally import Tally

Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""(operation, request) → the answer of the same table service, not counted."""

READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
CONDITION_FAILED = "ConditionalCheckFailedException"
CANCELED = "TransactionCanceledException"
_HIDING = ("ProjectionExpression", "FilterExpression", "Select", "AttributesToGet", "QueryFilter", "ScanFilter")


def with_consumed_capacity(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    return {**request, "ReturnConsumedCapacity": "INDEXES"} if operation in READS | WRITES else dict(request)


def bill(tally: Tally, operation: str, request: Mapping[str, Any], *, status: int, answer: Mapping[str, Any], ask: Ask) -> None:
    """Add one exchange to the tally."""
    if operation in READS and status == 200:
        for where, units in _read(operation, request, answer, ask):
            tally.read_units[f"{operation} {where}"] += units
    elif operation in WRITES and status == 200:
        for where, units in _reported(answer):
            tally.write_units[f"{operation} {where}"] += units
    elif operation in WRITES:
        for where, units in _refused(operation, request, answer):
            tally.write_units[f"{operation} {where}, refused"] += units


# --- reads -------------------------------------------------------------------------------------------------------------


def _read(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any], ask: Ask) -> Iterator[tuple[str, float]]:
    match operation:
        case "GetItem":
            plain = ask(operation, _plain(request)) if _hides(request) else answer
            yield request["TableName"], get_units([plain.get("Item")], consistent=bool(request.get("ConsistentRead")))
        case "BatchGetItem":
            plain = ask(operation, _plain_batch(request)) if any(map(_hides, request["RequestItems"].values())) else answer
            for table, part in request["RequestItems"].items():
                found: list[Item | None] = list(plain["Responses"].get(table, []))
                unread = len(plain.get("UnprocessedKeys", {}).get(table, {}).get("Keys", []))
                found += [None] * (len(part["Keys"]) - unread - len(found))
                yield table, get_units(found, consistent=bool(part.get("ConsistentRead")))
        case "TransactGetItems":
            for item, response in zip(request["TransactItems"], answer["Responses"], strict=True):
                units = get_units([response.get("Item")], consistent=True, transactional=True)
                yield item["Get"]["TableName"], units
        case _:
            plain = ask(operation, _plain(request)) if _hides(request) else answer
            index = f"/{request['IndexName']}" if "IndexName" in request else ""
            units = query_units(plain["Items"], consistent=bool(request.get("ConsistentRead")))
            yield request["TableName"] + index + ("" if "Limit" in request else ", without a limit"), units


def _hides(request: Mapping[str, Any]) -> bool:
    return any(name in request for name in _HIDING)


def _plain(request: Mapping[str, Any]) -> dict[str, Any]:
    """The same request, showing all it looks at. Names and values that only the hidden parts used must go as well."""
    plain = {name: value for name, value in request.items() if name not in _HIDING}
    condition = str(request.get("KeyConditionExpression", ""))
    for field in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
        used = {name: value for name, value in request.get(field, {}).items() if name in _words(condition)}
        plain.pop(field, None)
        if used:
            plain[field] = used
    return plain


def _plain_batch(request: Mapping[str, Any]) -> dict[str, Any]:
    return {**request, "RequestItems": {table: _plain(part) for table, part in request["RequestItems"].items()}}


def _words(expression: str) -> set[str]:
    return set("".join(letter if letter.isalnum() or letter in "#:_" else " " for letter in expression).split())


# --- writes ------------------------------------------------------------------------------------------------------------


def _reported(answer: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    consumed = answer.get("ConsumedCapacity", [])
    for part in consumed if isinstance(consumed, list) else [consumed]:
        table = part["TableName"]
        of_indexes = {
            f"{table}/{name}": float(units["CapacityUnits"]) for name, units in part.get("GlobalSecondaryIndexes", {}).items()
        }
        yield table, float(part["CapacityUnits"]) - sum(of_indexes.values())
        yield from of_indexes.items()


def _refused(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The table's units, by the larger of what was to be written and what is there, as far as either is told."""
    kind = str(answer.get("__type", "")).rpartition("#")[2]
    if kind == CONDITION_FAILED:
        existing, written = answer.get("Item"), request.get("Item")
        yield request["TableName"], write_units(existing, written, ())[""]
    elif kind == CANCELED and operation == "TransactWriteItems":
        for item in request["TransactItems"]:
            ((what, write),) = item.items()
            if what != "ConditionCheck":
                yield write["TableName"], write_units(None, write.get("Item"), (), transactional=True)[""]


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON body; empty when it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
