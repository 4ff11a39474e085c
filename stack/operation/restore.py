"""Tables as they were at an earlier moment, beside those there are; and rows put back, with every account paused.

A restored row may be older than the truth: the job that it shows as pending may have been signed since. So nothing is signed
until the rows were compared with the chain (`stack.operation.restore_check`): every account is paused first, and says why.
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
from stack.deployment.waiting import PROGRESS_SECONDS, pause
from stack.errors import StackError
from stack.operation.target import items
from stack.progress import Say

_ALSO = "; before that: "
_REASON = re.compile(re.escape(UNCHECKED) + r" \(as of ([0-9TZ:-]+)\)")
Item = dict[str, Any]


def moment(text: str) -> datetime:
    """Raises StackError for what is no time of the past with its zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise StackError(f"AT must be a time such as 2026-11-22T07:15:00Z, not {text!r}.") from None
    if at.tzinfo is None or at >= datetime.now(UTC):
        raise StackError(f"AT must be a moment of the past, with its zone: 2026-11-22T07:15:00Z; not {text!r}.")
    return at.astimezone(UTC)


def reason(at: datetime, before: str | None = None) -> str:
    """Of the pause of an account; `before`: why an operator had paused it already, which is true again afterwards."""
    also = "" if before in (None, UNFUNDED) else f"{_ALSO}{before}"
    return f"{UNCHECKED} (as of {at:%Y-%m-%dT%H:%M:%SZ}){also}"


def restored_to(paused: str | None) -> datetime | None:
    """The moment that a pause's reason tells; None for a pause of another kind."""
    found = _REASON.match(paused or "")
    return moment(found[1]) if found else None


def paused_before(paused: str) -> str | None:
    """Why it had been paused before it was restored."""
    return paused.partition(_ALSO)[2] or None


def restored_name(table: str, at: datetime) -> str:
    return f"{table}-as-of-{at:%Y%m%d-%H%M%S}"


def restore(client: Client, table: str, at: datetime, say: Say) -> str:
    """The name of a table that holds what `table` held at that moment; one that is there already serves."""
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
        time.sleep(pause(client))
    return name


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of the restored table that the table of today does not have, or has in another state."""

    key: str
    restored: Item
    today: Item | None


def differences(client: Client, key: str, today: str, restored: str) -> Iterator[Difference]:
    """Both tables are read whole. Rows that only today's has are newer than the restore: they stay, and are not told."""
    dynamodb = client("dynamodb")
    here = {item[key]["S"]: item for item in items(dynamodb, today)}
    for item in items(dynamodb, restored):
        its_key = item[key]["S"]
        if here.get(its_key) != item:
            yield Difference(its_key, item, here.get(its_key))


def pause_all(accounts: DynamoAccountStore, at: datetime) -> int:
    """Every account, and say why: one that an operator had paused is not to go on before it is checked, either."""
    paused = [account for account in accounts.all() if restored_to(account.paused) is None]
    for account in paused:
        accounts.pause(account, reason(at, account.paused))
    return len(paused)


def put_back(client: Client, table: str, difference: Difference, now: datetime) -> bool:
    """A job's row as it was, to be looked after from now on: the sweeps have passed it. False when it was changed meanwhile."""
    job = job_from(difference.restored)
    if job.is_open:
        job = with_next_check(job, now)
    if difference.today is not None:  # whoever has read today's row must not win with it
        job = replace(job, version=max(job.version, int(difference.today.get("version", {}).get("N", 0))) + 1)
    return _put(client, table, "jobId", job_item(job), difference.today)


def put_account_back(client: Client, table: str, difference: Difference, at: datetime) -> bool:
    """An account that is gone, paused. Never one that is there: its next nonce is newer than the restored one."""
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
