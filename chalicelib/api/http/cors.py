"""Which pages of other origins may read replies (CORS, the Fetch standard): none, unless the stage names them.

Not Chalice's `cors=`: that fixes one origin when the stage is packaged. Credentials are never allowed: callers send tokens.
"""

from collections.abc import Mapping, Sequence

from chalicelib.api.http.reply import Reply

ANY = "*"
_ASKED = ("Authorization", "Content-Type")
_TOLD = ("Retry-After", "X-Request-Id", "Idempotent-Replayed")
_PREFLIGHT_SECONDS = 600

Origins = Sequence[str]
"""As browsers write them: scheme, host and port; or `*` alone for all."""


def cors_headers(origins: Origins, origin: str | None) -> Mapping[str, str]:
    """Of a reply to a request from `origin`, the header of that name."""
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
    """What the path takes, for everybody; for pages of allowed origins, what they may send it (a preflight)."""
    headers = {"Allow": ", ".join((*verbs, "OPTIONS")), **cors_headers(origins, origin)}
    if "Access-Control-Allow-Origin" in headers:
        headers |= {
            "Access-Control-Allow-Methods": ", ".join(verbs),
            "Access-Control-Allow-Headers": ", ".join(_ASKED),
            "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
        }
    return Reply("", 204, headers)
