"""Before anything is counted: does the emulator report what DynamoDB's rules say? Both are compared."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from stack.aws import Client
from tests.bench.capacity import Index, Item, get_units, indexes_of, query_units, write_units
from tests.bench.meter import Lane

DEFINITION: Mapping[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "owner", "at", "open")],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "owner",
            "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
        {
            "IndexName": "open",
            "KeySchema": [{"AttributeName": "open", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
        },
    ],
}


def _item(text_bytes: int, **more: str) -> Item:
    fields = {"id": "1", "owner": "somebody", "at": "2026-01-01", "text": "x" * text_bytes, **more}
    return {name: {"S": value} for name, value in fields.items()}


VERSIONS: Sequence[Item] = (
    _item(100, open="0", note="n"),  # new: the table and both indexes
    _item(100, open="0", note="n"),  # nothing an index holds has changed
    _item(2_000, open="0", note="m"),  # two blocks; one index's entry changes in place
    _item(300, open="1", note="m"),  # the larger version counts; an entry moves
    _item(300, at="2026-01-02"),  # one entry moves, one goes
)


KIN = 60
"""More items of the same owner: enough for a query of more than one block."""


class Disagreement(RuntimeError):
    """The emulator bills otherwise than DynamoDB does: no figure made with it could be believed."""


def check(lane: Lane, client: Client, *, amazons: bool = False) -> int:
    """Write and read a table by a client that goes over the lane. Returns how many exchanges agreed; raises Disagreement.

    The emulator's reports of reads are not used, so they are not compared. With `amazons` they are: that is DynamoDB Local,
    whose reports of transactions are wrong instead.
    """
    dynamodb = client("dynamodb")
    table = f"capacity-{uuid4().hex[:8]}"
    dynamodb.create_table(TableName=table, **DEFINITION)
    indexes = indexes_of(DEFINITION)
    agreed = 0
    lane.take()
    try:
        before: Item | None = None
        for transactional in (False,) if amazons else (False, True):
            for after in VERSIONS:
                if transactional:
                    dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": after}}])
                else:
                    dynamodb.put_item(TableName=table, Item=after)
                wanted = write_units(before, after, indexes, transactional=transactional)
                agreed += _agree("a write", lane, sum(wanted.values()))
                before = after
        for number in range(KIN):
            dynamodb.put_item(TableName=table, Item={**VERSIONS[-1], "id": {"S": f"kin{number}"}})
        lane.take()
        for answer, wanted_units in _reads(dynamodb, table, indexes[0]):
            agreed += _agree("a read", lane, wanted_units, _told(answer) if amazons else None)
    finally:
        dynamodb.delete_table(TableName=table)
        lane.take()
    return agreed


def _reads(dynamodb: Any, table: str, index: Index) -> Iterator[tuple[Mapping[str, Any], float]]:
    """Answers, and what each of them costs."""
    last = VERSIONS[-1]
    keys = [{"id": {"S": name}} for name in ("1", "kin0", "absent")]
    yield dynamodb.get_item(TableName=table, Key=keys[0], ConsistentRead=True), get_units([last], consistent=True)
    yield dynamodb.get_item(TableName=table, Key=keys[2]), get_units([None], consistent=False)
    batch = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys[:2], "ConsistentRead": True}})
    yield batch, get_units([last, last], consistent=True)
    asked: dict[str, Any] = {
        "TableName": table,
        "IndexName": index.name,
        "KeyConditionExpression": "#owner = :owner",
        "ExpressionAttributeNames": {"#owner": "owner"},
        "ExpressionAttributeValues": {":owner": {"S": "somebody"}},
    }
    found = [index.entry({**last, "id": {"S": f"kin{number}"}}) or {} for number in range(KIN)] + [index.entry(last) or {}]
    yield dynamodb.query(**asked), query_units(found, consistent=False)
    values = {**asked["ExpressionAttributeValues"], ":at": {"S": "2000-01-01"}}
    filtered = asked | {"FilterExpression": "id = :at", "ExpressionAttributeValues": values}
    yield dynamodb.query(**filtered), query_units(found, consistent=False)


def _told(answer: Mapping[str, Any]) -> float:
    consumed = answer["ConsumedCapacity"]
    return float(sum(part["CapacityUnits"] for part in (consumed if isinstance(consumed, list) else [consumed])))


def _agree(what: str, lane: Lane, wanted: float, told: float | None = None) -> int:
    tally = lane.take()
    counted = tally.reads + tally.writes
    if counted != wanted or told not in (None, wanted):
        raise Disagreement(f"{what}: {counted:g} units counted, {told or counted:g} reported; DynamoDB's rules say {wanted:g}")
    return 1
