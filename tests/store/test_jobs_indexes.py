"""The sparse indexes: a job stands in each exactly while it belongs there, and costs nothing in the others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.jobs.endings import confirmed, displaced
from chalicelib.jobs.model import Failure, Job, Status
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.states import cancel_requested, cancelled, failed, retried, started, waiting, with_next_check
from chalicelib.jobs.stores import FailedQuery
from chalicelib.store.keys import shard
from tests.store.backends import Stores, Tables, assert_eventually
from tests.store.building import ACCOUNT_ID, ADDRESS, OWNER, account, after, attempt, pending_job

MINED = Receipt(attempt(7).latest.hash, 20, "0xb10c", succeeded=True, gas_used=21_000, effective_gas_price=1)
SPARSE = {
    "open": "openShard",
    "pending": "pendingAccount",
    "failed": "failedShard",
    "failedOfOwner": "failedOwner",
    "subject": "subjectKey",
    "creation": "creation",
}
ORDERS = {"open": "nextCheckAt", "pending": "pendingOrder", "subject": "issuedOrder", "creation": "issuedOrder"}
MADE = {"walletAddress": ADDRESS, "blockNumber": 20}

Step = tuple[Callable[[Job], Job], set[str]]
"""A transition, and what the job is found as after it: a fresh one is pending, but not in the index of those."""

fresh = {"pending"}
looked_after = {"pending", "open"}
wait: Step = (lambda job: waiting(job, after(1), after(2), "no funds", next_check_at=after(3)), looked_after)
start: Step = (lambda job: started(job, attempt(7), after(4), next_check_at=after(5)), set())
start_again: Step = (start[0], {"open"})
check: Step = (lambda job: with_next_check(job, after(6)), {"open"})
check_pending: Step = (check[0], looked_after)
ask_to_cancel: Step = (lambda job: cancel_requested(job, after(7)), {"open"})
succeed: Step = (lambda job: confirmed(job, MINED, after(8)), set())
displace: Step = (lambda job: displaced(job, after(9), next_check_at=after(10)), looked_after)
fail: Step = (lambda job: failed(job, Failure("Expired", "too late"), after(11)), {"failed"})
cancel: Step = (lambda job: cancelled(job, after(12)), {"cancelled"})
retry: Step = (lambda job: retried(job, after(13), next_check_at=after(14)), looked_after)

LIVES = {
    "succeeds": [start, succeed],
    "is swept up in flight, and succeeds": [start, check, succeed],
    "is swept up as it is pending, and succeeds": [check_pending, start_again, succeed],
    "waits, and succeeds although it was to be cancelled": [wait, start_again, ask_to_cancel, succeed],
    "loses its nonce to another program": [start, displace, start_again, succeed],
    "fails, is retried, waits and fails again": [fail, retry, wait, fail, retry, start_again, succeed],
    "is cancelled, retried and cancelled again": [cancel, retry, cancel],
    "fails as it waits, is retried and cancelled": [wait, fail, retry, cancel],
}
each_life = pytest.mark.parametrize("steps", LIVES.values(), ids=LIVES.keys())


@each_life
def test_a_job_is_found_as_what_it_is_and_as_nothing_else(stores: Stores, steps: Sequence[Step]) -> None:
    jobs, job = stores.jobs, pending_job()
    later = pending_job(500)

    def found_as() -> set[str]:
        finds = {
            "open": jobs.due(after(1_000_000), 10),
            "pending": jobs.earliest_waiting(ACCOUNT_ID, later.issued_order) and jobs.has_pending(account()),
            "failed": jobs.find_failed(FailedQuery(Status.FAILED, OWNER), 10, None).jobs,
            "cancelled": jobs.find_failed(FailedQuery(Status.CANCELLED, OWNER), 10, None).jobs,
        }
        return {name for name, found in finds.items() if found}

    jobs.issue(job)
    assert_eventually(found_as, fresh)
    for change, belongs_in in steps:
        job = jobs.save(change(job))
        assert_eventually(found_as, belongs_in)


@each_life
def test_the_sparse_indexes_hold_a_job_exactly_while_it_belongs_there(tables: Tables, steps: Sequence[Step]) -> None:
    job = pending_job()
    its_shard = shard(job.job_id)
    entries_of = {
        "open": {("open", its_shard)},
        "pending": {("pending", ACCOUNT_ID)},
        "failed": {("failed", f"failed#{its_shard}"), ("failedOfOwner", f"failed#{OWNER}")},
        "cancelled": {("failed", f"cancelled#{its_shard}"), ("failedOfOwner", f"cancelled#{OWNER}")},
    }

    def entries_as(names: set[str]) -> list[tuple[str, str]]:
        return sorted(entry for name in names if names != fresh for entry in entries_of[name])

    def entries() -> list[tuple[str, str]]:
        return sorted(
            (index, item[partition]["S"])
            for index, partition in SPARSE.items()
            for item in tables.inspector.scan(TableName=tables.jobs_table, IndexName=index)["Items"]
        )

    tables.jobs.issue(job)
    assert_eventually(entries, entries_as(fresh))
    for change, belongs_in in steps:
        job = tables.jobs.save(change(job))
        assert_eventually(entries, entries_as(belongs_in))


def test_a_job_that_has_made_something_stands_in_the_index_of_that_and_of_its_subject(tables: Tables) -> None:
    """Not before: jobs that make nothing, however many, must not hide it. What else changes of the job is not written there."""
    job = pending_job(name="createWallet", subject="a hash")

    def entries() -> list[tuple[str, str]]:
        return [
            (item[SPARSE[index]]["S"], item["issuedOrder"]["S"])
            for index in ("subject", "creation")
            for item in tables.inspector.scan(TableName=tables.jobs_table, IndexName=index)["Items"]
        ]

    issued_order = job.issued_order
    about, made = ("createWallet#a hash", issued_order), (ADDRESS, issued_order)
    tables.jobs.issue(job)
    job = tables.jobs.save(started(job, attempt(7), after(4), next_check_at=after(5)))
    assert entries() == []
    job = tables.jobs.save(replace(confirmed(job, MINED, after(8)), result=MADE))
    assert_eventually(entries, [about, made])
    tables.jobs.save(replace(job, checks=1))
    assert_eventually(entries, [about, made])


@each_life
def test_a_job_stands_in_the_index_of_its_account_from_its_issue_on_and_is_never_written_there_again(
    tables: Tables, steps: Sequence[Step]
) -> None:
    job = pending_job()
    entry = {
        "accountId": {"S": ACCOUNT_ID},
        "issuedOrder": {"S": job.issued_order},
        "jobId": {"S": job.job_id},
    }

    def entries() -> list[dict[str, Any]]:
        return [dict(item) for item in tables.inspector.scan(TableName=tables.jobs_table, IndexName="account")["Items"]]

    tables.jobs.issue(job)
    assert_eventually(entries, [entry])
    for change, _ in steps:
        job = tables.jobs.save(change(job))
        assert_eventually(entries, [entry])


@pytest.mark.parametrize("index", ORDERS)
def test_an_entry_of_a_sparse_index_is_keys_only(tables: Tables, index: str) -> None:
    """Whatever else stood in it would be written again with every change of the job."""
    tables.jobs.issue(pending_job(subject="a hash", result=MADE, next_check_at=after(60)))
    keys = {SPARSE[index], ORDERS[index], "jobId"}

    def attributes() -> list[set[str]]:
        return [set(item) for item in tables.inspector.scan(TableName=tables.jobs_table, IndexName=index)["Items"]]

    assert_eventually(attributes, [keys])
