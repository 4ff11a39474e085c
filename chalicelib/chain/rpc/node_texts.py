"""Node texts made fit for a log line or a job: printable, bounded, and without what must not be read there (invariant 10)."""

import re
import unicodedata
from urllib.parse import urlsplit

LIMIT = 300
NO_REASON = "reverted without a reason"

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]*", re.IGNORECASE)
_LONG_HEX = re.compile(
    r"((?:0x)?[0-9a-f]{8})[0-9a-f]{57,}", re.IGNORECASE
)  # longer than a hash: call data or a raw transaction


def clean(text: str, limit: int = LIMIT) -> str:
    """`text` on one line, at most `limit` characters: control, format and unpaired-surrogate characters dropped, a URL
    reduced to its host (path and user part may be an API key), hex longer than a hash cut to its first bytes.
    """
    text = "".join(
        character for character in text[: limit * 20] if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    text = _LONG_HEX.sub(r"\1…", _URL.sub(lambda match: host_of(match.group()), " ".join(text.split())))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def host_of(url: str) -> str:
    """The part of an RPC URL that may be shown: its host and port."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or 'an endpoint'}{port}"
    except ValueError:
        return "an endpoint"
