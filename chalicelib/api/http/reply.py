"""Replies, and the Chalice responses that carry them. Browsers never sniff them, and cache them only where they say so."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalice.app import Chalice, Response

JSON = "application/json"
HTML = "text/html; charset=utf-8"

_HEADERS = {
    "Content-Type": JSON,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=31536000",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a status, a body (text, or an object that becomes JSON), and headers of its own."""

    body: Mapping[str, Any] | str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def response_from(reply: Reply, request_id: str, more: Mapping[str, str] | None = None) -> Response:
    """Return the Chalice response of a reply, with `more` headers. Chalice must not write the JSON: its floats lose digits."""
    return Response(
        body=reply.body if isinstance(reply.body, str) else json.dumps(reply.body, separators=(",", ":")),
        headers={**_HEADERS, "X-Request-Id": request_id, **reply.headers, **(more or {})},
        status_code=reply.status,
    )


def without_body(reply: Reply) -> Reply:
    """Return the reply to a HEAD request."""
    return Reply("", reply.status, reply.headers)


def request_id_of(app: Chalice) -> str:
    """Return the gateway's id of this request: the one in its access log."""
    of_gateway = app.current_request.context.get("requestId") if app.current_request else None
    of_lambda = getattr(getattr(app, "lambda_context", None), "aws_request_id", None)
    return str(of_gateway or of_lambda or uuid.uuid4())
