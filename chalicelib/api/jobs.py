"""The jobs resource: issue, fetch, list, retry, cancel."""

from collections.abc import Mapping

from chalicelib.api.body import shown
from chalicelib.api.endpoint import Call, Right, Route
from chalicelib.api.errors import invalid
from chalicelib.api.fields import DEFAULT_PAGE
from chalicelib.api.paths import readings
from chalicelib.api.requests import (
    CorrelationIdPath,
    ExternalQuery,
    IssueBody,
    JobPath,
    ListQuery,
    RetryBody,
    RetryFilters,
)
from chalicelib.api.views import (
    IssuedView,
    JobPageView,
    JobsView,
    JobView,
    OneJobView,
    RefusalView,
    RetriesView,
    job_view,
    refusal_view,
)
from chalicelib.api.wire import Reply
from chalicelib.errors import (
    CorrelationIdReused,
    Forbidden,
    InvalidJobId,
    InvalidRequest,
    JobNotCancellable,
    JobNotFound,
    JobNotRetryable,
)
from chalicelib.jobs import fetch
from chalicelib.jobs.cancel import cancel_job
from chalicelib.jobs.ids import JOB_ID, derived_job_id
from chalicelib.jobs.issue import Issued, issue_job
from chalicelib.jobs.model import Job
from chalicelib.jobs.ports import Page
from chalicelib.jobs.retry import Refusal, RetryQuery, retry_job, retry_jobs

# --- issue -------------------------------------------------------------------------------------------------------------


def issue(call: Call) -> Reply:
    services = call.services
    body = IssueBody.parse(call.body)
    request = body.job_request(services.network, services.chain_id)
    if body.valid_until is not None and body.valid_until <= services.clock() and not _already_issued(call, body):
        raise invalid([("validUntil", "validUntil is in the past: nothing was issued.")])
    issued = issue_job(
        request,
        call.principal,
        jobs=services.jobs,
        accounts=services.accounts,
        queue=services.queue,
        clock=services.clock,
        mined=services.mined_counts,
    )
    return issued_reply(issued)


def issued_reply(issued: Issued) -> Reply:
    """To its owner: 201 with a new job; 200 and `Idempotent-Replayed` with one that was there already."""
    view: IssuedView = {"job": job_view(issued.job, issued.job.owner)}
    return Reply(view, 200, {"Idempotent-Replayed": "true"}) if issued.replayed else Reply(view, 201)


def _already_issued(call: Call, body: IssueBody) -> bool:
    """A request repeated after its validUntil, because its first answer was lost, still has that answer."""
    if body.correlation_id is None:
        return False
    return call.services.jobs.get(derived_job_id(call.principal.owner, body.correlation_id)) is not None


# --- fetch -------------------------------------------------------------------------------------------------------------


def fetch_by_id(call: Call) -> Reply:
    return _one(call, fetch.fetch_job(_job_id(call), call.principal, jobs=call.services.jobs))


def fetch_by_correlation_id(call: Call) -> Reply:
    *likelier, last = readings(call.path["correlation_id"])
    for correlation_id in likelier:
        try:
            return _one(call, _by_correlation_id(call, correlation_id))
        except (JobNotFound, InvalidRequest):
            continue
    return _one(call, _by_correlation_id(call, last))


def _by_correlation_id(call: Call, correlation_id: str) -> Job:
    checked = CorrelationIdPath.parse({"correlationId": correlation_id}).correlation_id
    return fetch.fetch_by_correlation_id(checked, call.principal, jobs=call.services.jobs)


def fetch_by_external_id(call: Call) -> Reply:
    external_id = ExternalQuery.parse(call.query).external_id
    found = fetch.fetch_by_external_id(external_id, call.principal, jobs=call.services.jobs)
    view: JobsView = {"data": [job_view(job, call.principal.owner, listed=True) for job in found]}
    return Reply(view)


def list_page(call: Call) -> Reply:
    """Own jobs, newest first; everybody's for an administrator."""
    query = ListQuery.parse(call.query)
    scope = _scope(call, "list", query.scope())
    page: Page = fetch.list_jobs(
        call.principal,
        status=query.status,
        name=query.name,
        limit=query.limit,
        cursor=_position(call, query.cursor, scope),
        jobs=call.services.jobs,
    )
    view: JobPageView = {"data": [job_view(job, call.principal.owner, listed=True) for job in page.jobs]}
    if page.cursor is not None:
        view["nextCursor"] = call.services.cursors.write(page.cursor, scope)
    return Reply(view)


# --- retry and cancel --------------------------------------------------------------------------------------------------


def retry_one(call: Call) -> Reply:
    services = call.services
    return _one(call, retry_job(_job_id(call), call.principal, jobs=services.jobs, queue=services.queue, clock=services.clock))


def retry_by_query(call: Call) -> Reply:
    """Every job that fits, each on its own; an id that is none is refused in its place, and stops nothing."""
    services = call.services
    filters = RetryFilters.from_call(call.query, call.body)
    if filters.owner not in (None, call.principal.owner) and not call.principal.is_admin:
        raise Forbidden("Only an administrator may retry another owner's jobs.")
    scope = _scope(call, "retry", filters.scope())
    query = RetryQuery(
        job_ids=None if filters.ids is None else [job_id for job_id in filters.ids if JOB_ID.fullmatch(job_id)],
        status=filters.status,
        name=filters.name,
        code=filters.code,
        failed_after=filters.failed_after,
        failed_before=filters.failed_before,
        owner=filters.owner,
        limit=filters.limit or DEFAULT_PAGE,
        cursor=_position(call, filters.cursor, scope),
        dry_run=filters.dry_run,
    )
    retries = retry_jobs(query, call.principal, jobs=services.jobs, queue=services.queue, clock=services.clock)
    results = list(retries.results)
    for index, job_id in enumerate(filters.ids or ()):
        if not JOB_ID.fullmatch(job_id):
            results.insert(index, Refusal(shown(job_id), InvalidJobId()))
    reader = call.principal.owner
    data: list[JobView | RefusalView] = [
        refusal_view(result) if isinstance(result, Refusal) else job_view(result, reader, listed=True) for result in results
    ]
    view: RetriesView = {"data": data, "size": len(data)}
    if retries.cursor is not None:
        view["nextCursor"] = call.services.cursors.write(retries.cursor, scope)
    return Reply(view)


def cancel(call: Call) -> Reply:
    services = call.services
    return _one(call, cancel_job(_job_id(call), call.principal, jobs=services.jobs, queue=services.queue, clock=services.clock))


# --- parts of requests and replies -------------------------------------------------------------------------------------


def _job_id(call: Call) -> str:
    """What cannot be an id is told apart from what is none (404): it is a mistake in the client."""
    job_id = call.path["job_id"]
    if not JOB_ID.fullmatch(job_id):
        raise InvalidJobId
    return job_id


def _one(call: Call, job: Job) -> Reply:
    view: OneJobView = {"data": job_view(job, call.principal.owner)}
    return Reply(view)


def _scope(call: Call, endpoint: str, filters: Mapping[str, str | None]) -> Mapping[str, str | None]:
    who = {"endpoint": endpoint, "caller": call.principal.owner, "sees": "all" if call.principal.is_admin else "own"}
    return {**filters, **who}


def _position(call: Call, cursor: str | None, scope: Mapping[str, str | None]) -> Mapping[str, str] | None:
    return None if cursor is None else call.services.cursors.read(cursor, scope)


# --- routes ------------------------------------------------------------------------------------------------------------

ROUTES: tuple[Route, ...] = (
    Route(
        methods=("POST",),
        path="/api/v2/jobs",
        handler=issue,
        right=Right.ISSUER,
        summary="Issue a transaction: a job, at once; it is signed and sent by a worker.",
        replies={201: IssuedView, 200: IssuedView},
        body=IssueBody,
        errors=(CorrelationIdReused, Forbidden),
    ),
    Route(
        methods=("GET",),
        path="/api/v2/jobs",
        handler=list_page,
        right=Right.ISSUER,
        summary="List own jobs, newest first; an administrator lists everybody's.",
        replies={200: JobPageView},
        query=ListQuery,
    ),
    Route(
        methods=("GET",),
        path="/api/v2/jobs/{job_id}",
        handler=fetch_by_id,
        right=Right.ISSUER,
        summary="Fetch a job by its id.",
        replies={200: OneJobView},
        path_parameters=JobPath,
        errors=(InvalidJobId, JobNotFound),
    ),
    Route(
        methods=("GET",),
        path="/api/v2/jobs/correlationId/{correlation_id}",
        handler=fetch_by_correlation_id,
        right=Right.ISSUER,
        summary="Fetch a job by the issuer's own id.",
        replies={200: OneJobView},
        path_parameters=CorrelationIdPath,
        errors=(JobNotFound,),
    ),
    Route(
        methods=("GET",),
        path="/api/v2/jobs/external",
        handler=fetch_by_external_id,
        right=Right.ISSUER,
        summary="Every job with this external id.",
        replies={200: JobsView},
        query=ExternalQuery,
    ),
    Route(
        methods=("GET", "POST"),
        path="/api/v2/jobs/retry",
        handler=retry_by_query,
        right=Right.ISSUER,
        summary="Retry every failed or cancelled job that fits, each on its own; one that cannot be says why in its place.",
        replies={200: RetriesView},
        query=RetryFilters,
        body=RetryBody,
        body_optional=True,
        errors=(Forbidden,),
    ),
    Route(
        methods=("GET", "POST"),
        path="/api/v2/jobs/retry/{job_id}",
        handler=retry_one,
        right=Right.ISSUER,
        summary="Retry a failed or cancelled job.",
        replies={200: OneJobView},
        path_parameters=JobPath,
        errors=(InvalidJobId, JobNotFound, JobNotRetryable),
    ),
    Route(
        methods=("POST",),
        path="/api/v2/jobs/cancel/{job_id}",
        handler=cancel,
        right=Right.ISSUER,
        summary="Cancel a job: at once while it is pending, by a cancel transaction afterwards.",
        replies={200: OneJobView},
        path_parameters=JobPath,
        errors=(InvalidJobId, JobNotFound, JobNotCancellable),
    ),
)
