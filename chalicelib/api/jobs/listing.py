"""List jobs: those of the caller (of every issuer for an administrator), and those that share an externalId."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.api.http.pages import first_that_fit, position_of, room_of, scope_of
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.api.http.values import MAX_PAGE
from chalicelib.api.jobs.bodies import ExternalQuery, ListQuery
from chalicelib.api.jobs.views import job_view
from chalicelib.jobs import fetch
from chalicelib.jobs.stores import Page

if TYPE_CHECKING:
    from chalicelib.api.jobs.replies import JobPageView, JobView


def list_page(request: Request) -> Reply:
    """Newest first."""
    query = ListQuery.parse(request.query)
    scope = scope_of(request, "list", query.scope())
    page: Page = fetch.list_jobs(
        request.principal,
        request.services,
        status=query.status,
        name=query.name,
        correlation_id=query.correlation_id,
        account=query.account_address,
        limit=query.limit,
        cursor=position_of(request, query.cursor, scope),
    )
    return _page_reply(request, page, scope)


def fetch_by_external_id(request: Request) -> Reply:
    """Newest first."""
    query = ExternalQuery.parse(request.query)
    scope = scope_of(request, "external", query.scope())
    page = fetch.fetch_by_external_id(
        query.external_id,
        request.principal,
        request.services,
        limit=MAX_PAGE,
        cursor=position_of(request, query.cursor, scope),
    )
    return _page_reply(request, page, scope)


def _page_reply(request: Request, page: Page, scope: Mapping[str, str | None]) -> Reply:
    """Return as many jobs of the page as one reply holds. The next page begins after the last of them."""
    views, cursor = _listed(request, page)
    view: JobPageView = {"data": views}
    if cursor is not None:
        view["nextCursor"] = request.services.cursors.write(cursor, scope)
    return Reply(view)


def _listed(request: Request, page: Page) -> "tuple[list[JobView], Mapping[str, str] | None]":
    """Return the views of the jobs that fit into one reply, and where the next page begins."""
    reader = request.principal.owner
    views: list[JobView] = first_that_fit((job_view(job, reader, listed=True) for job in page.jobs), room_of(request))
    return views, page.first(len(views)).cursor
