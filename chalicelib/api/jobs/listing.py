"""List jobs: the caller's own (everybody's for an administrator), and those that share an externalId."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.api.http.pages import first_that_fit, position_of, room_of, scope_of
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.routing import Call
from chalicelib.api.http.values import MAX_PAGE
from chalicelib.api.jobs.bodies import ExternalQuery, ListQuery
from chalicelib.api.jobs.views import job_view
from chalicelib.jobs import fetch
from chalicelib.jobs.stores import Page

if TYPE_CHECKING:
    from chalicelib.api.jobs.replies import JobPageView, JobView


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
    return _page_reply(call, page, scope)


def fetch_by_external_id(call: Call) -> Reply:
    """Newest first."""
    query = ExternalQuery.parse(call.query)
    scope = scope_of(call, "external", query.scope())
    page = fetch.fetch_by_external_id(
        query.external_id,
        call.principal,
        limit=MAX_PAGE,
        cursor=position_of(call, query.cursor, scope),
        jobs=call.services.jobs,
    )
    return _page_reply(call, page, scope)


def _page_reply(call: Call, page: Page, scope: Mapping[str, str | None]) -> Reply:
    """As many of the page's jobs as one reply holds. The next page begins after the last of them."""
    views, cursor = _listed(call, page)
    view: JobPageView = {"data": views}
    if cursor is not None:
        view["nextCursor"] = call.services.cursors.write(cursor, scope)
    return Reply(view)


def _listed(call: Call, page: Page) -> "tuple[list[JobView], Mapping[str, str] | None]":
    """The entries of the page's jobs that fit into one reply, and where the next page begins."""
    reader = call.principal.owner
    views: list[JobView] = first_that_fit((job_view(job, reader, listed=True) for job in page.jobs), room_of(call))
    return views, page.first(len(views)).cursor
