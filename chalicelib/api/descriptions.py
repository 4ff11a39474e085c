"""What the API reference tells about each route: what it does, takes, answers and refuses. No request needs this module."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.api.accounts.descriptions import DESCRIPTIONS as ACCOUNTS
from chalicelib.api.health.descriptions import DESCRIPTIONS as HEALTH
from chalicelib.api.http.routing import Route
from chalicelib.api.jobs.descriptions import DESCRIPTIONS as JOBS
from chalicelib.api.reference.descriptions import DESCRIPTIONS as REFERENCE
from chalicelib.api.routes import ROUTES
from chalicelib.api.schema.description import Description
from chalicelib.api.tokens.descriptions import DESCRIPTIONS as TOKENS
from chalicelib.api.wallets.descriptions import DESCRIPTIONS as WALLETS


@dataclass(frozen=True, slots=True)
class Described:
    """A route with its description."""

    route: Route
    told: Description


DESCRIPTIONS: Mapping[str, Description] = {**JOBS, **TOKENS, **WALLETS, **ACCOUNTS, **HEALTH, **REFERENCE}
DESCRIBED: tuple[Described, ...] = tuple(Described(route, DESCRIPTIONS[route.handler]) for route in ROUTES)
