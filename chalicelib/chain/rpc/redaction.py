"""Keeps the secret parts of an endpoint's URL out of the errors that it answers (invariant 10)."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

SHORTEST_SECRET = 12
"""Characters. Shorter parts of a URL are words, such as mainnet."""


class Redaction:
    """The user, password, parts of the path and query values of one URL."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        pieces = [
            parts.username or "",
            parts.password or "",
            *parts.path.split("/"),
            *(value for _, value in parse_qsl(parts.query)),
        ]
        self._secrets = tuple(piece for piece in pieces if len(piece) >= SHORTEST_SECRET)

    def of(self, error: Any) -> Any:
        """Return the error, a string or an object, with `…` in place of each secret."""
        if isinstance(error, str):
            for secret in self._secrets:
                error = error.replace(secret, "…")
            return error
        if isinstance(error, Mapping):
            return {key: self.of(value) for key, value in error.items()}
        return error
