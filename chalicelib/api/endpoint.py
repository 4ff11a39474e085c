"""What stands under every route: who calls, what they sent, and that whatever happens becomes a reply of the one form."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice, Request, Response

from chalicelib.api.body import NO_BODY, read_body, shown
from chalicelib.api.errors import invalid, reply_to
from chalicelib.api.services import ApiServices
from chalicelib.api.wire import Reply, request_id_of, response_from
from chalicelib.errors import InvalidRequest
from chalicelib.jobs.principal import Principal


@dataclass(frozen=True, slots=True)
class Call:
    """A request from somebody we know. `path` holds the path's parameters as the gateway handed them over."""

    principal: Principal
    services: ApiServices
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any

    def expect_nothing_more(self) -> None:
        """Refuse parameters this route does not have: one that is ignored, such as a dry run, may be one that was relied on."""
        if self.query:
            raise invalid((name, "There is no parameter of this name here.") for name in self.query)
        if self.body is not NO_BODY and self.body is not None and self.body != {}:
            raise InvalidRequest("This path takes no body.")


Handler = Callable[[Call], Reply]


def add_route(app: Chalice, services: Callable[[], ApiServices], methods: Sequence[str], path: str, handler: Handler) -> None:
    """Serve `handler` at `path`. It runs for authenticated callers only, and may raise anything.

    This is a wrapper under the route, not middleware: there, an error raised would become a 500 and an answer would lose its
    CORS headers. Chalice's own check of content types is off (it answers in another form): the body's reader does it.
    """

    def view(**parameters: str) -> Response:
        request = app.current_request
        if request is None:
            raise RuntimeError("a route runs without a request")
        request_id = request_id_of(app)
        try:
            reply = handler(_call(request, services(), parameters))
            return response_from(reply, request_id)
        except Exception as error:  # noqa: BLE001 -- the last line: nothing gets past it but a reply
            return response_from(reply_to(error, request_id, f"{request.method} {path}"), request_id)

    name = f"{handler.__name__}_{methods[0].lower()}"
    app.route(path, methods=list(methods), content_types=[], name=name)(view)


def _call(request: Request, services: ApiServices, parameters: Mapping[str, str]) -> Call:
    principal = services.tokens.verify(request.headers.get("authorization"))
    query = _query(request)
    body = read_body(request) if request.method == "POST" else NO_BODY
    return Call(principal, services, parameters, query, body)


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
