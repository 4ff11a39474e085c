"""The one table of routes. `chalicelib.api.descriptions` has what the API reference tells about each."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalice.app import Chalice

from chalicelib.api.http.routing import Right, Route, add_options, add_route

if TYPE_CHECKING:
    from chalicelib.api.http.cors import Origins
    from chalicelib.api.services import ApiServices, Parts

_GET, _POST, _EITHER = ("GET",), ("POST",), ("GET", "POST")
_ISSUER, _COMMUNITY, _ADMIN, _ANYONE = Right.ISSUER, Right.COMMUNITY_ADMIN, Right.ADMIN, Right.ANYONE

ROUTES: tuple[Route, ...] = (
    Route(_POST, "/api/v2/jobs", "jobs.issue.issue", _ISSUER, reads_body=True),
    Route(_GET, "/api/v2/jobs", "jobs.listing.list_page", _ISSUER, reads_query=True),
    Route(_GET, "/api/v2/jobs/{job_id}", "jobs.fetch.fetch_by_id", _ISSUER),
    Route(_GET, "/api/v2/jobs/correlationId/{correlation_id}", "jobs.fetch.fetch_by_correlation_id", _ISSUER),
    Route(_GET, "/api/v2/jobs/external", "jobs.listing.fetch_by_external_id", _ISSUER, reads_query=True),
    Route(_EITHER, "/api/v2/jobs/retry", "jobs.retry.retry_by_query", _ISSUER, reads_query=True, reads_body=True),
    Route(_EITHER, "/api/v2/jobs/retry/{job_id}", "jobs.retry.retry_one", _ISSUER, reads_body=True),
    Route(_POST, "/api/v2/jobs/cancel/{job_id}", "jobs.cancel.cancel", _ISSUER),
    Route(_POST, "/api/v2/admin/tokens/create", "tokens.handlers.create_token", _COMMUNITY, reads_body=True),
    Route(_POST, "/api/v2/admin/tokens/mint", "tokens.handlers.mint", _COMMUNITY, reads_body=True),
    Route(_POST, "/api/v2/admin/tokens/burn", "tokens.handlers.burn", _COMMUNITY, reads_body=True),
    Route(_POST, "/api/v2/admin/tokens/transfer", "tokens.handlers.transfer", _COMMUNITY, reads_body=True),
    Route(_GET, "/api/v2/admin/tokens/{token_address}", "tokens.handlers.fetch_token", _COMMUNITY),
    Route(_GET, "/api/v2/admin/tokens/owner/{owner_address}", "tokens.handlers.fetch_tokens_of_owner", _COMMUNITY),
    Route(_POST, "/api/v2/admin/wallets/create", "wallets.handlers.create_wallet", _COMMUNITY, reads_body=True),
    Route(_GET, "/api/v2/admin/wallets/{phone_number}", "wallets.handlers.fetch_latest", _COMMUNITY),
    Route(_GET, "/api/v2/admin/wallets/all/{phone_number}", "wallets.handlers.fetch_all", _COMMUNITY),
    Route(_GET, "/api/v2/admin/wallets/exists/{wallet_address}", "wallets.handlers.fetch_exists", _COMMUNITY),
    Route(_GET, "/api/v2/accounts", "accounts.handlers.list_accounts", _ADMIN, reads_query=True),
    Route(_POST, "/api/v2/accounts", "accounts.handlers.create_account", _ADMIN, reads_body=True),
    Route(_POST, "/api/v2/accounts/unlock", "accounts.handlers.unlock_account", _ADMIN, reads_body=True),
    Route(_GET, "/health", "health.handlers.health", _ANYONE),
    Route(_GET, "/openapi.json", "reference.handlers.openapi", _ANYONE),
    Route(_GET, "/docs", "reference.handlers.docs", _ANYONE),
)


def origins_of(parts: "Parts") -> "Callable[[], Origins]":
    """Return a function that tells the origins whose pages may use the API. It never raises."""

    def origins() -> "Origins":
        try:
            return parts.settings.cors_origins
        except Exception:  # noqa: BLE001 -- /health must answer with wrong settings, too
            return ()

    return origins


def register_routes(app: Chalice, parts: "Parts") -> None:
    """Add the routes to `app`. Nothing of `parts` is read or built before a request needs it."""

    def services() -> "ApiServices":
        from chalicelib.api.services import ApiServices  # noqa: PLC0415 -- it brings what verifies JWTs

        return ApiServices(parts)

    origins = origins_of(parts)
    verbs: dict[str, list[str]] = {}
    for route in ROUTES:
        add_route(app, services, route, origins)
        verbs.setdefault(route.path, []).extend(route.methods)
    for path, taken in verbs.items():
        add_options(app, path, taken, origins)
