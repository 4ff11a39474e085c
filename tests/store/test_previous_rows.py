"""Rows that the previous version wrote: read as what they say, found where they can be, and replaced by the next write."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled
from chalicelib.jobs.stores import FailedQuery
from chalicelib.store.records import job_from, job_item
from tests.store import previous
from tests.store.backends import Tables, assert_eventually
from tests.store.building import ACCOUNT_ID, OWNER, after, new_job_id

JOBS = previous.jobs()
ROWS = previous.rows()


def test_there_is_a_row_for_every_job() -> None:
    assert ROWS.keys() == JOBS.keys()


@pytest.mark.parametrize("name", JOBS)
def test_a_previous_row_is_read_as_the_job_it_was(name: str) -> None:
    assert job_from(ROWS[name]) == JOBS[name]


@pytest.mark.parametrize("name", JOBS)
def test_the_next_write_of_its_job_makes_it_a_row_of_today(name: str) -> None:
    row = job_item(job_from(ROWS[name]))

    assert "createdAt" in ROWS[name]
    assert "createdAt" not in row
    assert job_from(row) == JOBS[name]


def stored(tables: Tables, name: str) -> Job:
    row: Any = ROWS[name]
    tables.inspector.put_item(TableName=tables.jobs_table, Item=row)
    return JOBS[name]


def test_a_previous_row_is_found_read_and_changed_as_any(tables: Tables) -> None:
    job = stored(tables, "pending")

    assert tables.jobs.get(job.job_id) == job
    assert tables.jobs.load([job.job_id]) == [job]
    assert tables.jobs.issue(replace(job, name="another")) == job
    assert_eventually(lambda: tables.jobs.due(after(1_000), 10), [job])
    assert_eventually(lambda: tables.jobs.list_jobs(OWNER, None, None, 10, None).jobs, (job,))
    assert_eventually(lambda: tables.jobs.find_by_external_id("invoice", OWNER, 10, None).jobs, (job,))
    assert_eventually(lambda: tables.jobs.find_by_correlation_id("order-1"), [job])

    saved = tables.jobs.save(cancelled(job, after(5)))

    assert tables.jobs.get(job.job_id) == saved
    assert_eventually(lambda: [job_id for _, job_id in tables.jobs.issued_on(ACCOUNT_ID, None, 10)], [job.job_id])


def test_previous_rows_that_are_written_with_others_become_rows_of_today(tables: Tables) -> None:
    job = stored(tables, "pending")
    today = replace(job, job_id=new_job_id())
    tables.jobs.issue(today)

    read = tables.jobs.load([job.job_id, today.job_id])

    saved = tables.jobs.save_each([cancelled(one, after(5)) for one in read])

    assert saved == tables.jobs.load([job.job_id, today.job_id])
    key = {"jobId": {"S": job.job_id}}
    row = tables.inspector.get_item(TableName=tables.jobs_table, Key=key, ConsistentRead=True)["Item"]
    assert row == job_item(replace(cancelled(job, after(5)), version=job.version + 1))


def test_a_previous_row_of_a_failed_job_is_found_for_a_retry(tables: Tables) -> None:
    job = stored(tables, "failed")

    assert_eventually(lambda: tables.jobs.find_failed(FailedQuery(owner=OWNER), 10, None).jobs, (job,))
