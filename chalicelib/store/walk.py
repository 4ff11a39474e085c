"""Reads a slice of an index in order, across its partitions, with bounded work and a position to continue from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chalicelib.store.dynamodb import translated_errors

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

QUERIES_PER_PARTITION = 5
"""Queries for one page. When a filter matches few entries, the page is short and has a cursor."""
QUERIES_PER_COUNT = 10
"""Queries for one count. Each reads up to 1 MB."""


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index: its name, and the attributes of its partition key and its sort key (`order`)."""

    name: str
    partition: str
    order: str


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of an index: the entries with an order between `above` and `below`, in a direction.

    `equal` filters entries by attributes that must have these values. A bound is a time, the order of an entry, or `just_above`
    such an order. Bounds are exclusive. When both bounds are given, no entry may have one of them as its order, because
    DynamoDB's BETWEEN includes its ends.
    """

    above: str | None = None
    below: str | None = None
    ascending: bool = True
    equal: Mapping[str, str] = field(default_factory=dict)


def just_above(order: str) -> str:
    """Return a text that sorts directly behind this order, before every later order. All orders have the same length."""
    return order + "!"


@dataclass(frozen=True, slots=True)
class Position:
    """An entry of an index: its job, and its order, which is unique because it ends in the job id."""

    order: str
    job_id: str


class IndexReader:
    """Reads the indexes of one table. Every method may raise ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def walk(self, index: Index, partitions: Sequence[str], part: Slice, limit: int) -> tuple[list[Position], str | None]:
        """Return the first `limit` entries of the slice over all partitions, in order, and the order to continue after.

        That order is None when no entries are left.
        """
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
        # A partition that was not read to its end may lack entries behind the last one that was read.
        horizon = min(unread) if part.ascending else max(unread)
        complete = [entry for entry in found if (entry.order <= horizon if part.ascending else entry.order >= horizon)]
        if len(complete) > limit:
            return complete[:limit], complete[limit - 1].order
        return complete, horizon

    def count(self, index: Index, partition: str, part: Slice, at_most: int) -> int:
        """Count the entries of one partition, up to `at_most`. One query reads 1 MB of them, which is some thousands."""
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
        """Return up to `at_most` job ids of one partition of an index that has no sort key. They are in no order."""
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
        """Return entries of one partition, and the last order that was read if more entries may follow."""
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
