"""What an HTTP status and a `Retry-After` header of an endpoint, or of a gateway in front of it, mean."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

TOO_MANY_REQUESTS = 429
BODY_TOO_LARGE = 413
REFUSED_BY_THE_GATEWAY = frozenset({401, 403, 407, TOO_MANY_REQUESTS})
"""Refused before any node saw it. Whatever the body says, the endpoint is of no use now."""
NOT_RECEIVED = REFUSED_BY_THE_GATEWAY | {404, 405, 411, BODY_TOO_LARGE, 414, 415, 431}
"""No node received the request. After any other status that is not a success, one may have."""
GATEWAY_TIMEOUTS = frozenset({408, 502, 503, 504, 524})
"""A gateway says that the node behind it was too slow, or that it is not there. 524 is Cloudflare's."""


def is_success(status: int) -> bool:
    return 200 <= status < 300


def retry_after_seconds(value: str) -> float | None:
    """Return the seconds that a `Retry-After` header asks for: a number or a date (RFC 9110 section 10.2.3).

    None where it is missing or cannot be read.
    """
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds() if value else None
    except (TypeError, ValueError):
        return None
