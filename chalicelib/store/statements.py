"""Conditional writes of many rows in few requests: PartiQL statements, 25 in a BatchExecuteStatement, each on its own.

A transaction would do the same for twice the write units, and refuse all for one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chalicelib.errors import ServiceUnavailable, VersionConflict
from chalicelib.store.attributes import Item
from chalicelib.store.dynamodb import translated_errors
from chalicelib.store.previous_records import MARK
from chalicelib.store.records import CHANGING

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

STATEMENTS_AT_ONCE = 25
"""What one request takes."""
PASSING = frozenset({"InternalServerError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "ThrottlingError"})


class WriteRefused(Exception):
    """DynamoDB will not take this row, whenever it is asked."""


@dataclass(frozen=True, slots=True)
class RowInTheWay:
    """The condition failed: the row as it is, None where there is none."""

    row: Mapping[str, Any] | None


Answer = RowInTheWay | Exception | None
"""None: written."""


def write_each(client: "DynamoDBClient", table: str, rows: Sequence[tuple[Item, int]]) -> list[Answer]:
    """Write each row where the stored one has the version given with it: an answer a row, in order.

    A row of the form before this one is in the way, too: of that, names would be left that a statement does not know.
    """
    return [
        answer
        for start in range(0, len(rows), STATEMENTS_AT_ONCE)
        for answer in _write(client, table, rows[start : start + STATEMENTS_AT_ONCE])
    ]


def _write(client: "DynamoDBClient", table: str, rows: Sequence[tuple[Item, int]]) -> Iterator[Answer]:
    try:
        with translated_errors():
            answer = client.batch_execute_statement(Statements=[statement(table, row, version) for row, version in rows])
    except Exception as error:  # noqa: BLE001 -- the outcome of each
        return iter([error] * len(rows))
    return (_answer(one.get("Error")) for one in answer["Responses"])


def statement(table: str, row: Item, version: int) -> "BatchStatementRequestTypeDef":
    """All of the row that can change: what it has is set, and what a row may have but this one has not is removed."""
    key = row["jobId"]
    written = [name for name in row if name in CHANGING]
    sets = " ".join(f'SET "{name}" = ?' for name in written)
    absent = " ".join(f'REMOVE "{name}"' for name in sorted(CHANGING - row.keys()))
    condition = f'"jobId" = ? AND "version" = ? AND "{MARK}" IS MISSING'
    return {
        "Statement": f'UPDATE "{table}" {sets} {absent} WHERE {condition}',
        "Parameters": [*(row[name] for name in written), key, {"N": str(version)}],
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _answer(error: Mapping[str, Any] | None) -> Answer:
    if error is None:
        return None
    match error["Code"]:
        case "ConditionalCheckFailed":
            return RowInTheWay(error.get("Item"))
        case "TransactionConflict":
            return VersionConflict("The record was changed at the same time.")
        case code if code in PASSING:
            return ServiceUnavailable(f"The table does not answer: {code}.")
        case code:
            return WriteRefused(f"{code}: {error.get('Message', '')}")
