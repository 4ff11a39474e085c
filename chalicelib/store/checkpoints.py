"""Stores blocks that were final when they were read: one row for each chain, in the accounts table."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.jobs.order import time_text
from chalicelib.jobs.stores import Checkpoint
from chalicelib.store.attributes import from_attributes, to_attributes
from chalicelib.store.dynamodb import translated_errors

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


def checkpoints_key(chain_id: int) -> str:
    return f"{chain_id}:checkpoints"


class DynamoCheckpointStore:
    """The `CheckpointStore` on the accounts table. Every method may raise ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, chain_id: int) -> list[Checkpoint]:
        key = {"accountId": {"S": checkpoints_key(chain_id)}}
        with translated_errors():
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        rows = from_attributes(answer["Item"])["checkpoints"] if "Item" in answer else []
        return [Checkpoint(int(row["number"]), row["hash"], datetime.fromisoformat(row["at"])) for row in rows]

    def write(self, chain_id: int, checkpoints: Sequence[Checkpoint]) -> None:
        rows = [{"number": point.number, "hash": point.block_hash, "at": time_text(point.at)} for point in checkpoints]
        item = to_attributes({"accountId": checkpoints_key(chain_id), "checkpoints": rows})
        with translated_errors():
            self._client.put_item(TableName=self._table, Item=item)
