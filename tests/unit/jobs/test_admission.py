"""How many jobs an issuer may have open, and how large one may become before it is retried."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.backoff import ASK_AGAIN_SECONDS
from chalicelib.bounds import Bounds
from chalicelib.errors import CorrelationIdReused, JobTooLarge, ReplyFull, TooManyOpenJobs
from chalicelib.jobs.admission import COUNT_SECONDS, SHARE, Admission
from chalicelib.jobs.issue import Issued, NewJob, issue_job, signing_account
from chalicelib.jobs.model import Job, Status, TransactionRequest
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.retry import Refusal, Retries, RetryQuery, retry_jobs
from tests.unit.jobs.a_job import ISSUER, NOW, OTHER, SOON, TARGET, pending_job
from tests.unit.jobs.use_cases import ADMIN, ME, SOMEBODY, UseCases

LIMIT = 100


class Bounded(UseCases):
    """The use cases with a bound on open jobs and on rows, on a clock that the test moves."""

    def __init__(self, **bounds: int) -> None:
        super().__init__()
        self.seconds = 0.0
        self.counts = 0
        self.away = False
        self.admission = Admission(Bounds(**{"open_jobs_of_owner": LIMIT, **bounds}), lambda: self, lambda: self.seconds)  # type: ignore[arg-type, return-value]

    def count_open(self, owner: str, at_most: int) -> int:
        self.counts += 1
        if self.away:
            raise RuntimeError("the index does not answer")
        return self.jobs.count_open(owner, at_most)

    def row_bytes(self, job: Job) -> int:
        return self.jobs.row_bytes(job)

    def has_open(self, count: int, owner: str = ISSUER) -> None:
        for _ in range(count):
            self.stored(pending_job(job_id=f"{len(self.jobs.rows):024x}", owner=owner, next_check_at=SOON))

    def post(self, principal: Principal = ME, correlation_id: str | None = None, value: int = 1) -> Issued:
        account = signing_account(None, principal, "fuse", 122, self)
        new = NewJob("job", "fuse", account, TransactionRequest(TARGET, value), correlation_id=correlation_id)
        return issue_job(new, principal, self)

    def retry_by(self, query: RetryQuery, principal: Principal = ME, **more: Any) -> Retries:
        return retry_jobs(query, principal, self, **more)

    def failed(self, data: bytes = b"", owner: str = ISSUER) -> str:
        number = len(self.jobs.rows)
        job = pending_job(job_id=f"{number:024x}", owner=owner, request=TransactionRequest(TARGET, data=data))
        closed = {"status": Status.FAILED, "pending_since": None, "next_check_at": None, "last_finished_at": NOW}
        return self.stored(replace(job, **closed))  # type: ignore[arg-type]


# --- open jobs ---------------------------------------------------------------------------------------------------------


def test_an_owner_with_as_many_open_jobs_as_it_may_have_gets_no_other_one() -> None:
    bounded = Bounded()
    bounded.has_open(LIMIT)
    before = dict(bounded.jobs.rows)

    with pytest.raises(TooManyOpenJobs) as refused:
        bounded.post()

    assert (refused.value.http_status, refused.value.code) == (429, "TooManyOpenJobs")
    assert refused.value.retry_after_seconds > 0
    assert bounded.jobs.rows == before and bounded.queue.is_empty


def test_others_are_not_touched_by_it_and_an_administrator_is_an_owner_like_others() -> None:
    bounded = Bounded()
    bounded.has_open(LIMIT)
    bounded.has_open(LIMIT, owner=ADMIN.owner)

    assert not bounded.post(SOMEBODY).replayed
    with pytest.raises(TooManyOpenJobs):
        bounded.post(ADMIN)


def test_jobs_that_end_make_room_again() -> None:
    bounded = Bounded()
    bounded.has_open(LIMIT)
    with pytest.raises(TooManyOpenJobs):
        bounded.post()

    bounded.jobs.rows.popitem()

    bounded.post()


def test_a_request_that_is_repeated_is_answered_as_before_even_at_the_limit() -> None:
    bounded = Bounded()
    first = bounded.post(correlation_id="order-1")
    bounded.has_open(LIMIT)
    bounded.seconds += COUNT_SECONDS

    again = bounded.post(correlation_id="order-1")

    assert (again.replayed, again.job.job_id) == (True, first.job.job_id)
    with pytest.raises(CorrelationIdReused):
        bounded.post(correlation_id="order-1", value=2)
    with pytest.raises(TooManyOpenJobs):
        bounded.post(correlation_id="order-2")


def test_light_traffic_is_counted_once_a_minute() -> None:
    bounded = Bounded()
    for _ in range(LIMIT // SHARE):
        bounded.post()
    assert bounded.counts == 1
    bounded.post()
    assert bounded.counts == 2, "its share is used up"
    bounded.seconds += COUNT_SECONDS
    bounded.post()
    assert bounded.counts == 3


def test_no_process_lets_more_through_than_what_is_left() -> None:
    bounded = Bounded()
    bounded.has_open(LIMIT - 2)

    bounded.post()
    bounded.post()

    bounded.has_open(2)  # the index shows them by now
    with pytest.raises(TooManyOpenJobs):
        bounded.post()


def test_an_index_that_does_not_answer_limits_nobody_and_is_left_alone_for_a_moment() -> None:
    bounded = Bounded()
    bounded.away = True
    for _ in range(LIMIT // SHARE):
        bounded.post()
    assert bounded.counts == 1

    bounded.away = False
    bounded.has_open(LIMIT)
    bounded.seconds += ASK_AGAIN_SECONDS
    with pytest.raises(TooManyOpenJobs):
        bounded.post()


def test_a_retry_counts_for_the_owner_of_the_job_whoever_asks_for_it() -> None:
    bounded = Bounded()
    job_id, others = bounded.failed(), bounded.failed(owner=OTHER)
    bounded.has_open(LIMIT)

    for principal in (ME, ADMIN):
        with pytest.raises(TooManyOpenJobs):
            bounded.retry(job_id, principal)
    assert bounded.retry(others, ADMIN).status is Status.PENDING
    (refusal,) = bounded.retry_by(RetryQuery(status=Status.FAILED)).results
    assert isinstance(refusal, Refusal) and refusal.error.code == "TooManyOpenJobs"


# --- large jobs --------------------------------------------------------------------------------------------------------


def test_a_job_whose_row_has_no_room_is_not_retried_and_those_beside_it_are() -> None:
    bounded = Bounded(row_bytes=50_000)
    large, small = bounded.failed(bytes(60_000)), bounded.failed()
    before = bounded.jobs.rows[large]

    with pytest.raises(JobTooLarge) as refused:
        bounded.retry(large)
    refusal, retried = bounded.retry_by(RetryQuery(status=Status.FAILED)).results

    assert (refused.value.http_status, refused.value.code) == (409, "JobTooLarge")
    assert isinstance(refusal, Refusal) and refusal.error.code == "JobTooLarge"
    assert isinstance(retried, Job) and retried.job_id == small
    assert bounded.jobs.rows[large] == before


# --- replies that are full ---------------------------------------------------------------------------------------------


def test_nothing_is_retried_that_the_reply_has_no_room_for_and_the_next_page_begins_there() -> None:
    bounded = Bounded()
    job_ids = [bounded.failed() for _ in range(5)]

    def page(cursor: Any) -> Retries:
        room = iter([True, True, False])
        return bounded.retry_by(RetryQuery(status=Status.FAILED, cursor=cursor), has_room=lambda _: next(room))

    first = page(None)
    assert [result.job_id for result in first.results] == job_ids[:2]
    assert [bounded.jobs.rows[job_id].status for job_id in job_ids] == [Status.PENDING] * 2 + [Status.FAILED] * 3
    second = page(first.cursor)
    third = page(second.cursor)
    assert [result.job_id for result in (*second.results, *third.results)] == job_ids[2:]
    assert third.cursor is None


def test_jobs_named_by_id_that_the_reply_has_no_room_for_are_refused_in_their_place() -> None:
    bounded = Bounded()
    job_ids = [bounded.failed() for _ in range(3)]
    room = iter([True, False, False])

    retries = bounded.retry_by(RetryQuery(job_ids=job_ids), has_room=lambda _: next(room))

    retried, *refused = retries.results
    assert isinstance(retried, Job)
    assert [refusal.error.code for refusal in refused if isinstance(refusal, Refusal)] == [ReplyFull.code] * 2
    assert [bounded.jobs.rows[job_id].status for job_id in job_ids[1:]] == [Status.FAILED] * 2
