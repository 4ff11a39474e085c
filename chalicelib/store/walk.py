"""Read a slice of an index in order, across its partitions, with bounded work and a position to go on from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.store.dynamodb import translated_errors

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

QUERIES_PER_PARTITION = 5
"""What one page may cost when a filter matches little: then the page is short and has a cursor."""
QUERIES_PER_COUNT = 10
"""Of up to 1 MB each."""


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its name and the attributes of its keys."""

    name: str
    partition: str
    order: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Which part of an index: orders between `above` and `below`, in a direction, with equality filters on its attributes.

    Bounds are exclusive. A bound is a time, an entry's order, or `just_above` one. With both given, neither may be an entry's
    own order: DynamoDB's BETWEEN includes its ends.
    """

    above: str | None = None
    below: str | None = None
    ascending: bool = True
    equal: Mapping[str, str] = field(default_factory=dict)


def just_above(order: str) -> str:
    """Greater than this order and smaller than every other one that is greater: orders have one length."""
    return order + "!"


@dataclass(frozen=True, slots=True)
class Position:
    """An entry of an index: its order (unique, it ends in the id) and its job."""

    order: str
    job_id: str


class IndexReader:
    """Reads the indexes of one table. Raises ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def walk(self, index: Index, partitions: Sequence[str], part: Slice, limit: int) -> tuple[list[Position], str | None]:
        """The first `limit` entries of the slice over all partitions, in order, and where to go on (None: at the end)."""
        if part.above is not None and part.below is not None and part.above >= part.below:
            return [], None  # DynamoDB refuses such a BETWEEN
        found: list[Position] = []
        unread: list[str] = []
        for partition in partitions:
            entries, reached = self._walk_partition(index, partition, part, limit)
            found += entries
            if reached is not None:
                unread.append(reached)
        found.sort(key=lambda position: position.order, reverse=not part.ascending)
        if not unread:
            return (found, None) if len(found) <= limit else (found[:limit], found[limit - 1].order)
        # Beyond the nearest unread position, entries of its partition may be missing.
        horizon = min(unread) if part.ascending else max(unread)
        complete = [entry for entry in found if (entry.order <= horizon if part.ascending else entry.order >= horizon)]
        if len(complete) > limit:
            return complete[:limit], complete[limit - 1].order
        return complete, horizon

    def count(self, index: Index, partition: str, part: Slice, at_most: int) -> int:
        """Entries of one partition, `at_most` when there are more. One Query looks at 1 MB of them: some thousands."""
        counted = 0
        request = _request(self._table, index, partition, part, at_most) | {"Select": "COUNT"}
        for _ in range(QUERIES_PER_COUNT):
            with translated_errors():
                answer = self._client.query(**request)
            counted += answer["Count"]
            last = answer.get("LastEvaluatedKey")
            if not last or counted >= at_most:
                break
            request |= {"Limit": at_most - counted, "ExclusiveStartKey": last}
        return counted

    def unordered(self, index: Index, partition: str, at_most: int) -> list[str]:
        """The ids of one partition's jobs, of an index that has no sort key: in no order, so many at most."""
        found: list[str] = []
        request = _request(self._table, index, partition, Slice(), at_most)
        for _ in range(QUERIES_PER_PARTITION):
            with translated_errors():
                answer = self._client.query(**request)
            found += [item["jobId"]["S"] for item in answer["Items"]]
            last = answer.get("LastEvaluatedKey")
            if not last or len(found) >= at_most:
                break
            request |= {"Limit": at_most - len(found), "ExclusiveStartKey": last}
        return found

    def _walk_partition(self, index: Index, partition: str, part: Slice, limit: int) -> tuple[list[Position], str | None]:
        """Entries of one partition, and the last order looked at when more may follow."""
        request = _request(self._table, index, partition, part, limit)
        entries: list[Position] = []
        reached = None
        for _ in range(QUERIES_PER_PARTITION):
            with translated_errors():
                answer = self._client.query(**request)
            entries += [Position(item[index.order]["S"], item["jobId"]["S"]) for item in answer["Items"]]
            last = answer.get("LastEvaluatedKey")
            if not last:
                return entries, None
            reached = last[index.order]["S"]
            if len(entries) >= limit:
                break
            request["ExclusiveStartKey"] = last
        return entries, reached


def _request(table: str, index: Index, partition: str, part: Slice, limit: int) -> dict[str, Any]:
    names = {"#partition": index.partition}
    values = {":partition": {"S": partition}}
    condition = "#partition = :partition"
    if part.above is not None and part.below is not None:
        condition += " AND #order BETWEEN :above AND :below"
        values |= {":above": {"S": part.above}, ":below": {"S": part.below}}
    elif part.above is not None:
        condition += " AND #order > :above"
        values[":above"] = {"S": part.above}
    elif part.below is not None:
        condition += " AND #order < :below"
        values[":below"] = {"S": part.below}
    if part.above is not None or part.below is not None:
        names["#order"] = index.order
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": index.name,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": part.ascending,
        "Limit": limit,
    }
    if part.equal:
        filters = []
        for number, (attribute, value) in enumerate(sorted(part.equal.items())):
            names[f"#filter{number}"] = attribute
            values[f":filter{number}"] = {"S": value}
            filters.append(f"#filter{number} = :filter{number}")
        request["FilterExpression"] = " AND ".join(filters)
        request["Limit"] = max(limit, 100)
    return request
