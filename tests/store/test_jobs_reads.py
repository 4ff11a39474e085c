"""How the adapter reads: never by a scan of the jobs table, and again what a batched read left out."""

import inspect
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.errors import ServiceUnavailable
from chalicelib.jobs.model import Job
from chalicelib.jobs.stores import FailedQuery, JobStore
from chalicelib.store.records import job_item
from chalicelib.store.stored_job import with_row
from tests.store.backends import Tables, ids
from tests.store.building import ACCOUNT_ID, ADDRESS, OWNER, account, after, new_job_id, pending_job, signed_job
from tests.store.faults import leave_unprocessed


def issued(tables: Tables, count: int) -> list[Job]:
    jobs = [pending_job(number) for number in range(count)]
    for job in jobs:
        tables.jobs.issue(job)
    return jobs


def test_nothing_the_store_does_scans_the_jobs_table(tables: Tables) -> None:
    tables.accounts.put(account())
    jobs, job = tables.jobs, pending_job(name="createWallet", subject="a hash", result={"walletAddress": ADDRESS})
    two = [replace(job, version=2), replace(job, job_id=new_job_id())]
    uses: dict[str, Callable[[], object]] = {
        "issue": lambda: jobs.issue(job),
        "get": lambda: jobs.get(job.job_id),
        "load": lambda: jobs.load([job.job_id]),
        "find_by_correlation_id": lambda: jobs.find_by_correlation_id("order-1"),
        "find_by_external_id": lambda: [jobs.find_by_external_id("invoice", owner, 10, None) for owner in (OWNER, None)],
        "list_jobs": lambda: [jobs.list_jobs(owner, job.status, job.name, 10, None) for owner in (OWNER, None)],
        "find_failed": lambda: [jobs.find_failed(FailedQuery(owner=owner), 10, None) for owner in (OWNER, None)],
        "issued_on": lambda: jobs.issued_on(ACCOUNT_ID, None, 10),
        "issued_until": lambda: jobs.issued_until(ACCOUNT_ID, "9", 10),
        "earliest_waiting": lambda: jobs.earliest_waiting(ACCOUNT_ID, job.issued_order),
        "count_pending": lambda: jobs.count_pending(account(), 10),
        "has_pending": lambda: jobs.has_pending(account()),
        "find_by_subject": lambda: jobs.find_by_subject("createWallet", "a hash", 10),
        "find_by_creation": lambda: jobs.find_by_creation(ADDRESS, "createWallet", 10),
        "count_open": lambda: jobs.count_open(OWNER, 10),
        "watched": lambda: jobs.watched(10),
        "due": lambda: jobs.due(after(100), 10),
        "save": lambda: jobs.save(job),
        "save_each": lambda: jobs.save_each([with_row(one, job_item(one)) for one in two]),
        "row_bytes": lambda: jobs.row_bytes(job),
        "start": lambda: jobs.start(account(), 1, [signed_job(replace(job, version=3), 0)]),
    }
    assert uses.keys() == {name for name, _ in inspect.getmembers(JobStore, inspect.isfunction) if not name.startswith("_")}
    tables.calls.clear()

    for use in uses.values():
        use()

    operations = {operation for operation, table in tables.calls if table != tables.accounts_table}
    assert operations == {"PutItem", "GetItem", "BatchGetItem", "Query", "TransactWriteItems", "BatchExecuteStatement"}


def test_250_ids_are_read_consistently_in_three_batches(tables: Tables) -> None:
    known = issued(tables, 3)
    asked = [*(new_job_id() for _ in range(247)), *ids(known)]
    requests = leave_unprocessed(tables.client, tables.jobs_table, rounds=0, keys=0)

    assert tables.jobs.load(asked) == known
    assert [len(request["Keys"]) for request in requests] == [100, 100, 50]
    assert all(request["ConsistentRead"] for request in requests)


def test_a_single_job_is_read_consistently(tables: Tables) -> None:
    """Or an issuer that was just answered with an id would not find it."""
    reads: list[bool] = []
    tables.client.meta.events.register(
        "provide-client-params.dynamodb.GetItem", lambda params, **_: reads.append(params.get("ConsistentRead", False))
    )

    tables.jobs.get(new_job_id())
    tables.accounts.get(ACCOUNT_ID)

    assert reads == [True, True]


def test_where_a_moment_ago_is_good_enough_a_read_costs_half(tables: Tables) -> None:
    tables.accounts.put(account())
    jobs = issued(tables, 3)
    many = leave_unprocessed(tables.client, tables.jobs_table, rounds=1, keys=1)
    one: list[bool] = []
    tables.client.meta.events.register(
        "provide-client-params.dynamodb.GetItem", lambda params, **_: one.append(params.get("ConsistentRead", False))
    )

    assert tables.jobs.load(ids(jobs), consistent=False) == jobs
    assert tables.accounts.get(ACCOUNT_ID, consistent=False) == account()

    assert [request["ConsistentRead"] for request in many] == [False, False]
    assert one == [False]


@pytest.mark.parametrize("keys", [1, 2, 5])
def test_keys_left_unprocessed_are_asked_for_again(tables: Tables, keys: int) -> None:
    jobs = issued(tables, 5)
    requests = leave_unprocessed(tables.client, tables.jobs_table, rounds=2, keys=keys)

    assert tables.jobs.load(ids(jobs)) == jobs
    assert [len(request["Keys"]) for request in requests] == [5, keys, min(keys, 5)]
    assert all(request["ConsistentRead"] for request in requests)


def test_keys_left_unprocessed_for_ever_are_an_unavailable_service(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaving a job out would say that it does not exist (invariant 8)."""
    jobs = issued(tables, 2)
    leave_unprocessed(tables.client, tables.jobs_table, rounds=1_000, keys=1)
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)

    with pytest.raises(ServiceUnavailable):
        tables.jobs.load(ids(jobs))
    assert 3 <= len(pauses) <= 10
    assert sum(pauses) < 15
