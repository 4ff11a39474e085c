"""The accounts table: the `AccountStore` of `chalicelib.jobs.ports` on DynamoDB."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.jobs.model import Account
from chalicelib.store.account_records import account_from, account_item
from chalicelib.store.dynamodb import batch_get, row_in_the_way, translated_errors
from chalicelib.store.keys import pool_key

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

ROLE = "role"
"""The sparse index of the pools: accounts that have a role and no owner."""


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
        with translated_errors():
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=account_item(account),
                    ConditionExpression="attribute_not_exists(accountId)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                row = row_in_the_way(error)
                if row is None:
                    raise
                # Our own put, whose answer was lost on the way and which the client repeated, is not an account that was there.
                return account_from(row) == account
        return True

    def pause(self, account: Account, reason: str | None) -> Account:
        is_as_read = "attribute_not_exists(paused)" if account.paused is None else "paused = :before"
        values: Any = {} if account.paused is None else {":before": {"S": account.paused}}
        if reason is not None:
            values[":reason"] = {"S": reason}
        request: Any = {"ExpressionAttributeValues": values} if values else {}
        with translated_errors():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={"accountId": {"S": account.account_id}},
                    UpdateExpression="REMOVE paused" if reason is None else "SET paused = :reason",
                    ConditionExpression=f"attribute_exists(accountId) AND {is_as_read}",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **request,
                )
            except ClientError as error:
                row = row_in_the_way(error)
                if row is None or account_from(row).paused != reason:
                    raise
                # It is as it should be, by our own write before its answer was lost, or by somebody who wanted the same.
        return replace(account, paused=reason)

    def of_role(self, chain_id: int, role: str) -> list[Account]:
        query: Any = {
            "TableName": self._table,
            "IndexName": ROLE,
            "KeyConditionExpression": "poolKey = :pool",
            "ExpressionAttributeValues": {":pool": {"S": pool_key(chain_id, role)}},
        }
        with translated_errors():
            pages = self._client.get_paginator("query").paginate(**query)
            found = [item["accountId"]["S"] for page in pages for item in page["Items"]]
        rows = [account_from(item) for item in batch_get(self._client, self._table, "accountId", found).values()]
        pool = [row for row in rows if (row.chain_id, row.role, row.owner) == (chain_id, role, None)]
        return sorted(pool, key=lambda account: account.address)

    def all(self) -> list[Account]:
        """Every account: they are as many as there are signing keys, so the table is read whole."""
        accounts: list[Account] = []
        with translated_errors():
            for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
                accounts += [account_from(item) for item in page["Items"] if "keyReference" in item]  # others: checkpoints
        return accounts
