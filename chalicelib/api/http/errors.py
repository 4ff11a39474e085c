"""The one map from errors to replies."""

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, Request, Response

from chalicelib.api.http.body import shown
from chalicelib.api.http.cors import Origins, cors_headers, options
from chalicelib.api.http.reply import Reply, request_id_of, response_from
from chalicelib.errors import (
    InvalidRequest,
    JobsApiError,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnsupportedMediaType,
)

if TYPE_CHECKING:
    from chalicelib.api.schema.errors import ErrorView

MAX_DETAILS = 20
RETRY_AFTER_SECONDS = 1

log = logging.getLogger(__name__)


def error_body(error: JobsApiError) -> "ErrorView":
    """Return the body of a refusal. A fault of the service tells no more than that."""
    if _is_internal(error):
        return {"error": "The service has a fault: try again, and report the requestId.", "code": "InternalError"}
    body: ErrorView = {"error": error.message, "code": error.code}
    if error.details:
        body["details"] = [{"field": detail["field"], "error": detail["error"]} for detail in error.details[:MAX_DETAILS]]
    return body


def reply_to(error: Exception, request_id: str, route: str) -> Reply:
    """Return the reply to a request that ended in `error`. Log a fault of the service, and no mistake of a caller."""
    if not isinstance(error, JobsApiError) or error.http_status >= 500:
        log.error("request failed: %s", route, exc_info=error, extra={"requestId": request_id, "route": route})
    if not isinstance(error, JobsApiError):
        error = JobsApiError("unexpected")
    body = error_body(error)
    if error.http_status >= 500:
        body["requestId"] = request_id
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = "Bearer"  # API Gateway delivers it as x-amzn-Remapped-WWW-Authenticate
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(error.retry_after_seconds)
    elif isinstance(error, ServiceUnavailable):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return Reply(body, error.http_status, headers)


def _is_internal(error: JobsApiError) -> bool:
    """Return True for any 500: its message may say too much. The messages of 501 and 503 tell the caller what to do."""
    return error.http_status == 500


def invalid(problems: Iterable[tuple[str, str]]) -> InvalidRequest:
    """Return the error for pairs of a field and what is wrong with it. The field is empty for the body as a whole."""
    details = [{"field": shown(field), "error": problem} for field, problem in problems]
    first = details[0]
    if len(details) == 1:
        return InvalidRequest(f"{first['field']}: {first['error']}" if first["field"] else first["error"], details)
    named = ", ".join(detail["field"] for detail in details[:MAX_DETAILS])
    return InvalidRequest(f"{len(details)} fields are not valid: {named}. See details.", details[:MAX_DETAILS])


# --- Chalice's own responses ---------------------------------------------------------------------------------------------


def use_error_format(app: Chalice, origins: Callable[[], Origins] = tuple) -> None:
    """Give Chalice's own responses the form and the CORS headers of a reply.

    Chalice answers unknown paths and verbs, and events that it cannot read. `origins` must not raise.
    """

    def in_our_format(request: Request | None, get_response: Callable[[Any], Response]) -> Response:
        request_id = request_id_of(app)
        allowed, origin = origins(), None if request is None else request.headers.get("origin")
        cors = cors_headers(allowed, origin)
        if request is not None and request.path not in app.routes:  # the gateway sends the function what it knows no route for
            return response_from(_of_no_path(request, allowed, origin), request_id, cors)
        try:
            response = get_response(request)
        except Exception as error:  # noqa: BLE001 -- Chalice itself: what a route raises ends in its endpoint
            return response_from(reply_to(error, request_id, "outside any route"), request_id, cors)
        if isinstance(response.body, dict) and response.body.keys() == {"Code", "Message"}:
            return response_from(_rewritten(response, request_id), request_id, cors)
        return response

    app.register_middleware(in_our_format, "http")


def _of_no_path(request: Request, allowed: Origins, origin: str | None) -> Reply:
    """Return 404. To the preflight of an allowed page, return what lets the page read the 404 of its request."""
    if request.method == "OPTIONS" and request.headers.get("access-control-request-method"):
        preflight = options(_VERBS, allowed, origin)
        if "Access-Control-Allow-Methods" in preflight.headers:
            return preflight
    return Reply(error_body(NotFound("There is nothing at this path: GET /docs lists the paths.")), NotFound.http_status)


def _rewritten(response: Response, request_id: str) -> Reply:
    error = _FRAMEWORK_ERRORS.get(response.status_code, JobsApiError("unexpected"))
    allow = response.headers.get("Allow")  # of a 405
    body = error_body(error)
    if error.http_status >= 500:
        body["requestId"] = request_id
    return Reply(body, error.http_status, {"Allow": str(allow)} if allow else {})


_VERBS = ("GET", "POST")
"""The verbs that any path takes."""

_FRAMEWORK_ERRORS: dict[int, JobsApiError] = {
    400: InvalidRequest("The request is not valid HTTP for this API."),
    405: MethodNotAllowed("This path does not take this verb: the header Allow lists those that it takes."),
    415: UnsupportedMediaType("The body must be JSON: send the header Content-Type: application/json."),
}
