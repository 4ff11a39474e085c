"""Statements of one request, billed by what each did to its row."""

from collections.abc import Mapping
from typing import Any

from chalicelib.store.statements import statement
from tests.bench.capacity import indexes_of
from tests.bench.statements import Statements
from tests.bench.tally import Tally

DEFINITION = {
    "KeySchema": [{"AttributeName": "jobId", "KeyType": "HASH"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "open",
            "KeySchema": [{"AttributeName": "nextCheckAt", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}
OK: Mapping[str, Any] = {"TableName": "jobs"}
REFUSED: Mapping[str, Any] = {"Error": {"Code": "ConditionalCheckFailed"}}


def row(number: int, version: int = 1, **more: str) -> dict[str, dict[str, str]]:
    return {
        "jobId": {"S": f"job {number}"},
        "version": {"N": str(version)},
        **{name: {"S": value} for name, value in more.items()},
    }


class Table:
    def __init__(self, *rows: Mapping[str, Any]) -> None:
        self.rows = {str(one["jobId"]): one for one in rows}

    def ask(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        assert operation == "GetItem"
        found = self.rows.get(str(request["Key"]["jobId"]))
        return {"Item": found} if found else {}


def billed(table: Table, *written: Mapping[str, Any], answers: list[Mapping[str, Any]]) -> dict[str, float]:
    changes = [statement("jobs", table.rows[str(one["jobId"])], dict(one)) for one in written]
    statements = Statements({"Statements": changes}, indexes_of(DEFINITION), table.ask)
    for one, answer in zip(written, answers, strict=True):
        if answer is OK:
            table.rows[str(one["jobId"])] = one
    tally = Tally()
    statements.bill(tally, {"Responses": answers})
    return dict(tally.write_units)


def test_each_row_is_billed_by_its_size_and_by_the_indexes_it_leaves() -> None:
    table = Table(row(1, nextCheckAt="soon"), row(2))
    units = billed(table, row(1, 2), row(2, 2, data="x" * 1_500), answers=[OK, OK])
    assert units == {"BatchExecuteStatement jobs": 1 + 2, "BatchExecuteStatement jobs/open": 1}


def test_one_that_was_refused_is_billed_for_the_row_in_its_way() -> None:
    units = billed(Table(row(1), row(2, data="x" * 1_500)), row(1, 2), row(2, 2), answers=[OK, REFUSED])
    assert units == {"BatchExecuteStatement jobs": 1, "BatchExecuteStatement jobs, refused": 2}
