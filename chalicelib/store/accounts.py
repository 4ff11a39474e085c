"""The accounts table: the `AccountStore` of `chalicelib.jobs.ports` on DynamoDB."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.errors import VersionConflict
from chalicelib.jobs.model import Account
from chalicelib.store.dynamodb import translated_errors
from chalicelib.store.records import account_from, account_item

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient


class DynamoAccountStore:
    """Every method may raise ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def get(self, account_id: str) -> Account | None:
        with translated_errors():
            answer = self._client.get_item(TableName=self._table, Key={"accountId": {"S": account_id}}, ConsistentRead=True)
        return account_from(answer["Item"]) if "Item" in answer else None

    def put(self, account: Account) -> bool:
        try:
            with translated_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=account_item(account),
                    ConditionExpression="attribute_not_exists(accountId)",
                )
        except VersionConflict:
            return False
        return True

    def pause(self, account: Account, reason: str | None) -> Account:
        is_as_read = "attribute_not_exists(paused)" if account.paused is None else "paused = :before"
        values: Any = {} if account.paused is None else {":before": {"S": account.paused}}
        if reason is not None:
            values[":reason"] = {"S": reason}
        request: Any = {"ExpressionAttributeValues": values} if values else {}
        with translated_errors():
            self._client.update_item(
                TableName=self._table,
                Key={"accountId": {"S": account.account_id}},
                UpdateExpression="REMOVE paused" if reason is None else "SET paused = :reason",
                ConditionExpression=f"attribute_exists(accountId) AND {is_as_read}",
                **request,
            )
        return replace(account, paused=reason)

    def all(self) -> list[Account]:
        """Every account: they are as many as there are signing keys, so the table is read whole."""
        accounts: list[Account] = []
        with translated_errors():
            for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
                accounts += [account_from(item) for item in page["Items"] if "keyReference" in item]  # others: checkpoints
        return accounts
