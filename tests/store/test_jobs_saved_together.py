"""Many rows written at once, each on its own: what becomes of one decides nothing for another (invariant 7)."""

from dataclasses import replace

import pytest

from chalicelib.errors import ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled
from chalicelib.store.jobs import REQUESTS_AT_ONCE
from tests.store.backends import Stores, Tables
from tests.store.building import after, pending_job


def issued(stores: Stores, count: int) -> list[Job]:
    jobs = [pending_job(number) for number in range(count)]
    for job in jobs:
        stores.jobs.issue(job)
    return jobs


@pytest.mark.parametrize("count", [0, 1, 2, 3 * REQUESTS_AT_ONCE])
def test_each_is_written_at_its_version_and_comes_back_in_order(stores: Stores, count: int) -> None:
    jobs = [cancelled(job, after(9)) for job in issued(stores, count)]

    saved = stores.jobs.save_each(jobs)

    assert saved == [replace(job, version=job.version + 1) for job in jobs]
    assert stores.jobs.load([job.job_id for job in jobs]) == saved


def test_one_that_was_changed_meanwhile_is_a_conflict_and_the_others_are_written(stores: Stores) -> None:
    jobs = issued(stores, 5)
    moved_on = stores.jobs.save(cancelled(jobs[2], after(5)))

    outcomes = stores.jobs.save_each([cancelled(job, after(9)) for job in jobs])

    assert [type(outcome) for outcome in outcomes] == [Job, Job, VersionConflict, Job, Job]
    assert stores.jobs.get(jobs[2].job_id) == moved_on


def test_one_that_the_table_does_not_answer_is_no_reason_against_the_others(tables: Tables) -> None:
    jobs = issued(tables.stores, 12)
    lost = jobs[7]
    store = tables.jobs
    save = store.save

    def away(job: Job) -> Job:
        if job.job_id == lost.job_id:
            raise ServiceUnavailable("The table does not answer.")
        return save(job)

    store.save = away  # type: ignore[method-assign]
    outcomes = store.save_each([cancelled(job, after(9)) for job in jobs])

    assert [isinstance(outcome, ServiceUnavailable) for outcome in outcomes] == [job == lost for job in jobs]
    assert sum(isinstance(outcome, Job) for outcome in outcomes) == 11
