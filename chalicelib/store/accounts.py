"""The accounts table: the `AccountStore` of `chalicelib.jobs.stores` on DynamoDB."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.jobs.model import Account
from chalicelib.jobs.stores import Sweep
from chalicelib.store.account_records import account_from, account_item
from chalicelib.store.dynamodb import CONDITION_FAILED, batch_get, row_in_the_way, translated_errors
from chalicelib.store.keys import pool_key

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

log = logging.getLogger(__name__)

ROLE = "role"
"""The sparse index of pools. It holds the accounts that have a role and no owner."""


class DynamoAccountStore:
    """The `AccountStore` on DynamoDB. Every method may raise ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def get(self, account_id: str, *, consistent: bool = True) -> Account | None:
        key = {"accountId": {"S": account_id}}
        with translated_errors():
            answer = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=consistent)
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
                # Our own put may be in the way: its answer was lost, and the AWS client repeated it. The account is new then.
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
                # The row is as wanted: by our own write, whose answer was lost, or by another writer who wanted the same.
        return replace(account, paused=reason)

    def swept(self, account: Account, sweep: Sweep, to: str) -> None:
        with translated_errors():
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key={"accountId": {"S": account.account_id}},
                    UpdateExpression=f"SET {sweep} = :to",
                    ConditionExpression=f"attribute_exists(accountId) AND (attribute_not_exists({sweep}) OR {sweep} < :to)",
                    ExpressionAttributeValues={":to": {"S": to}},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != CONDITION_FAILED:
                    raise

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
        pool = [row for row in self._load(found) if (row.chain_id, row.role, row.owner) == (chain_id, role, None)]
        return sorted(pool, key=lambda account: account.address)

    def _load(self, account_ids: Sequence[str]) -> list[Account]:
        """Read inconsistently, because role and owner never change. Read accounts again that are too new to be found."""
        rows = batch_get(self._client, self._table, "accountId", account_ids, consistent=False)
        missing = [account_id for account_id in account_ids if account_id not in rows]
        rows |= batch_get(self._client, self._table, "accountId", missing)
        return _readable(rows.values())

    def all(self) -> list[Account]:
        """Return every account. There are only as many as signing keys, so the whole table is read."""
        accounts: list[Account] = []
        with translated_errors():
            for page in self._client.get_paginator("scan").paginate(TableName=self._table, ConsistentRead=True):
                accounts += _readable(
                    item for item in page["Items"] if "keyReference" in item
                )  # the other rows are checkpoints
        return accounts


def _readable(rows: Iterable[Mapping[str, Any]]) -> list[Account]:
    """Return the accounts of these rows. A row that cannot be read is logged and left out (invariant 12)."""
    accounts: list[Account] = []
    for row in rows:
        try:
            accounts.append(account_from(row))
        except Exception as error:  # noqa: BLE001 -- any fault of one row
            fields = {"accountId": row["accountId"]["S"], "problem": type(error).__name__}
            log.error("an account's row cannot be read and is left out", extra=fields)
    return accounts
