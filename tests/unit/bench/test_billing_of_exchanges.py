"""What one DynamoDB exchange adds to the tally."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.bench.billing import bill, with_consumed_capacity
from tests.bench.tally import Tally

BIG = {"id": {"S": "1"}, "pad": {"S": "x" * 5_000}}
SMALL = {"id": {"S": "2"}}


def not_asked(operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
    raise AssertionError(f"{operation} was asked again: {request}")


def billed(operation: str, request: Mapping[str, Any], answer: Mapping[str, Any], status: int = 200) -> Tally:
    tally = Tally()
    bill(tally, operation, request, status=status, answer=answer, ask=not_asked)
    return tally


def test_a_read_is_billed_by_the_items_of_its_answer() -> None:
    assert billed("GetItem", {"TableName": "jobs", "ConsistentRead": True}, {"Item": BIG}).read_units == {"GetItem jobs": 2}
    assert billed("GetItem", {"TableName": "jobs"}, {}).read_units == {"GetItem jobs": 0.5}


def test_a_batch_is_billed_for_keys_that_are_not_there_but_not_for_unprocessed_ones() -> None:
    keys = [{"id": {"S": name}} for name in "1234"]
    request = {"RequestItems": {"jobs": {"Keys": keys, "ConsistentRead": True}}}
    answer = {"Responses": {"jobs": [BIG, SMALL]}, "UnprocessedKeys": {"jobs": {"Keys": keys[3:]}}}
    assert billed("BatchGetItem", request, answer).read_units == {"BatchGetItem jobs": 2 + 1 + 1}


def test_a_query_says_on_which_index_and_whether_it_had_no_limit() -> None:
    answer = {"Items": [BIG, SMALL]}
    limited = billed("Query", {"TableName": "jobs", "IndexName": "owner", "Limit": 5}, answer)
    assert limited.read_units == {"Query jobs/owner": 1.0}
    assert billed("Query", {"TableName": "jobs"}, answer).read_units == {"Query jobs, without a limit": 1.0}


def test_what_a_filter_hides_is_billed() -> None:
    asked: list[Mapping[str, Any]] = []

    def ask(_operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        asked.append(request)
        return {"Items": [BIG] * 4}

    tally = Tally()
    request = {
        "TableName": "jobs",
        "Limit": 100,
        "KeyConditionExpression": "#key = :key",
        "FilterExpression": "#kind = :kind",
        "ExpressionAttributeNames": {"#key": "owner", "#kind": "name"},
        "ExpressionAttributeValues": {":key": {"S": "somebody"}, ":kind": {"S": "mint"}},
    }
    bill(tally, "Query", request, status=200, answer={"Items": []}, ask=ask)
    assert tally.read_units == {"Query jobs": 2.5}
    (plain,) = asked
    assert "FilterExpression" not in plain
    assert plain["Limit"] == 100
    assert plain["ExpressionAttributeNames"] == {"#key": "owner"}
    assert plain["ExpressionAttributeValues"] == {":key": {"S": "somebody"}}


def test_a_write_is_billed_as_reported_with_its_indexes_apart() -> None:
    consumed = {"TableName": "jobs", "CapacityUnits": 5.0, "GlobalSecondaryIndexes": {"open": {"CapacityUnits": 2.0}}}
    assert billed("PutItem", {}, {"ConsumedCapacity": consumed}).write_units == {"PutItem jobs": 3, "PutItem jobs/open": 2}
    several = [consumed, {"TableName": "accounts", "CapacityUnits": 2.0}]
    assert billed("TransactWriteItems", {}, {"ConsumedCapacity": several}).writes == 7


def test_a_write_whose_condition_failed_is_billed_by_the_larger_version() -> None:
    answer = {"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "Item": BIG}
    refused = billed("PutItem", {"TableName": "jobs", "Item": SMALL}, answer, status=400)
    assert refused.write_units == {"PutItem jobs, refused": 5}


def test_a_cancelled_transaction_is_billed() -> None:
    items = [{"Put": {"TableName": "jobs", "Item": BIG}}, {"Update": {"TableName": "accounts"}}]
    answer = {"__type": "TransactionCanceledException"}
    refused = billed("TransactWriteItems", {"TransactItems": items}, answer, status=400)
    assert refused.write_units == {"TransactWriteItems jobs, refused": 10, "TransactWriteItems accounts, refused": 2}


@pytest.mark.parametrize("status", [400, 500])
def test_other_errors_cost_nothing(status: int) -> None:
    tally = billed("PutItem", {"TableName": "jobs", "Item": SMALL}, {"__type": "ThrottlingException"}, status)
    assert (tally.reads, tally.writes) == (0, 0)


def test_only_reads_and_writes_are_asked_what_they_consume() -> None:
    assert with_consumed_capacity("Query", {"TableName": "jobs"})["ReturnConsumedCapacity"] == "INDEXES"
    assert with_consumed_capacity("DescribeTable", {"TableName": "jobs"}) == {"TableName": "jobs"}
