"""What issuers have used of their limits: a counter an issuer and minute, which DynamoDB deletes an hour later."""

from typing import TYPE_CHECKING

from chalicelib.errors import VersionConflict
from chalicelib.store.dynamodb import translated_errors

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

KEPT_SECONDS = 3_600


class DynamoLimitStore:
    """The `LimitStore` on its table. One write a lease. Raises ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def lease(self, owner: str, minute: int, requests: int, limit: int) -> int:
        """A lease whose answer was lost is taken again by the AWS client: the issuer gets less then, never more."""
        there_is_some = "attribute_not_exists(leased) OR leased < :limit"
        try:
            with translated_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key={"limitId": {"S": f"{owner}#{minute}"}},
                    UpdateExpression="ADD leased :requests SET expiresAt = :expires_at",
                    ConditionExpression=there_is_some,
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
