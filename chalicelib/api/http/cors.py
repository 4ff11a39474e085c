"""Which pages of other origins may read replies (CORS, the Fetch standard): only those whose origins the stage names.

Chalice's own `cors=` is not used: it fixes one origin when the stage is packaged. Credentials are never allowed: callers
send JWTs.
"""

from collections.abc import Mapping, Sequence

from chalicelib.api.http.reply import Reply

ANY = "*"
_ASKED = ("Authorization", "Content-Type")
_TOLD = ("Retry-After", "X-Request-Id", "Idempotent-Replayed")
_PREFLIGHT_SECONDS = 600

Origins = Sequence[str]
"""Scheme, host and port, as browsers write them; or `*` alone for all."""


def cors_headers(origins: Origins, origin: str | None) -> Mapping[str, str]:
    """Return the headers of a reply to a request whose header Origin is `origin`."""
    if not origins:
        return {}
    if origin is None or not (origin in origins or ANY in origins):
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": ANY if ANY in origins else origin,
        "Access-Control-Expose-Headers": ", ".join(_TOLD),
    }


def options(verbs: Sequence[str], origins: Origins, origin: str | None) -> Reply:
    """Answer OPTIONS: the verbs of the path, and for a page of an allowed origin what it may send (a preflight)."""
    headers = {"Allow": ", ".join((*verbs, "OPTIONS")), **cors_headers(origins, origin)}
    if "Access-Control-Allow-Origin" in headers:
        headers |= {
            "Access-Control-Allow-Methods": ", ".join(verbs),
            "Access-Control-Allow-Headers": ", ".join(_ASKED),
            "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        }
    return Reply("", 204, headers)
