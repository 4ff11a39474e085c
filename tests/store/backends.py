"""The stores under contract: in memory, and the real adapter on tables made from the template's own definitions."""

import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from chalicelib.auth.limits import LimitStore
from chalicelib.jobs.stores import AccountStore, JobStore
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.jobs import DynamoJobStore
from chalicelib.store.limits import DynamoLimitStore
from stack import paths
from stack.machine import ministack
from tests.fakes.memory import MemoryAccountStore, MemoryJobStore, MemoryLimitStore

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

THREADS = 20
EVENTUALLY_SECONDS = 5.0
TABLE_PROPERTIES = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
"""What CreateTable calls as CloudFormation does; the rest of a table's properties does not change what it answers."""

_numbers = itertools.count(1)
_session = boto3.Session(ministack.ACCESS_KEY_ID, ministack.SECRET_ACCESS_KEY, region_name=ministack.REGION)


@dataclass(frozen=True, slots=True)
class Stores:
    jobs: JobStore
    accounts: AccountStore
    limits: LimitStore


@dataclass(frozen=True, slots=True)
class Tables:
    """Fresh tables, the adapters on it, their one client, and every call made through it: (operation, table)."""

    url: str
    jobs_table: str
    accounts_table: str
    limits_table: str
    client: "DynamoDBClient"
    calls: list[tuple[str, str | None]]
    inspector: "DynamoDBClient"
    """Another client, for what a test looks at itself."""

    @property
    def jobs(self) -> DynamoJobStore:
        return DynamoJobStore(self.client, self.jobs_table, self.accounts_table)

    @property
    def accounts(self) -> DynamoAccountStore:
        return DynamoAccountStore(self.client, self.accounts_table)

    @property
    def stores(self) -> Stores:
        return Stores(self.jobs, self.accounts, DynamoLimitStore(self.client, self.limits_table))


def memory_stores() -> Stores:
    accounts = MemoryAccountStore()
    return Stores(MemoryJobStore(accounts), accounts, MemoryLimitStore())


@contextmanager
def fresh_tables(url: str) -> Iterator[Tables]:
    """Raises AssertionError at the end when the jobs table was scanned: what a scan costs grows with everything ever stored."""
    inspector = _inspector(url)
    number = next(_numbers)
    names = {resource: f"{resource}-{number}" for resource in ("JobsTable", "AccountsTable", "LimitsTable")}
    for resource, name in names.items():
        inspector.create_table(TableName=name, **table_definition(resource))
    client = dynamodb_client(url)
    calls: list[tuple[str, str | None]] = []

    def record(params: dict[str, Any], model: Any, **_: Any) -> None:
        calls.append((model.name, params.get("TableName")))

    client.meta.events.register("provide-client-params.dynamodb.*", record)
    tables = Tables(url, *names.values(), client, calls, inspector)
    yield tables
    assert ("Scan", tables.jobs_table) not in calls


@cache
def _inspector(url: str) -> "DynamoDBClient":
    return dynamodb_client(url)


@cache
def table_definition(resource: str) -> dict[str, Any]:
    """A table of the template, as CreateTable takes it."""
    template = json.loads((paths.ROOT / ".chalice" / "resources.json").read_text())
    properties = template["Resources"][resource]["Properties"]
    return {name: properties[name] for name in TABLE_PROPERTIES if name in properties}


def dynamodb_client(url: str, attempts: int = 3) -> "DynamoDBClient":
    """`attempts` counts the first one: 1 means that boto repeats nothing."""
    config = Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=2 * THREADS,
        connect_timeout=5,
        read_timeout=20,
    )
    client: DynamoDBClient = _session.client("dynamodb", endpoint_url=url, config=config)
    return client


def assert_eventually(look: Callable[[], Any], expected: Any) -> None:
    """Indexes are eventually consistent: look until what is there is what should be, and tell the difference when it is not."""
    deadline = time.monotonic() + EVENTUALLY_SECONDS
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen == expected


def ids(jobs: Sequence[Any]) -> list[str]:
    return [job.job_id for job in jobs]
