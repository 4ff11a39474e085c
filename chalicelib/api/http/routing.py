"""What stands under every route: who calls, whether they may, what they sent, and that whatever happens becomes a reply."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from chalice.app import Chalice, Request, Response

from chalicelib.api.http.body import NO_BODY, read_body, shown
from chalicelib.api.http.cors import Origins, cors_headers, options
from chalicelib.api.http.errors import invalid, reply_to
from chalicelib.api.http.reply import Reply, request_id_of, response_from, without_body
from chalicelib.errors import Forbidden, InvalidRequest
from chalicelib.jobs.principal import Principal

if TYPE_CHECKING:  # with what it needs of tokens: nobody asks for it before there is a request
    from chalicelib.api.services import ApiServices

METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class Right(StrEnum):
    """What a caller needs for a route at all. Whose job or account it is, is decided by the use case."""

    ANYONE = "anyone"
    ISSUER = "issuer"
    """Any valid token."""
    COMMUNITY_ADMIN = "communityAdmin"
    """`isCommunityAdmin`, or `isAdmin`."""
    ADMIN = "admin"
    """`isAdmin`."""

    def require(self, principal: Principal) -> None:
        """Raises Forbidden, naming the claim that is missing."""
        match self:
            case Right.ANYONE | Right.ISSUER:
                return
            case Right.COMMUNITY_ADMIN:
                if not (principal.is_community_admin or principal.is_admin):
                    raise Forbidden("The token lacks the claim isCommunityAdmin, which this path needs.")
            case Right.ADMIN:
                if not principal.is_admin:
                    raise Forbidden("The token lacks the claim isAdmin, which this path needs.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who has shown a token, and the services its request is answered with."""

    principal: Principal
    services: "ApiServices"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that may be made. `path` holds the path's parameters as the client meant them, decoded."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    caller: Caller | None = None

    @property
    def principal(self) -> Principal:
        return self._known().principal

    @property
    def services(self) -> "ApiServices":
        return self._known().services

    def _known(self) -> Caller:
        if self.caller is None:
            raise RuntimeError("a route that anyone may call knows no caller and has no services")
        return self.caller


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One path of the API: what serves it, who may call it, and what of a request it reads."""

    methods: tuple[str, ...]
    path: str
    """Chalice's form, `/api/v2/jobs/{job_id}`."""
    handler: str
    """`jobs.fetch.fetch_by_id`: a function in a module of `chalicelib.api`, which is imported at the route's first request."""
    right: Right
    reads_query: bool = False
    reads_body: bool = False

    @property
    def verbs(self) -> tuple[str, ...]:
        """With HEAD, where the path only reads (RFC 9110): the headers of its GET."""
        return (*self.methods, "HEAD") if self.methods == ("GET",) else self.methods

    @property
    def room(self) -> str:
        """The resource that serves it: jobs, tokens, wallets, …"""
        return self.handler.partition(".")[0]

    @property
    def function(self) -> str:
        return self.handler.rpartition(".")[2]


@cache
def handler_of(name: str) -> Handler:
    """The function that a route names."""
    module, _, function = name.rpartition(".")
    return cast(Handler, getattr(import_module(f"chalicelib.api.{module}"), function))


def add_route(
    app: Chalice, services: "Callable[[], ApiServices]", route: Route, origins: Callable[[], Origins] = tuple
) -> None:
    """Serve `route`. Its handler runs for callers with its right only, and may raise anything; `origins` may not.

    This is a wrapper under the route, not middleware: there, an error raised would become a 500 and an answer would lose its
    CORS headers. Chalice's own check of content types is off (it answers in another form): the body's reader does it.
    """

    def view(**parameters: str) -> Response:
        request = _current(app)
        request_id = request_id_of(app)
        cors = cors_headers(origins(), request.headers.get("origin"))
        from chalicelib.api.http.paths import path_texts  # noqa: PLC0415 -- functions of queues import this module, too

        try:
            call = _call(route, request, services, path_texts(parameters, request.to_original_event()))
            reply = handler_of(route.handler)(call)
        except Exception as error:  # noqa: BLE001 -- the last line: nothing gets past it but a reply
            reply = reply_to(error, request_id, f"{request.method} {route.path}")
        return response_from(without_body(reply) if request.method == "HEAD" else reply, request_id, cors)

    name = f"{route.function}_{route.methods[0].lower()}"
    app.route(route.path, methods=list(route.verbs), content_types=[], name=name)(view)


def add_options(app: Chalice, path: str, verbs: Sequence[str], origins: Callable[[], Origins]) -> None:
    """Answer OPTIONS of a path that takes these verbs: what browsers ask before they let a page of another origin call it."""

    def view(**_: str) -> Response:
        return response_from(options(verbs, origins(), _current(app).headers.get("origin")), request_id_of(app))

    app.route(path, methods=["OPTIONS"], content_types=[], name=f"options_of_{path}")(view)


def _current(app: Chalice) -> Request:
    if app.current_request is None:
        raise RuntimeError("a route runs without a request")
    return app.current_request


def _call(route: Route, request: Request, services: "Callable[[], ApiServices]", parameters: Mapping[str, str]) -> Call:
    """Who calls, and how often, is settled before anything they sent is read: 401, then 429, then 403, then 400."""
    if route.right is Right.ANYONE:
        return Call(parameters, {}, NO_BODY)
    serving = services()
    principal = serving.tokens.verify(request.headers.get("authorization"))
    serving.parts.limiter.take(principal.owner)
    route.right.require(principal)
    query = _query(request)
    body = read_body(request) if request.method in METHODS_WITH_BODY else NO_BODY
    _refuse_what_is_not_read(route, query, body)
    return Call(parameters, query, body, Caller(principal, serving))


def _refuse_what_is_not_read(route: Route, query: Mapping[str, str], body: Any) -> None:
    """A parameter that is ignored, such as a dry run, may be one that was relied on."""
    if not route.reads_query and query:
        raise invalid((shown(name), "There is no parameter of this name here.") for name in query)
    if not route.reads_body and body is not NO_BODY and body is not None and body != {}:
        raise InvalidRequest("This path takes no body.")


def _query(request: Request) -> dict[str, str]:
    """Each parameter once. Of one given twice, nobody can say which was meant."""
    parameters = request.query_params  # None when there are none
    if parameters is None:
        return {}
    values = {name: parameters.getlist(name) for name in parameters}
    twice = [name for name, given in values.items() if len(given) != 1]
    if twice:
        raise invalid((shown(name), "This parameter is given more than once.") for name in twice)
    return {name: given[0] for name, given in values.items()}
