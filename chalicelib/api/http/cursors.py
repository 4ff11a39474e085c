"""Cursors of lists: the position of a page, signed, valid for one question of one caller and for a limited time."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidCursor
from chalicelib.jobs.ports import Clock

if TYPE_CHECKING:
    from chalicelib.auth.secrets import TokenKeys
    from chalicelib.cached import Cached

MAX_LENGTH = 2_048

_KEY_LABEL = b"jobs-api cursor v1"


class Cursors:
    """Writes and reads cursors: URL-safe `<payload>.<signature>`.

    The signature is HMAC-SHA256 with a key derived from the key of the JWTs. It covers the payload and a scope (list, caller,
    filters) that is not in the cursor. So a cursor with a changed character, or for another question, is refused. A cursor is
    not secret: it holds where the caller's own page ended. It stays valid while its key is one of the JWTs' keys, so pages go
    on while keys are rotated.
    """

    def __init__(self, keys: "Cached[TokenKeys]", ttl_seconds: int, clock: Clock) -> None:
        self._keys = keys
        self._ttl = timedelta(seconds=ttl_seconds)
        self._clock = clock

    def write(self, position: Mapping[str, str], scope: Mapping[str, str | None]) -> str:
        expires = int((self._clock() + self._ttl).timestamp())
        payload = _encoded(json.dumps([expires, dict(position)], separators=(",", ":")).encode())
        return f"{payload}.{_signature(self._keys.get().signing, payload, scope)}"

    def read(self, cursor: str, scope: Mapping[str, str | None]) -> dict[str, str]:
        """Return the position in the cursor. Raises InvalidCursor when it was changed, is for another scope, or has expired."""
        payload, _, signature = cursor.partition(".")
        if len(cursor) > MAX_LENGTH or not cursor.isascii():
            raise InvalidCursor
        known = self._keys.get()
        if not (_is_of(known, signature, payload, scope) or _is_of(self._keys.newer_than(known), signature, payload, scope)):
            raise InvalidCursor
        expires, position = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if self._clock().timestamp() >= expires:
            raise InvalidCursor
        return {str(name): str(value) for name, value in position.items()}


def _is_of(keys: "TokenKeys", signature: str, payload: str, scope: Mapping[str, str | None]) -> bool:
    return any(hmac.compare_digest(signature, _signature(key, payload, scope)) for key in keys.all)


def _signature(secret: str, payload: str, scope: Mapping[str, str | None]) -> str:
    key = hmac.digest(secret.encode(), _KEY_LABEL, hashlib.sha256)
    signed = json.dumps([payload, dict(scope)], sort_keys=True, separators=(",", ":"))
    return _encoded(hmac.digest(key, signed.encode(), hashlib.sha256))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
