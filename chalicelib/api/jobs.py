"""The jobs resource: issue, fetch, list, retry, cancel."""

from collections.abc import Callable, Mapping
from typing import Any

from chalice.app import Chalice

from chalicelib.api.body import shown
from chalicelib.api.endpoint import Call, Handler, add_route
from chalicelib.api.errors import error_body, invalid
from chalicelib.api.fields import DEFAULT_PAGE
from chalicelib.api.paths import readings
from chalicelib.api.requests import CorrelationIdPath, ExternalQuery, IssueBody, ListQuery, RetryFilters
from chalicelib.api.services import ApiServices
from chalicelib.api.views import job_view
from chalicelib.api.wire import Reply
from chalicelib.errors import Forbidden, InvalidJobId, InvalidRequest, JobNotFound
from chalicelib.jobs import fetch
from chalicelib.jobs.cancel import cancel_job
from chalicelib.jobs.ids import JOB_ID, derived_job_id
from chalicelib.jobs.issue import issue_job
from chalicelib.jobs.model import Job
from chalicelib.jobs.ports import Page
from chalicelib.jobs.retry import Refusal, RetryQuery, retry_job, retry_jobs


def register_job_routes(app: Chalice, services: Callable[[], ApiServices]) -> None:
    """Add the routes to `app`; `services` is asked for at each request, never at import."""
    routes: tuple[tuple[tuple[str, ...], str, Handler], ...] = (
        (("POST",), "/api/v2/jobs", issue),
        (("GET",), "/api/v2/jobs", list_page),
        (("GET",), "/api/v2/jobs/{job_id}", fetch_by_id),
        (("GET",), "/api/v2/jobs/correlationId/{correlation_id}", fetch_by_correlation_id),
        (("GET",), "/api/v2/jobs/external", fetch_by_external_id),
        (("GET", "POST"), "/api/v2/jobs/retry", retry_by_query),
        (("GET", "POST"), "/api/v2/jobs/retry/{job_id}", retry_one),
        (("POST",), "/api/v2/jobs/cancel/{job_id}", cancel),
    )
    for methods, path, handler in routes:
        add_route(app, services, methods, path, handler)


# --- issue -------------------------------------------------------------------------------------------------------------


def issue(call: Call) -> Reply:
    """201 with the new job; 200 and `Idempotent-Replayed` with the one this correlationId already names."""
    services = call.services
    body = IssueBody.parse(call.body)
    if call.query:
        raise invalid((shown(name), "There is no parameter of this name here.") for name in call.query)
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
    )
    if issued.replayed:
        return Reply({"job": job_view(issued.job)}, 200, {"Idempotent-Replayed": "true"})
    return Reply({"job": job_view(issued.job)}, 201)


def _already_issued(call: Call, body: IssueBody) -> bool:
    """A request repeated after its validUntil, because its first answer was lost, still has that answer."""
    if body.correlation_id is None:
        return False
    return call.services.jobs.get(derived_job_id(call.principal.owner, body.correlation_id)) is not None


# --- fetch -------------------------------------------------------------------------------------------------------------


def fetch_by_id(call: Call) -> Reply:
    call.expect_nothing_more()
    return _one(fetch.fetch_job(_job_id(call), call.principal, jobs=call.services.jobs))


def fetch_by_correlation_id(call: Call) -> Reply:
    call.expect_nothing_more()
    *likelier, last = readings(call.path["correlation_id"])
    for correlation_id in likelier:
        try:
            return _one(_by_correlation_id(call, correlation_id))
        except (JobNotFound, InvalidRequest):
            continue
    return _one(_by_correlation_id(call, last))


def _by_correlation_id(call: Call, correlation_id: str) -> Job:
    checked = CorrelationIdPath.parse({"correlationId": correlation_id}).correlation_id
    return fetch.fetch_by_correlation_id(checked, call.principal, jobs=call.services.jobs)


def fetch_by_external_id(call: Call) -> Reply:
    external_id = ExternalQuery.parse(call.query).external_id
    found = fetch.fetch_by_external_id(external_id, call.principal, jobs=call.services.jobs)
    return Reply({"data": [job_view(job, listed=True) for job in found]})


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
    return Reply({"data": [job_view(job, listed=True) for job in page.jobs], **_next_cursor(call, page.cursor, scope)})


# --- retry and cancel --------------------------------------------------------------------------------------------------


def retry_one(call: Call) -> Reply:
    call.expect_nothing_more()
    services = call.services
    return _one(retry_job(_job_id(call), call.principal, jobs=services.jobs, queue=services.queue, clock=services.clock))


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
    data = [_refusal_view(result) if isinstance(result, Refusal) else job_view(result, listed=True) for result in results]
    return Reply({"data": data, "size": len(data), **_next_cursor(call, retries.cursor, scope)})


def cancel(call: Call) -> Reply:
    call.expect_nothing_more()
    services = call.services
    return _one(cancel_job(_job_id(call), call.principal, jobs=services.jobs, queue=services.queue, clock=services.clock))


# --- parts of requests and replies -------------------------------------------------------------------------------------


def _job_id(call: Call) -> str:
    """What cannot be an id is told apart from what is none (404): it is a mistake in the client."""
    job_id = call.path["job_id"]
    if not JOB_ID.fullmatch(job_id):
        raise InvalidJobId
    return job_id


def _one(job: Job) -> Reply:
    return Reply({"data": job_view(job)})


def _refusal_view(refusal: Refusal) -> dict[str, Any]:
    return {"_id": refusal.job_id, **error_body(refusal.error)}


def _scope(call: Call, endpoint: str, filters: Mapping[str, str | None]) -> Mapping[str, str | None]:
    who = {"endpoint": endpoint, "caller": call.principal.owner, "sees": "all" if call.principal.is_admin else "own"}
    return {**filters, **who}


def _position(call: Call, cursor: str | None, scope: Mapping[str, str | None]) -> Mapping[str, str] | None:
    return None if cursor is None else call.services.cursors.read(cursor, scope)


def _next_cursor(call: Call, position: Mapping[str, str] | None, scope: Mapping[str, str | None]) -> Mapping[str, str]:
    return {} if position is None else {"nextCursor": call.services.cursors.write(position, scope)}
