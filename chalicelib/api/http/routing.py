"""Routes: what each serves, who may use it, and how a request on it becomes a reply, whatever happens.

The functions of the queues import this module too, with the table of routes. So it imports nothing that only a request needs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from chalice.app import Chalice, Response
from chalice.app import Request as ChaliceRequest

from chalicelib.api.http.body import NO_BODY, read_body, shown
from chalicelib.api.http.cors import Origins, cors_headers, options
from chalicelib.api.http.errors import invalid, reply_to
from chalicelib.api.http.reply import Reply, request_id_of, response_from, without_body
from chalicelib.api.http.request import Caller, Request, path_texts, query_texts
from chalicelib.errors import Forbidden, InvalidRequest
from chalicelib.jobs.principal import Principal

if TYPE_CHECKING:  # it brings what verifies JWTs: imported at the first request
    from chalicelib.api.services import ApiServices

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Right(StrEnum):
    """What a JWT must allow before a route answers. The use case decides about the job or account in question."""

    ANYONE = "anyone"
    ISSUER = "issuer"
    """Any valid JWT."""
    COMMUNITY_ADMIN = "communityAdmin"
    """`isCommunityAdmin`, or `isAdmin`."""
    ADMIN = "admin"
    """`isAdmin`."""

    def require(self, principal: Principal) -> None:
        """Raise Forbidden, with the claim that is missing, unless the principal has this right."""
        match self:
            case Right.ANYONE | Right.ISSUER:
                return
            case Right.COMMUNITY_ADMIN:
                if not (principal.is_community_admin or principal.is_admin):
                    raise Forbidden("The JWT lacks the claim isCommunityAdmin: ask an operator for a JWT with it.")
            case Right.ADMIN:
                if not principal.is_admin:
                    raise Forbidden("The JWT lacks the claim isAdmin: ask an operator for a JWT with it.")


Handler = Callable[[Request], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the API: its handler, who may use it, and which parts of a request it reads."""

    methods: tuple[str, ...]
    path: str
    """Chalice's form, `/api/v2/jobs/{job_id}`."""
    handler: str
    """`jobs.fetch.fetch_by_id`: a function in a module of `chalicelib.api`. The first request on the route imports it."""
    right: Right
    reads_query: bool = False
    reads_body: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        """The methods, and HEAD where the path only reads: it answers with the headers of GET (RFC 9110)."""
        return (*self.methods, "HEAD") if self.methods == ("GET",) else self.methods

    @property
    def resource(self) -> str:
        """The folder of its handler: jobs, tokens, wallets, …"""
        return self.handler.partition(".")[0]

    @property
    def function(self) -> str:
        return self.handler.rpartition(".")[2]


@cache
def handler_of(name: str) -> Handler:
    """Import and return the function that a route names."""
    module, _, function = name.rpartition(".")
    return cast(Handler, getattr(import_module(f"chalicelib.api.{module}"), function))


def add_route(
    app: Chalice, services: "Callable[[], ApiServices]", route: Route, origins: Callable[[], Origins] = tuple
) -> None:
    """Serve `route`. Its handler runs for callers with its right only, and may raise anything; `origins` must not raise.

    This wraps the handler, and is not Chalice's middleware: after middleware an error would become a 500 of Chalice's, without
    CORS headers. Chalice's own check of content types is off, because it answers in another form: `read_body` checks them.
    """

    def view(**parameters: str) -> Response:
        request = _current(app)
        request_id = request_id_of(app)
        cors = cors_headers(origins(), request.headers.get("origin"))
        try:
            texts = path_texts(parameters, request.to_original_event())
            reply = handler_of(route.handler)(_allowed(route, request, services, texts))
        except Exception as error:  # noqa: BLE001 -- every error becomes a reply here
            reply = reply_to(error, request_id, f"{request.method} {route.path}")
        return response_from(without_body(reply) if request.method == "HEAD" else reply, request_id, cors)

    name = f"{route.function}_{route.methods[0].lower()}"
    app.route(route.path, methods=list(route.verbs), content_types=[], name=name)(view)


def add_options(app: Chalice, path: str, verbs: Sequence[str], origins: Callable[[], Origins]) -> None:
    """Answer OPTIONS of a path that takes these verbs. Browsers ask before a page of another origin may send a request."""

    def view(**_: str) -> Response:
        return response_from(options(verbs, origins(), _current(app).headers.get("origin")), request_id_of(app))

    app.route(path, methods=["OPTIONS"], content_types=[], name=f"options_of_{path}")(view)


def _current(app: Chalice) -> ChaliceRequest:
    if app.current_request is None:
        raise RuntimeError("a route runs without a request")
    return app.current_request


def _allowed(
    route: Route, request: ChaliceRequest, services: "Callable[[], ApiServices]", parameters: Mapping[str, str]
) -> Request:
    """Return the request if its sender may make it. The checks come in this order: 401, 429, 403, 400."""
    if route.right is Right.ANYONE:
        return Request(parameters, {}, NO_BODY)
    serving = services()
    principal = serving.verifier.verify(request.headers.get("authorization"))
    serving.parts.limiter.take(principal.owner)
    route.right.require(principal)
    query = query_texts(request)
    body = read_body(request) if request.method in METHODS_WITH_BODY else NO_BODY
    _refuse_what_is_not_read(route, query, body)
    return Request(parameters, query, body, Caller(principal, serving))


def _refuse_what_is_not_read(route: Route, query: Mapping[str, str], body: Any) -> None:
    """Raise InvalidRequest for what the route would ignore: the client may rely on it, as on a dry run."""
    if not route.reads_query and query:
        raise invalid((shown(name), "This path has no parameter of this name: leave it out.") for name in query)
    if not route.reads_body and body is not NO_BODY and body is not None and body != {}:
        raise InvalidRequest("This path takes no body: leave it out.")
