"""List jobs: the caller's own (everybody's for an administrator), and those that share an externalId."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.api.endpoint import Call
from chalicelib.api.requests import ExternalQuery, ListQuery
from chalicelib.api.views import job_view
from chalicelib.api.wire import Reply
from chalicelib.jobs import fetch
from chalicelib.jobs.stores import Page

if TYPE_CHECKING:
    from chalicelib.api.forms import JobPageView, JobsView


def list_page(call: Call) -> Reply:
    """Newest first."""
    query = ListQuery.parse(call.query)
    scope = scope_of(call, "list", query.scope())
    page: Page = fetch.list_jobs(
        call.principal,
        status=query.status,
        name=query.name,
        correlation_id=query.correlation_id,
        account=query.account_address,
        limit=query.limit,
        cursor=position_of(call, query.cursor, scope),
        jobs=call.services.jobs,
    )
    view: JobPageView = {"data": [job_view(job, call.principal.owner, listed=True) for job in page.jobs]}
    if page.cursor is not None:
        view["nextCursor"] = call.services.cursors.write(page.cursor, scope)
    return Reply(view)


def fetch_by_external_id(call: Call) -> Reply:
    external_id = ExternalQuery.parse(call.query).external_id
    found = fetch.fetch_by_external_id(external_id, call.principal, jobs=call.services.jobs)
    view: JobsView = {"data": [job_view(job, call.principal.owner, listed=True) for job in found]}
    return Reply(view)


def scope_of(call: Call, endpoint: str, filters: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """What a cursor given out for this question is good for."""
    who = {"endpoint": endpoint, "caller": call.principal.owner, "sees": "all" if call.principal.is_admin else "own"}
    return {**filters, **who}


def position_of(call: Call, cursor: str | None, scope: Mapping[str, str | None]) -> Mapping[str, str] | None:
    """Where the page of a cursor begins. Raises InvalidCursor."""
    return None if cursor is None else call.services.cursors.read(cursor, scope)
