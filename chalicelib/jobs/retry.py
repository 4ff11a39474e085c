"""Retry what failed: the same job, the same id, one more attempt. Safe by invariant 4: a failed job cannot happen any more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.errors import JobNotFound, JobNotRetryable, JobsApiError, ReplyFull, VersionConflict
from chalicelib.jobs.admission import Admission
from chalicelib.jobs.custody import Callees, Custody, called_directly
from chalicelib.jobs.model import RETRYABLE, Job, Status
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.ports import Clock, Queue
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.settlement import is_reorged
from chalicelib.jobs.states import retried
from chalicelib.jobs.stores import AccountStore, FailedQuery, JobStore, Page

FIRST_CHECK = timedelta(seconds=60)
"""How long a nudge may take before reconcile sends another."""


@dataclass(frozen=True, slots=True)
class RetryQuery:
    """Filters of a retry by query; all given ones must hold. With `job_ids`, exactly those jobs are looked at."""

    job_ids: Sequence[str] | None = None
    status: Status | None = None
    """None: failed ones, and with `job_ids` cancelled ones, too."""
    name: str | None = None
    code: str | None = None
    failed_after: datetime | None = None
    failed_before: datetime | None = None
    owner: str | None = None
    limit: int = 50
    cursor: Mapping[str, str] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """One job of a query that was not retried, and why."""

    job_id: str
    error: JobsApiError


@dataclass(frozen=True, slots=True)
class Retries:
    results: tuple[Job | Refusal, ...]
    cursor: Mapping[str, str] | None = None


def retry_job(
    job_id: str,
    principal: Principal,
    *,
    jobs: JobStore,
    queue: Queue,
    clock: Clock,
    accounts: AccountStore | None = None,
    callees: Callees = called_directly,
    admission: Admission | None = None,
    valid_until: datetime | None = None,
) -> Job:
    """failed | cancelled → pending. `valid_until` takes the place of the job's own.

    Raises JobNotFound; JobNotRetryable in any other state (also to the second of two), and when validUntil has passed;
    JobTooLarge, and TooManyOpenJobs of the job's owner. With `accounts` it raises NotYourContract and ValueNotAllowed, too;
    without them, the worker that signs decides alone.
    """
    custody = Custody(jobs, accounts, callees)
    job = _visible(jobs.get(job_id), principal)
    if valid_until is not None:
        job = replace(job, request=replace(job.request, valid_until=valid_until))
    _require_sense(job, clock(), custody)
    job = _retry(job, jobs=jobs, clock=clock, admission=admission)
    nudge_execute(queue, [job])
    return job


def retry_jobs(
    query: RetryQuery,
    principal: Principal,
    *,
    jobs: JobStore,
    queue: Queue,
    clock: Clock,
    accounts: AccountStore | None = None,
    callees: Callees = called_directly,
    admission: Admission | None = None,
    has_room: Callable[[Job], bool] = lambda _job: True,
) -> Retries:
    """Retry every job the query finds, each on its own: one that is refused never stops the rest.

    `has_room` tells whether the reply has room for a job. Where it has none, no further job is retried: the next page begins
    with it; one that was named by id is refused with ReplyFull.
    """
    custody = Custody(jobs, accounts, callees)
    found, page = _find(query, principal, jobs)
    results: list[Job | Refusal] = []
    for job_id, job in found:
        try:
            visible = _matching(_visible(job, principal), query)
            _require_sense(visible, clock(), custody)
            if not has_room(visible):
                if page is not None:
                    page = page.first(len(results))
                    break
                raise ReplyFull
            results.append(visible if query.dry_run else _retry(visible, jobs=jobs, clock=clock, admission=admission))
        except JobsApiError as error:
            results.append(Refusal(job_id, error))
    if not query.dry_run:
        nudge_execute(queue, [result for result in results if isinstance(result, Job)])
    return Retries(tuple(results), None if page is None else page.cursor)


def _find(query: RetryQuery, principal: Principal, jobs: JobStore) -> tuple[list[tuple[str, Job | None]], Page | None]:
    """The jobs to look at, by id; and the page they are, where they were not named by id."""
    if query.job_ids is not None:
        by_id = {job.job_id: job for job in jobs.load(query.job_ids)}
        return [(job_id, by_id.get(job_id)) for job_id in query.job_ids], None
    page = jobs.find_failed(
        FailedQuery(
            status=query.status or Status.FAILED,
            owner=query.owner if principal.is_admin else principal.owner,
            name=query.name,
            code=query.code,
            after=query.failed_after,
            before=query.failed_before,
        ),
        query.limit,
        query.cursor,
    )
    return [(job.job_id, job) for job in page.jobs], page


def _visible(job: Job | None, principal: Principal) -> Job:
    if job is None or not principal.may_see(job):
        raise JobNotFound
    return job


def _matching(job: Job, query: RetryQuery) -> Job:
    """The filters again, on the row as it is now: an index may lag behind it, and `job_ids` come unfiltered."""
    _require_retryable(job)
    finished = job.last_finished_at
    fits = (
        (job.status is query.status if query.status else query.job_ids is not None or job.status is Status.FAILED)
        and query.name in (None, job.name)
        and query.owner in (None, job.owner)
        and (query.code is None or (job.failure is not None and job.failure.code == query.code))
        and (query.failed_after is None or (finished is not None and finished >= query.failed_after))
        and (query.failed_before is None or (finished is not None and finished < query.failed_before))
    )
    if not fits:
        raise JobNotRetryable(f"The job {job.job_id} does not match the other filters of this query.")
    return job


def _retry(job: Job, *, jobs: JobStore, clock: Clock, admission: Admission | None) -> Job:
    _require_retryable(job)
    now = clock()
    changed = retried(job, now, next_check_at=now + FIRST_CHECK)
    if admission is not None:
        admission.require_small(changed)
        admission.require_room(job.owner)
    try:
        return jobs.save(changed)
    except VersionConflict:
        current = jobs.get(job.job_id) or job
        raise JobNotRetryable(f"The job was changed at the same time; it is {current.status} now.") from None


def _require_sense(job: Job, now: datetime, custody: Custody) -> None:
    """A retry has to have a chance: it is in time, and its account may sign it today."""
    _require_retryable(job)
    valid_until = job.request.valid_until
    if valid_until is not None and valid_until < now:
        raise JobNotRetryable(
            f"The job's validUntil, {valid_until.isoformat()}, has passed: POST the retry of this job with a new validUntil."
        )
    custody.require(job)


def _require_retryable(job: Job) -> None:
    if job.status not in RETRYABLE:
        raise JobNotRetryable(f"Only a failed or cancelled job can be retried; this one is {job.status}.")
    if is_reorged(job):
        raise JobNotRetryable("A reorg has replaced the block that closed this job; retry it once its nonce is settled again.")
