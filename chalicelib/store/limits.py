"""Counts the requests of issuers: one counter for each issuer and minute. DynamoDB deletes it an hour later."""

from typing import TYPE_CHECKING

from chalicelib.errors import VersionConflict
from chalicelib.store.dynamodb import translated_errors

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

KEPT_SECONDS = 3_600


class DynamoLimitStore:
    """The `LimitStore` on its table. A lease is one write. Raises ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def lease(self, owner: str, minute: int, requests: int, limit: int) -> int:
        """When an answer is lost, the AWS client repeats the write. Then the issuer gets fewer requests, and never more."""
        has_some_left = "attribute_not_exists(leased) OR leased < :limit"
        try:
            with translated_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key={"limitId": {"S": f"{owner}#{minute}"}},
                    UpdateExpression="ADD leased :requests SET expiresAt = :expires_at",
                    ConditionExpression=has_some_left,
                    ExpressionAttributeValues={
                        ":requests": {"N": str(requests)},
                        ":limit": {"N": str(limit)},
                        ":expires_at": {"N": str(minute * 60 + KEPT_SECONDS)},
                    },
                    ReturnValues="UPDATED_NEW",
                )
        except VersionConflict:
            return 0
        leased = int(answer["Attributes"]["leased"]["N"])
        return requests - max(leased - limit, 0)
