"""One row's trouble is one row's: what cannot be written or read stops no other (invariant 12). And what one owner has open."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import RowUnreadable, VersionConflict, WriteRefused
from chalicelib.jobs.model import Job, TransactionRequest
from chalicelib.jobs.states import cancelled, with_next_check
from chalicelib.store.records import job_item
from chalicelib.store.stored_job import with_row
from tests.store.backends import Stores, Tables, assert_eventually, ids
from tests.store.building import (
    ACCOUNT_ID,
    OTHER_ADDRESS,
    OTHER_OWNER,
    OWNER,
    account,
    after,
    failed_job,
    pending_job,
    signed_job,
)

KIB = 1024
TOO_LARGE = bytes(range(256)) * (4 * 400)
"""With anything beside it, more than a row of 400 KB holds."""


def issued(stores: Stores, count: int, data: bytes = b"") -> list[Job]:
    jobs = [pending_job(number, request=TransactionRequest(OTHER_ADDRESS, data=data)) for number in range(count)]
    for job in jobs:
        stores.jobs.issue(job)
    return jobs


def grown(job: Job) -> Job:
    return replace(job, request=replace(job.request, data=TOO_LARGE))


# --- rows that are not taken -------------------------------------------------------------------------------------------


def test_the_size_of_a_row_is_that_of_the_row_as_it_would_be_written(stores: Stores) -> None:
    small, large = pending_job(), pending_job(request=TransactionRequest(OTHER_ADDRESS, data=bytes(64 * KIB)))

    assert 200 < stores.jobs.row_bytes(small) < KIB
    assert stores.jobs.row_bytes(large) - stores.jobs.row_bytes(small) == pytest.approx(64 * KIB, abs=100)
    assert stores.jobs.row_bytes(signed_job(large, 7, b"\x02" + large.request.data)) < 66 * KIB, "the data stands there once"


@pytest.mark.parametrize("write", ["issue", "save"])
def test_a_row_that_is_too_large_is_refused_by_name_and_nothing_is_written(stores: Stores, write: str) -> None:
    (job,) = issued(stores, 1)
    too_large = grown(job) if write == "save" else grown(pending_job())

    with pytest.raises(WriteRefused) as refused:
        getattr(stores.jobs, write)(too_large)

    assert refused.value.job_ids == (too_large.job_id,)
    assert not refused.value.passing
    assert stores.jobs.load([job.job_id, too_large.job_id]) == [job]


def test_of_many_rows_only_the_one_that_is_too_large_is_refused(stores: Stores) -> None:
    jobs = stores.jobs.load(ids(issued(stores, 5)))
    changed = [cancelled(job, after(9)) for job in jobs]
    changed[2] = grown(changed[2])

    outcomes = stores.jobs.save_each(changed)

    assert [type(outcome) for outcome in outcomes] == [Job, Job, WriteRefused, Job, Job]
    assert isinstance(outcomes[2], WriteRefused) and outcomes[2].job_ids == (jobs[2].job_id,)
    assert stores.jobs.get(jobs[2].job_id) == jobs[2]


def test_a_start_with_a_row_that_is_too_large_writes_nothing_and_says_so(stores: Stores) -> None:
    stores.accounts.put(account(7))
    jobs = issued(stores, 3)
    signed = [signed_job(job, nonce) for nonce, job in enumerate(jobs, 7)]
    signed[1] = grown(signed[1])

    with pytest.raises(WriteRefused) as refused:
        stores.jobs.start(account(7), 10, signed)

    assert set(refused.value.job_ids) <= {jobs[1].job_id}, "where the table tells which one"
    assert stores.accounts.get(ACCOUNT_ID) == account(7)
    assert stores.jobs.load(ids(jobs)) == jobs


def test_a_start_whose_rows_are_too_large_together_writes_nothing_and_says_so(stores: Stores) -> None:
    stores.accounts.put(account(7))
    jobs = issued(stores, 13, bytes(350 * KIB))

    with pytest.raises(WriteRefused) as refused:
        stores.jobs.start(account(7), 20, [signed_job(job, nonce) for nonce, job in enumerate(jobs, 7)])

    assert refused.value.job_ids == ()
    assert stores.jobs.load(ids(jobs)) == jobs


def test_a_lost_race_is_one_whether_or_not_a_row_is_too_large_as_well(stores: Stores) -> None:
    """What is true now decides first."""
    stores.accounts.put(account(7))
    jobs = issued(stores, 2)
    stores.jobs.save(cancelled(jobs[0], after(5)))

    with pytest.raises((VersionConflict, WriteRefused)):
        stores.jobs.start(account(7), 9, [signed_job(jobs[0], 7), grown(signed_job(jobs[1], 8))])
    assert stores.accounts.get(ACCOUNT_ID) == account(7)


# --- rows that cannot be read ------------------------------------------------------------------------------------------


def spoiled(tables: Tables, job: Job) -> Job:
    """Its row is there, in every index, and makes no job."""
    row: dict[str, Any] = {
        **job_item(job),
        "status": {"S": "no state of any job"},
        "data": {"M": {"phone": {"S": "+12025550"}}},
    }
    tables.inspector.put_item(TableName=tables.jobs_table, Item=row)
    return job


FINDS: dict[str, Callable[[Tables, list[str]], Any]] = {
    "load": lambda tables, job_ids: tables.jobs.load(job_ids),
    "due": lambda tables, _: tables.jobs.due(after(1_000), 10),
    "watched": lambda tables, _: tables.jobs.watched(10),
    "list": lambda tables, _: tables.jobs.list_jobs(OWNER, None, None, 10, None).jobs,
    "external": lambda tables, _: tables.jobs.find_by_external_id("invoice", OWNER, 10, None).jobs,
}


@pytest.mark.parametrize("find", FINDS)
def test_a_row_that_cannot_be_read_is_told_to_the_operator_and_left_out(
    tables: Tables, find: str, caplog: pytest.LogCaptureFixture
) -> None:
    good = with_next_check(pending_job(1, external_id="invoice"), after(30))
    bad = spoiled(tables, with_next_check(pending_job(2, external_id="invoice"), after(20)))
    tables.jobs.issue(good)

    assert_eventually(lambda: list(FINDS[find](tables, [bad.job_id, good.job_id])), [good])
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {record.__dict__["jobId"] for record in errors} == {bad.job_id}
    assert "+1202" not in caplog.text and "no state" not in str([record.__dict__ for record in errors])


def test_rows_that_cannot_be_read_do_not_keep_those_behind_them_from_being_due(tables: Tables) -> None:
    for number in range(12):
        spoiled(tables, with_next_check(pending_job(number), after(number)))
    good = with_next_check(pending_job(50), after(60))
    tables.jobs.issue(good)

    assert_eventually(lambda: tables.jobs.due(after(1_000), 3), [good])
    assert tables.jobs.watched(3) == [good]


def test_a_row_of_a_newer_version_does_not_keep_the_others_from_being_due(tables: Tables) -> None:
    newer = {**job_item(with_next_check(pending_job(1), after(5))), "format": {"N": "1000"}}
    tables.inspector.put_item(TableName=tables.jobs_table, Item=newer)
    good = with_next_check(pending_job(2), after(6))
    tables.jobs.issue(good)

    assert_eventually(lambda: tables.jobs.due(after(1_000), 10), [good])
    assert tables.jobs.watched(10) == [good]


def test_a_row_that_cannot_be_read_is_an_error_of_its_own_where_it_alone_is_asked_for(tables: Tables) -> None:
    bad = spoiled(tables, pending_job(1))
    (good,) = tables.jobs.load(ids(issued(tables.stores, 1)))

    with pytest.raises(RowUnreadable):
        tables.jobs.get(bad.job_id)
    with pytest.raises(RowUnreadable):
        tables.jobs.issue(bad)
    with pytest.raises(RowUnreadable):
        tables.jobs.save(replace(bad, version=7))
    stale = replace(bad, version=7)
    changed = [cancelled(with_row(stale, job_item(stale)), after(9)), cancelled(good, after(9))]
    outcomes = tables.jobs.save_each(changed)
    assert [type(outcome) for outcome in outcomes] == [RowUnreadable, Job]


# --- what an owner has open --------------------------------------------------------------------------------------------


def test_an_owners_open_jobs_are_counted_once_they_are_looked_after(stores: Stores) -> None:
    jobs = [with_next_check(pending_job(number), after(60 + number)) for number in range(5)]
    fresh, of_another = pending_job(9), with_next_check(pending_job(9, owner=OTHER_OWNER), after(60))
    for job in (*jobs, fresh, of_another, failed_job(20)):
        stores.jobs.issue(job)

    assert_eventually(lambda: stores.jobs.count_open(OWNER, 100), 5)
    assert stores.jobs.count_open(OWNER, 3) == 3
    assert stores.jobs.count_open(OTHER_OWNER, 100) == 1
    assert stores.jobs.count_open("nobody", 100) == 0

    stores.jobs.save(cancelled(jobs[0], after(70)))
    assert_eventually(lambda: stores.jobs.count_open(OWNER, 100), 4)
