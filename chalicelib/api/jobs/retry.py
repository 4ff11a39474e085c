"""Retry jobs that failed or were cancelled: one, or all that fit a query."""

from typing import TYPE_CHECKING

from chalicelib.api.body import NO_BODY, shown
from chalicelib.api.endpoint import Call
from chalicelib.api.errors import invalid
from chalicelib.api.jobs.fetch import job_id_in, one_job
from chalicelib.api.pages import CHANGE_BYTES, position_of, room_of, scope_of
from chalicelib.api.requests import RetryFilters, RetryOneBody
from chalicelib.api.values import DEFAULT_PAGE
from chalicelib.api.views import job_view, refusal_view
from chalicelib.api.wire import Reply
from chalicelib.errors import Forbidden, InvalidJobId
from chalicelib.jobs.ids import JOB_ID
from chalicelib.jobs.retry import Refusal, RetryQuery, retry_job, retry_jobs

if TYPE_CHECKING:
    from chalicelib.api.replies import JobView, RefusalView, RetriesView


def retry_one(call: Call) -> Reply:
    """A POST may carry a new `validUntil`."""
    services = call.services
    body = RetryOneBody.parse({} if call.body is NO_BODY or call.body is None else call.body)
    if body.valid_until is not None and body.valid_until <= services.clock():
        raise invalid([("validUntil", "validUntil is in the past: nothing was retried.")])
    return one_job(call, retry_job(job_id_in(call), call.principal, services, valid_until=body.valid_until))


def retry_by_query(call: Call) -> Reply:
    """Every job that fits, each on its own; an id that is none is refused in its place, and stops nothing."""
    services = call.services
    filters = RetryFilters.from_call(call.query, call.body)
    if filters.owner not in (None, call.principal.owner) and not call.principal.is_admin:
        raise Forbidden("Only an administrator may retry another owner's jobs.")
    scope = scope_of(call, "retry", filters.scope())
    query = RetryQuery(
        job_ids=None if filters.ids is None else [job_id for job_id in filters.ids if JOB_ID.fullmatch(job_id)],
        status=filters.status,
        name=filters.name,
        code=filters.code,
        failed_after=filters.failed_after,
        failed_before=filters.failed_before,
        owner=filters.owner,
        limit=filters.limit or DEFAULT_PAGE,
        cursor=position_of(call, filters.cursor, scope),
        dry_run=filters.dry_run,
    )
    reader, room = call.principal.owner, room_of(call)
    retries = retry_jobs(
        query,
        call.principal,
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
        view["nextCursor"] = call.services.cursors.write(retries.cursor, scope)
    return Reply(view)
