"""The one table of routes: what is served, and what the API reference describes."""

from collections.abc import Callable

from chalice.app import Chalice

from chalicelib.api import accounts, health, jobs, reference, tokens, wallets
from chalicelib.api.endpoint import Route, add_route
from chalicelib.api.services import ApiServices

_RESOURCES: tuple[Route, ...] = (
    *jobs.ROUTES,
    *tokens.ROUTES,
    *wallets.ROUTES,
    *accounts.ROUTES,
    *health.ROUTES,
)
ROUTES: tuple[Route, ...] = (*_RESOURCES, *reference.routes_describing(_RESOURCES))


def register_routes(app: Chalice, services: Callable[[], ApiServices]) -> None:
    """Add the routes to `app`; `services` is asked for at each request that needs a token, never at import."""
    for route in ROUTES:
        add_route(app, services, route)
