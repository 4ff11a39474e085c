"""Writes many rows in few requests: 25 PartiQL statements in a BatchExecuteStatement, each with its own condition and outcome.

A transaction would take twice the write units, and would write none of the rows if one of them is refused.
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
"""How many statements one request takes."""


@dataclass(frozen=True, slots=True)
class RowInTheWay:
    """The condition failed. `row` is the row as it is now, or None if it does not exist."""

    row: Mapping[str, Any] | None


Answer = RowInTheWay | Exception | None
"""The outcome of one write. None means that the row was written."""


def write_each(client: "DynamoDBClient", table: str, changes: Sequence[tuple[Mapping[str, Any], Item]]) -> list[Answer]:
    """Turn each row that was read into its new item, if it still has the version that was read. One answer a row, in order."""
    return [
        answer
        for start in range(0, len(changes), STATEMENTS_AT_ONCE)
        for answer in _write(client, table, changes[start : start + STATEMENTS_AT_ONCE])
    ]


def _write(client: "DynamoDBClient", table: str, changes: Sequence[tuple[Mapping[str, Any], Item]]) -> Iterator[Answer]:
    try:
        with translated_errors():
            answer = client.batch_execute_statement(Statements=[statement(table, row, after) for row, after in changes])
    except Exception as error:  # noqa: BLE001 -- it is the outcome of each row
        if len(changes) > 1 and isinstance(error, ClientError) and is_refused(error):
            # DynamoDB refused all of them because of one: write each on its own.
            return (answer for change in changes for answer in _write(client, table, [change]))
        return iter([_refusal(changes, error)] * len(changes))
    return (_answer(one.get("Error"), row) for one, (row, _) in zip(answer["Responses"], changes, strict=True))


def _refusal(changes: Sequence[tuple[Mapping[str, Any], Item]], error: Exception) -> Exception:
    if isinstance(error, ClientError) and is_refused(error):
        return WriteRefused(f"The table refuses the row: {error}", [row["jobId"]["S"] for row, _ in changes])
    return error


def statement(table: str, row: Mapping[str, Any], after: Item) -> "BatchStatementRequestTypeDef":
    """Return the statement that turns `row` into `after`: set the attributes that differ, remove those that `after` lacks.

    This is complete, because the row of a version never changes: the statement requires the version of `row`.
    """
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
