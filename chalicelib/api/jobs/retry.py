"""Retry jobs that failed or were cancelled: one job, or every job that fits a query."""

from typing import TYPE_CHECKING

from chalicelib.api.http.body import NO_BODY, shown
from chalicelib.api.http.errors import invalid
from chalicelib.api.http.pages import CHANGE_BYTES, position_of, room_of, scope_of
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.api.http.values import DEFAULT_PAGE
from chalicelib.api.jobs.bodies import RetryFilters, RetryOneBody
from chalicelib.api.jobs.fetch import job_id_in, one_job
from chalicelib.api.jobs.views import job_view, refusal_view
from chalicelib.errors import Forbidden, InvalidJobId
from chalicelib.jobs.ids import JOB_ID
from chalicelib.jobs.retry import Refusal, RetryQuery, retry_job, retry_jobs

if TYPE_CHECKING:
    from chalicelib.api.jobs.replies import JobView, RefusalView, RetriesView


def retry_one(request: Request) -> Reply:
    """Retry one job. A POST may send a new `validUntil`."""
    services = request.services
    body = RetryOneBody.parse({} if request.body is NO_BODY or request.body is None else request.body)
    if body.valid_until is not None and body.valid_until <= services.clock():
        raise invalid([("validUntil", "validUntil is in the past: send a later time. Nothing was retried.")])
    return one_job(request, retry_job(job_id_in(request), request.principal, services, valid_until=body.valid_until))


def retry_by_query(request: Request) -> Reply:
    """Retry each job that fits, independently of the others. A text that is not a job id is refused in its place."""
    services = request.services
    filters = RetryFilters.from_request(request.query, request.body)
    if filters.owner not in (None, request.principal.owner) and not request.principal.is_admin:
        raise Forbidden("Only an administrator may retry the jobs of another owner: leave owner out.")
    scope = scope_of(request, "retry", filters.scope())
    query = RetryQuery(
        job_ids=None if filters.ids is None else [job_id for job_id in filters.ids if JOB_ID.fullmatch(job_id)],
        status=filters.status,
        name=filters.name,
        code=filters.code,
        failed_after=filters.failed_after,
        failed_before=filters.failed_before,
        owner=filters.owner,
        limit=filters.limit or DEFAULT_PAGE,
        cursor=position_of(request, filters.cursor, scope),
        dry_run=filters.dry_run,
    )
    reader, room = request.principal.owner, room_of(request)
    retries = retry_jobs(
        query,
        request.principal,
        services,
        has_room=lambda job: room.takes(job_view(job, reader, listed=True), CHANGE_BYTES),
    )
    results = list(retries.results)
    for index, job_id in enumerate(filters.ids or ()):
        if not JOB_ID.fullmatch(job_id):
            results.insert(index, Refusal(shown(job_id), InvalidJobId()))
    data: list[JobView | RefusalView] = [
        refusal_view(result) if isinstance(result, Refusal) else job_view(result, reader, listed=True) for result in results
    ]
    view: RetriesView = {"data": data, "size": len(data)}
    if retries.cursor is not None:
        view["nextCursor"] = request.services.cursors.write(retries.cursor, scope)
    return Reply(view)
