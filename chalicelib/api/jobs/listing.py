"""List jobs: the caller's own (everybody's for an administrator), and those that share an externalId."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.api.endpoint import Call
from chalicelib.api.pages import listed, position_of, scope_of
from chalicelib.api.requests import ExternalQuery, ListQuery
from chalicelib.api.values import MAX_PAGE
from chalicelib.api.wire import Reply
from chalicelib.jobs import fetch
from chalicelib.jobs.stores import Page

if TYPE_CHECKING:
    from chalicelib.api.replies import JobPageView


def list_page(call: Call) -> Reply:
    """Newest first."""
    query = ListQuery.parse(call.query)
    scope = scope_of(call, "list", query.scope())
    page: Page = fetch.list_jobs(
        call.principal,
        call.services,
        status=query.status,
        name=query.name,
        correlation_id=query.correlation_id,
        account=query.account_address,
        limit=query.limit,
        cursor=position_of(call, query.cursor, scope),
    )
    return _page_reply(call, page, scope)


def fetch_by_external_id(call: Call) -> Reply:
    """Newest first."""
    query = ExternalQuery.parse(call.query)
    scope = scope_of(call, "external", query.scope())
    page = fetch.fetch_by_external_id(
        query.external_id,
        call.principal,
        call.services,
        limit=MAX_PAGE,
        cursor=position_of(call, query.cursor, scope),
    )
    return _page_reply(call, page, scope)


def _page_reply(call: Call, page: Page, scope: Mapping[str, str | None]) -> Reply:
    """As many of the page's jobs as one reply holds. The next page begins after the last of them."""
    views, cursor = listed(call, page)
    view: JobPageView = {"data": views}
    if cursor is not None:
        view["nextCursor"] = call.services.cursors.write(cursor, scope)
    return Reply(view)
