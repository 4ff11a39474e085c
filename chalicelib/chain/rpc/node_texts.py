"""Makes a node's texts fit for a log line or a job: printable, bounded, and without secrets (invariant 10)."""

import re
import unicodedata
from urllib.parse import urlsplit

LIMIT = 300
NO_REASON = "reverted without a reason"

_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]*", re.IGNORECASE)
_LONG_HEX = re.compile(r"((?:0x)?[0-9a-f]{8})[0-9a-f]{57,}", re.IGNORECASE)
"""Hex digits longer than a hash: call data or a raw transaction."""


def clean(text: str, limit: int = LIMIT) -> str:
    """Return `text` on one line, with at most `limit` characters.

    Control, format and unpaired surrogate characters are dropped. A URL is reduced to its host, because its path or its user
    part may be an API key. Hex longer than a hash is cut to its first four bytes.
    """
    text = "".join(
        character for character in text[: limit * 20] if character.isspace() or unicodedata.category(character)[0] != "C"
    )
    text = _LONG_HEX.sub(r"\1…", _URL.sub(lambda match: host_of(match.group()), " ".join(text.split())))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def host_of(url: str) -> str:
    """Return the part of an RPC URL that may be shown: its host, and its port where the URL names one."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.hostname or 'an endpoint'}{port}"
    except ValueError:
        return "an endpoint"
