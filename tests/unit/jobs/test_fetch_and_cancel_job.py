"""Each principal sees its own jobs; a cancelled job is one of which nothing can happen any more, or is told so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.errors import JobNotCancellable, JobNotFound, ServiceUnavailable
from chalicelib.jobs.model import Job, Status
from tests.unit.jobs.a_job import pending_job, started_job
from tests.unit.jobs.use_cases import ADMIN, ME, SOMEBODY, UseCases


def test_own_jobs_are_found_by_id_and_by_correlation_id() -> None:
    cases = UseCases()
    job = cases.issue(correlation_id="order-1").job
    assert cases.fetch(job.job_id) == cases.fetch_correlated("order-1") == job


@pytest.mark.parametrize(
    "look",
    [lambda cases, job: cases.fetch(job.job_id, SOMEBODY), lambda cases, job: cases.fetch_correlated("order-1", SOMEBODY)],
)
def test_another_owner_s_job_looks_like_none(look: Callable[[UseCases, Job], Job]) -> None:
    cases = UseCases()
    job = cases.issue(correlation_id="order-1").job
    with pytest.raises(JobNotFound) as theirs:
        look(cases, job)
    with pytest.raises(JobNotFound) as nobodys:
        cases.fetch("0" * 24)
    assert theirs.value.message == nobodys.value.message


def test_an_admin_finds_any_owner_s_job_the_newest_of_several() -> None:
    cases = UseCases()
    cases.issue(correlation_id="order-1")
    cases.now += timedelta(seconds=1)
    newest = cases.issue(SOMEBODY, correlation_id="order-1").job
    assert cases.fetch_correlated("order-1", ADMIN) == newest


def test_a_pending_job_is_cancelled_at_once() -> None:
    cases = UseCases()
    job = cases.cancel(cases.issue().job.job_id)
    assert job.status is Status.CANCELLED
    assert cases.jobs.rows[job.job_id] == job


def test_a_started_job_is_asked_to_cancel_and_confirm_is_nudged() -> None:
    cases = UseCases()
    job = cases.cancel(cases.stored(started_job()))
    assert job.status is Status.CANCEL_REQUESTED
    assert cases.queue.confirmed == [((job.job_id,), 0)]


@pytest.mark.parametrize("status", [Status.PENDING, Status.STARTED])
def test_asked_again_cancel_gives_the_same_answer(status: Status) -> None:
    cases = UseCases()
    job_id = cases.stored(pending_job() if status is Status.PENDING else started_job())
    assert cases.cancel(job_id) == cases.cancel(job_id)


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
def test_a_job_that_has_ended_is_not_cancelled(status: Status) -> None:
    cases = UseCases()
    job_id = cases.stored(pending_job(status=status, pending_since=None))
    with pytest.raises(JobNotCancellable):
        cases.cancel(job_id)
    assert cases.jobs.rows[job_id].status is status


def test_another_owner_s_job_is_not_cancelled() -> None:
    cases = UseCases()
    job_id = cases.issue().job.job_id
    with pytest.raises(JobNotFound):
        cases.cancel(job_id, SOMEBODY)
    assert cases.jobs.rows[job_id].status is Status.PENDING


def test_an_admin_cancels_any() -> None:
    cases = UseCases()
    assert cases.cancel(cases.issue().job.job_id, ADMIN).status is Status.CANCELLED


def test_a_nudge_that_fails_does_not_fail_the_cancellation() -> None:
    cases = UseCases()
    cases.queue.broken = ServiceUnavailable("no queue")
    assert cases.cancel(cases.stored(started_job())).status is Status.CANCEL_REQUESTED


def test_invariant_7_a_cancellation_that_lost_its_race_to_the_worker_asks_for_a_cancel_transaction() -> None:
    cases = UseCases()
    job_id = cases.issue().job.job_id
    read = cases.jobs.get

    def signed_just_after_it_was_read(wanted: str) -> Job | None:
        job = read(wanted)
        cases.jobs.get = read  # type: ignore[method-assign]
        started = started_job()
        cases.jobs.save(replace(cases.jobs.rows[job_id], status=Status.STARTED, attempts=started.attempts, pending_since=None))
        return job

    cases.jobs.get = signed_just_after_it_was_read  # type: ignore[method-assign]
    assert cases.cancel(job_id, ME).status is Status.CANCEL_REQUESTED
    assert cases.jobs.rows[job_id].attempt.outcome is None
