"""Conditional writes of many rows in few requests: PartiQL statements, 25 in a BatchExecuteStatement, each on its own.

A transaction would do the same for twice the write units, and refuse all for one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.errors import ServiceUnavailable, VersionConflict, WriteRefused
from chalicelib.store.attributes import Item
from chalicelib.store.dynamodb import REFUSED, is_refused, translated_errors

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

STATEMENTS_AT_ONCE = 25
"""What one request takes."""


@dataclass(frozen=True, slots=True)
class RowInTheWay:
    """The condition failed: the row as it is, None where there is none."""

    row: Mapping[str, Any] | None


Answer = RowInTheWay | Exception | None
"""None: written."""


def write_each(client: "DynamoDBClient", table: str, changes: Sequence[tuple[Mapping[str, Any], Item]]) -> list[Answer]:
    """Make of each row, as it was read, the other one, where it still has that version: an answer a row, in order."""
    return [
        answer
        for start in range(0, len(changes), STATEMENTS_AT_ONCE)
        for answer in _write(client, table, changes[start : start + STATEMENTS_AT_ONCE])
    ]


def _write(client: "DynamoDBClient", table: str, changes: Sequence[tuple[Mapping[str, Any], Item]]) -> Iterator[Answer]:
    try:
        with translated_errors():
            answer = client.batch_execute_statement(Statements=[statement(table, row, after) for row, after in changes])
    except Exception as error:  # noqa: BLE001 -- the outcome of each
        if len(changes) > 1 and isinstance(error, ClientError) and is_refused(error):
            # Refused as a whole for one of them: each on its own.
            return (answer for change in changes for answer in _write(client, table, [change]))
        return iter([_refusal(changes, error)] * len(changes))
    return (_answer(one.get("Error"), row) for one, (row, _) in zip(answer["Responses"], changes, strict=True))


def _refusal(changes: Sequence[tuple[Mapping[str, Any], Item]], error: Exception) -> Exception:
    if isinstance(error, ClientError) and is_refused(error):
        return WriteRefused(f"The table refuses the row: {error}", [row["jobId"]["S"] for row, _ in changes])
    return error


def statement(table: str, row: Mapping[str, Any], after: Item) -> "BatchStatementRequestTypeDef":
    """What `row` has otherwise is set, what it has but `after` has not is removed: nothing else is in a row of that version."""
    changed = [name for name, value in after.items() if row.get(name) != value]
    sets = " ".join(f'SET "{name}" = ?' for name in changed)
    removes = " ".join(f'REMOVE "{name}"' for name in row if name not in after)
    return {
        "Statement": f'UPDATE "{table}" {sets} {removes} WHERE "jobId" = ? AND "version" = ?',
        "Parameters": [*(after[name] for name in changed), row["jobId"], row["version"]],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _answer(error: Mapping[str, Any] | None, row: Mapping[str, Any]) -> Answer:
    if error is None:
        return None
    match error["Code"]:
        case "ConditionalCheckFailed":
            return RowInTheWay(error.get("Item"))
        case "TransactionConflict":
            return VersionConflict("The record was changed at the same time.")
        case code if code in REFUSED:
            return WriteRefused(f"The table refuses the row: {code}: {error.get('Message', '')}", [row["jobId"]["S"]])
        case code:
            return ServiceUnavailable(f"The table does not answer: {code}.")
