"""Restore tables as they were at an earlier moment beside the tables of today, and put rows back.

A restored row may be out of date: a job that it shows as pending may have been signed since. So every account is paused first,
and nothing is signed until the rows are compared with the chain (`stack.operation.restore_check`).
"""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.admin.accounts import UNCHECKED
from chalicelib.jobs.states import with_next_check
from chalicelib.store.account_records import account_from
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.dynamodb import CONDITION_FAILED
from chalicelib.store.records import job_from, job_item
from chalicelib.workers.funds import UNFUNDED
from stack.aws import Client
from stack.deployment.waiting import PROGRESS_SECONDS, poll_seconds
from stack.errors import StackError
from stack.operation.target import items
from stack.progress import Say

_ALSO = "; before that: "
_REASON = re.compile(re.escape(UNCHECKED) + r" \(as of ([0-9TZ:-]+)\)")
Item = dict[str, Any]


def moment(text: str) -> datetime:
    """Parse a time in the past with its time zone. Raises StackError for any other text."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise StackError(f"AT must be a time such as 2026-11-22T07:15:00Z, not {text!r}.") from None
    if at.tzinfo is None or at >= datetime.now(UTC):
        raise StackError(f"AT must be a moment of the past, with its zone: 2026-11-22T07:15:00Z; not {text!r}.")
    return at.astimezone(UTC)


def reason(at: datetime, before: str | None = None) -> str:
    """Return the reason for pausing a restored account. It keeps `before`, the reason for which it was paused already."""
    also = "" if before in (None, UNFUNDED) else f"{_ALSO}{before}"
    return f"{UNCHECKED} (as of {at:%Y-%m-%dT%H:%M:%SZ}){also}"


def restored_to(paused: str | None) -> datetime | None:
    """Return the moment in a reason that `reason` made; None for any other reason."""
    found = _REASON.match(paused or "")
    return moment(found[1]) if found else None


def paused_before(paused: str) -> str | None:
    """Return the reason for which the account was paused before it was restored, or None."""
    return paused.partition(_ALSO)[2] or None


def restored_name(table: str, at: datetime) -> str:
    """Return the name of the restored copy. Example: `jobs-as-of-20261122-071500`."""
    return f"{table}-as-of-{at:%Y%m%d-%H%M%S}"


def restore(client: Client, table: str, at: datetime, say: Say) -> str:
    """Restore a copy of `table` as it was at that moment, unless it exists. Returns the copy's name once it can be read."""
    dynamodb = client("dynamodb")
    name = restored_name(table, at)
    try:
        dynamodb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=name, RestoreDateTime=at)
        say(f"Restoring {table} as {name}: AWS takes twenty minutes or more, whatever its size")
    except ClientError as error:
        if error.response["Error"]["Code"] != "TableAlreadyExistsException":
            raise
        say(f"{name} is there already")
    spoke = began = time.monotonic()
    while dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() - spoke > PROGRESS_SECONDS * 5:
            spoke = time.monotonic()
            say(f"{name} is being restored ({time.monotonic() - began:.0f} s)")
        time.sleep(poll_seconds(client))
    return name


@dataclass(frozen=True, slots=True)
class Difference:
    """A restored row that the table of today does not have or has in another state."""

    key: str
    restored: Item
    today: Item | None


def differences(client: Client, key: str, today: str, restored: str) -> Iterator[Difference]:
    """Compare two tables, both read whole. Rows that only today's table has are newer: they are left out."""
    dynamodb = client("dynamodb")
    here = {item[key]["S"]: item for item in items(dynamodb, today)}
    for item in items(dynamodb, restored):
        its_key = item[key]["S"]
        if here.get(its_key) != item:
            yield Difference(its_key, item, here.get(its_key))


def pause_all(accounts: DynamoAccountStore, at: datetime) -> int:
    """Pause every account until it is checked, also one that an operator has paused. Returns how many it paused."""
    paused = [account for account in accounts.all() if restored_to(account.paused) is None]
    for account in paused:
        accounts.pause(account, reason(at, account.paused))
    return len(paused)


def put_back(client: Client, table: str, difference: Difference, now: datetime) -> bool:
    """Write a restored job. An open one is due for a check now. Returns false when today's row was changed meanwhile."""
    job = job_from(difference.restored)
    if job.is_open:
        job = with_next_check(job, now)
    if difference.today is not None:  # a worker that has read today's row must not overwrite this one
        job = replace(job, version=max(job.version, int(difference.today.get("version", {}).get("N", 0))) + 1)
    return _put(client, table, "jobId", job_item(job), difference.today)


def put_account_back(client: Client, table: str, difference: Difference, at: datetime) -> bool:
    """Write an account that is gone, paused. An existing one is left alone: its next nonce is newer than the restored one."""
    if difference.today is not None:
        return False
    item = difference.restored
    if "keyReference" in item:
        before = account_from(item).paused
        item = {**item, "paused": {"S": before if restored_to(before) and before else reason(at, before)}}
    return _put(client, table, "accountId", item, None)


def _put(client: Client, table: str, key: str, item: Item, today: Item | None) -> bool:
    condition: Mapping[str, Any] = {"ConditionExpression": f"attribute_not_exists({key})"}
    if today is not None:
        condition = {
            "ConditionExpression": "#version = :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":version": today["version"]},
        }
    try:
        client("dynamodb").put_item(TableName=table, Item=item, **condition)
    except ClientError as error:
        if error.response["Error"]["Code"] != CONDITION_FAILED:
            raise
        return False
    return True
