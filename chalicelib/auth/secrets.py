"""The keys that sign HS256 tokens: what the secret holds, how strong they are, and how one takes the place of another.

Imports no JWT library: deployment and rotation use it, too.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chalicelib.errors import ConfigurationError
from chalicelib.settings import JWT_SECRET_MIN_BYTES

KEYS_AT_MOST = 2
"""The one that signs, and the one before it until what that has signed has expired."""
MAX_LENGTH = 4_096
"""Of a document. Bounds how deep it nests: the parser recurses in C (see `chalicelib.api.http.body`)."""

_DEFAULTS = ("secret", "changeme", "password", "default", "example", "placeholder", "12345678", "abcdefgh")
"""What sample keys are made of. Of random base64 keys of 43 characters, fewer than one in 10 million has such a piece."""
_MIN_DIFFERENT_CHARACTERS = 10
_DOCUMENT = re.compile(r'\s*\{\s*"')
_KID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_FORM = 'it must be one key alone, or {"current": "<name>", "keys": {"<name>": "<key>", …}} with at most two keys'


@dataclass(frozen=True)
class TokenKeys:
    """Keys by their names, which tokens have in the header `kid`. The name of a key whose tokens have none is empty: a secret
    that is one plain string holds such a key.
    """

    current: str
    """The name of the key that signs."""
    keys: Mapping[str, str] = field(repr=False)

    @property
    def signing(self) -> str:
        return self.keys[self.current]

    @property
    def headers(self) -> dict[str, str] | None:
        """Of a token that the current key signs."""
        return {"kid": self.current} if self.current else None

    def named(self, kid: str | None) -> tuple[str, ...]:
        """The keys that may have signed a token with this `kid`, the likeliest first; none for an unknown one.

        One without may be of the nameless key, or of a client that signs with the current key and does not name it.
        """
        if kid is None:
            return self._of_nameless
        return (self.keys[kid],) if kid in self.keys and kid else ()

    @cached_property
    def _of_nameless(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.keys[name] for name in ("", self.current) if name in self.keys))

    @cached_property
    def all(self) -> tuple[str, ...]:
        """The signing one first."""
        return (self.signing, *(key for name, key in self.keys.items() if name != self.current))


def token_keys(secret: str, stage: str) -> TokenKeys:
    """What the text of the secret holds: one key, or a document of named ones.

    Raises ConfigurationError, without telling a key, for a document of another form, or a key that is weak.
    """
    keys = _keys_of(secret, stage)
    for key in keys.all:
        check_jwt_secret(key, stage)
    return keys


def check_jwt_secret(secret: str, stage: str) -> None:
    """Raises ConfigurationError, without telling the secret, when it is short, a known default, or one piece repeated."""
    if len(secret.encode()) < JWT_SECRET_MIN_BYTES:
        raise _refused(stage, f"is shorter than {JWT_SECRET_MIN_BYTES} bytes")
    plain = "".join(character for character in secret.lower() if character.isalnum())
    if any(default in plain for default in _DEFAULTS):
        raise _refused(stage, "is a well-known default or contains one")
    if len(set(secret)) < _MIN_DIFFERENT_CHARACTERS or secret in (secret + secret)[1:-1]:
        raise _refused(stage, "repeats itself")


# --- rotation: each gives the text the secret is to have next -----------------------------------------------------------


def rotated(secret: str, new_key: str, kid: str, stage: str) -> str:
    """`new_key`, named `kid`, signs from now on; what the key before it has signed stays valid until `without_old`.

    Raises ConfigurationError for a weak key, a name that is taken or is no kid, and while two keys are valid already: what the
    older one has signed would be refused.
    """
    keys = _keys_of(secret, stage)
    check_jwt_secret(new_key, stage)
    if len(keys.keys) >= KEYS_AT_MOST:
        raise ConfigurationError("The JWT secret holds two keys: take the old one out before another one comes.")
    if not _KID.fullmatch(kid) or kid in keys.keys:
        raise ConfigurationError(f"{kid!r} is no new key's name: 1 to 64 letters, digits, dots, dashes, and not in use.")
    if new_key in keys.keys.values():
        raise ConfigurationError("The new key is the one there is.")
    return _document(kid, {kid: new_key, keys.current: keys.signing})


def without_old(secret: str, stage: str) -> str:
    """Only the key that signs now: whatever another one has signed is refused. The same text when there is no other."""
    keys = _keys_of(secret, stage)
    return secret if len(keys.keys) == 1 else _document(keys.current, {keys.current: keys.signing})


def _document(current: str, keys: Mapping[str, str]) -> str:
    return json.dumps({"current": current, "keys": dict(keys)})


def _keys_of(secret: str, stage: str) -> TokenKeys:
    if not _DOCUMENT.match(secret):
        return TokenKeys("", {"": secret})
    try:
        document: Any = json.loads(secret[:MAX_LENGTH])
    except (ValueError, RecursionError):
        raise ConfigurationError(f"The JWT secret of stage {stage} is not JSON: {_FORM}.") from None
    current, keys = document.get("current"), document.get("keys")
    if document.keys() != {"current", "keys"} or not _are_keys(keys) or not isinstance(current, str) or current not in keys:
        raise ConfigurationError(f"The JWT secret of stage {stage} has another form: {_FORM}.")
    return TokenKeys(current, keys)


def _are_keys(keys: Any) -> bool:
    if not isinstance(keys, dict) or not 1 <= len(keys) <= KEYS_AT_MOST:
        return False
    return all((name == "" or _KID.fullmatch(name)) and isinstance(key, str) for name, key in keys.items())


def _refused(stage: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The JWT secret of stage {stage} {why}: use {JWT_SECRET_MIN_BYTES} random bytes, as openssl rand -base64 32 prints."
    )
