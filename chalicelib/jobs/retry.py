"""Retry failed and cancelled jobs: the same job id, one more attempt.

This is safe by invariant 4: nothing of a failed or cancelled job can happen on chain any more.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.errors import JobNotFound, JobNotRetryable, JobsApiError, ReplyFull, VersionConflict
from chalicelib.jobs.api_ports import ApiPorts
from chalicelib.jobs.custody import Custody
from chalicelib.jobs.model import RETRYABLE, Job, Status
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.settlement import is_reorged
from chalicelib.jobs.states import retried
from chalicelib.jobs.stores import FailedQuery, Page

FIRST_CHECK = timedelta(seconds=60)
"""How long a nudge may take before ReconcileJobs sends another."""


@dataclass(frozen=True, slots=True)
class RetryQuery:
    """The filters of a retry by query. A job has to pass all of them. With `job_ids`, only those jobs are read."""

    job_ids: Sequence[str] | None = None
    status: Status | None = None
    """None: failed jobs, and with `job_ids` cancelled jobs, too."""
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


def retry_job(job_id: str, principal: Principal, ports: ApiPorts, *, valid_until: datetime | None = None) -> Job:
    """failed | cancelled → pending. `valid_until` replaces the job's own.

    Raises JobNotFound; JobNotRetryable in any other state (also to the second of two requests), and when validUntil has passed;
    NotYourContract and ValueNotAllowed for what a shared account does not do; JobTooLarge, and TooManyOpenJobs of the job's
    owner.
    """
    custody = Custody(ports)
    job = _visible(ports.jobs.get(job_id), principal)
    if valid_until is not None:
        job = replace(job, request=replace(job.request, valid_until=valid_until))
    _require_chance(job, ports.clock(), custody)
    job = _retry(job, ports)
    nudge_execute(ports.queue, [job])
    return job


def retry_jobs(
    query: RetryQuery,
    principal: Principal,
    ports: ApiPorts,
    *,
    has_room: Callable[[Job], bool] = lambda _job: True,
) -> Retries:
    """Retry every job that the query finds, each on its own: a refused job never stops the others.

    `has_room` tells if the reply has room for a job. From the first job without room on, no job is retried: the next page
    begins with that job. A job that was named by its id is refused with ReplyFull.
    """
    custody = Custody(ports)
    found, page = _find(query, principal, ports)
    results: list[Job | Refusal] = []
    for job_id, job in found:
        try:
            visible = _matching(_visible(job, principal), query)
            _require_chance(visible, ports.clock(), custody)
            if not has_room(visible):
                if page is not None:
                    page = page.first(len(results))
                    break
                raise ReplyFull
            results.append(visible if query.dry_run else _retry(visible, ports))
        except JobsApiError as error:
            results.append(Refusal(job_id, error))
    if not query.dry_run:
        nudge_execute(ports.queue, [result for result in results if isinstance(result, Job)])
    return Retries(tuple(results), None if page is None else page.cursor)


def _find(query: RetryQuery, principal: Principal, ports: ApiPorts) -> tuple[list[tuple[str, Job | None]], Page | None]:
    """Return the jobs to retry, by id, and the page that holds them if the query names no ids."""
    if query.job_ids is not None:
        by_id = {job.job_id: job for job in ports.jobs.load(query.job_ids)}
        return [(job_id, by_id.get(job_id)) for job_id in query.job_ids], None
    page = ports.jobs.find_failed(
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
    """Apply the filters to the row as it is now: an index may lag behind the row, and `job_ids` come unfiltered."""
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


def _retry(job: Job, ports: ApiPorts) -> Job:
    _require_retryable(job)
    now = ports.clock()
    changed = retried(job, now, next_check_at=now + FIRST_CHECK)
    ports.admission.require_small(changed)
    ports.admission.require_room(job.owner)
    try:
        return ports.jobs.save(changed)
    except VersionConflict:
        current = ports.jobs.get(job.job_id) or job
        raise JobNotRetryable(f"The job was changed at the same time; it is {current.status} now.") from None


def _require_chance(job: Job, now: datetime, custody: Custody) -> None:
    """Refuse a retry that cannot succeed: its validUntil has passed, or its account may not sign it."""
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
