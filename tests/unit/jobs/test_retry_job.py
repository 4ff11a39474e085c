"""Retry: what failed or was cancelled, each job once, one bad one never stopping the rest."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import JobNotFound, JobNotRetryable, ServiceUnavailable
from chalicelib.jobs.model import Failure, Job, Outcome, Status
from chalicelib.jobs.retry import Refusal, RetryQuery
from tests.unit.jobs.a_job import NOW, pending_job, started_job
from tests.unit.jobs.use_cases import ADMIN, ME, SOMEBODY, UseCases


def failed_job(number: int = 1, **changes: Any) -> Job:
    fields = {"status": Status.FAILED, "failure": Failure("TransactionReverted", "no"), "failed_at": NOW, "fail_count": 1}
    times = {"last_finished_at": NOW, "pending_since": None, "next_check_at": None}
    return pending_job(**(fields | times | {"job_id": f"{number:024x}"} | changes))


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_retried_job_is_pending_keeps_its_id_and_is_nudged(status: Status) -> None:
    cases = UseCases()
    job_id = cases.stored(failed_job(status=status))
    job = cases.retry(job_id)
    assert (job.status, job.job_id, job.fail_count) == (Status.PENDING, job_id, 1)
    assert cases.queue.executed == [job_id]
    assert cases.jobs.due(NOW + timedelta(seconds=61), 1) == [job]  # invariant 6


def test_second_retry_of_a_job_conflicts() -> None:
    cases = UseCases()
    job_id = cases.stored(failed_job())
    cases.retry(job_id)
    with pytest.raises(JobNotRetryable):
        cases.retry(job_id)
    assert cases.queue.executed == [job_id]


@pytest.mark.parametrize("status", [Status.PENDING, Status.STARTED, Status.CANCEL_REQUESTED, Status.SUCCEEDED])
def test_a_job_in_any_other_state_is_not_retried(status: Status) -> None:
    cases = UseCases()
    job_id = cases.stored(started_job(status=status))
    with pytest.raises(JobNotRetryable):
        cases.retry(job_id)
    assert cases.jobs.rows[job_id].status is status


def test_invariant_7_of_two_retries_at_the_same_time_one_wins() -> None:
    cases = UseCases()
    job_id = cases.stored(failed_job())
    read = cases.jobs.rows[job_id]
    cases.retry(job_id)
    cases.jobs.get = lambda _: read  # type: ignore[method-assign] -- both had read it before either wrote
    with pytest.raises(JobNotRetryable):
        cases.retry(job_id)
    assert cases.queue.executed == [job_id]


def test_another_owner_s_job_is_not_retried_and_an_admin_retries_any() -> None:
    cases = UseCases()
    job_id = cases.stored(failed_job())
    with pytest.raises(JobNotFound):
        cases.retry(job_id, SOMEBODY)
    assert cases.retry(job_id, ADMIN).status is Status.PENDING


def test_a_nudge_that_fails_does_not_fail_the_retry() -> None:
    cases = UseCases()
    cases.queue.broken = ServiceUnavailable("no queue")
    assert cases.retry(cases.stored(failed_job())).status is Status.PENDING


def test_one_bad_id_never_stops_the_rest() -> None:
    cases = UseCases()
    ids = [
        cases.stored(failed_job(1)),
        "f" * 24,
        cases.stored(replace(started_job(), job_id="e" * 24)),
        cases.stored(failed_job(2)),
    ]
    results = cases.retry_by(RetryQuery(job_ids=ids)).results
    assert [type(result) for result in results] == [Job, Refusal, Refusal, Job]
    assert [result.job_id for result in results] == ids
    assert cases.queue.executed == [ids[0], ids[3]]


def test_an_id_given_twice_is_retried_once() -> None:
    cases = UseCases()
    job_id = cases.stored(failed_job())
    results = cases.retry_by(RetryQuery(job_ids=[job_id, job_id])).results
    assert [type(result) for result in results] == [Job, Refusal]
    assert cases.queue.executed == [job_id]


def test_a_dry_run_changes_nothing() -> None:
    cases = UseCases()
    job = cases.jobs.rows[cases.stored(failed_job())]
    assert cases.retry_by(RetryQuery(dry_run=True)).results == (job,)
    assert cases.jobs.rows[job.job_id] == job
    assert cases.queue.is_empty


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [1, 3, 4]),
        ({"status": Status.CANCELLED}, [2]),
        ({"name": "mint"}, [3]),
        ({"code": "Expired"}, [4]),
        ({"failed_after": NOW + timedelta(minutes=3)}, [3, 4]),
        ({"failed_before": NOW + timedelta(minutes=3)}, [1]),
        ({"limit": 2}, [1, 3]),
    ],
    ids=str,
)
def test_a_query_retries_own_jobs_that_match(query: dict[str, Any], found: list[int]) -> None:
    cases = UseCases()
    for number, changes in enumerate(
        [{}, {"status": Status.CANCELLED}, {"name": "mint"}, {"failure": Failure("Expired", "late")}, {"owner": "not mine"}], 1
    ):
        cases.stored(failed_job(number, last_finished_at=NOW + timedelta(minutes=number), **changes))
    retried = cases.retry_by(RetryQuery(**query), ME).results
    assert [int(result.job_id, 16) for result in retried] == found
    assert all(isinstance(result, Job) and result.status is Status.PENDING for result in retried)


def test_the_pages_of_a_query_cover_every_failed_job_once() -> None:
    cases = UseCases()
    ids = {cases.stored(failed_job(number)) for number in range(1, 8)}
    seen: list[str] = []
    cursor = None
    for _ in range(4):
        page = cases.retry_by(RetryQuery(limit=3, cursor=cursor, dry_run=True))
        seen += [result.job_id for result in page.results]
        cursor = page.cursor
        if cursor is None:
            break
    assert (sorted(seen), cursor) == (sorted(ids), None)


def test_invariant_3_a_retried_job_has_no_unsettled_attempt() -> None:
    cases = UseCases()
    attempt = replace(started_job().attempt, outcome=Outcome.REVERTED)
    job = cases.retry(cases.stored(failed_job(attempts=(attempt,))))
    assert all(one.outcome is not None for one in job.attempts)
