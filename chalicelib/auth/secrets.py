"""The keys that sign HS256 JWTs: how the secret holds them, how strong they must be, and how they are rotated.

Imports no JWT library, because deployment and rotation use it, too.
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
"""The key that signs, and the key before it until the JWTs that it signed have expired."""
MAX_LENGTH = 4_096
"""Characters of a document. It also limits the nesting: the JSON parser recurses in C (see `chalicelib.api.body`)."""

_DEFAULTS = ("secret", "changeme", "password", "default", "example", "placeholder", "12345678", "abcdefgh")
"""Parts of sample keys. Of random base64 keys of 43 characters, fewer than one in 10 million has such a part."""
_MIN_DIFFERENT_CHARACTERS = 10
_DOCUMENT = re.compile(r'\s*\{\s*"')
_KID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_FORM = 'it must be one key alone, or {"current": "<name>", "keys": {"<name>": "<key>", …}} with at most two keys'


@dataclass(frozen=True)
class TokenKeys:
    """Keys by their names. A JWT names its key in the header `kid`.

    A secret that is one plain string holds a key with an empty name: the JWTs of that key have no `kid`.
    """

    current: str
    """The name of the key that signs."""
    keys: Mapping[str, str] = field(repr=False)

    @property
    def signing(self) -> str:
        return self.keys[self.current]

    @property
    def headers(self) -> dict[str, str] | None:
        """The headers of a JWT that the current key signs."""
        return {"kid": self.current} if self.current else None

    def named(self, kid: str | None) -> tuple[str, ...]:
        """Return the keys that may have signed a JWT with this `kid`, the likeliest first. Empty for an unknown `kid`.

        A JWT without a `kid` is signed by the key without a name, or by a client that does not name the current key.
        """
        if kid is None:
            return self._of_nameless
        return (self.keys[kid],) if kid in self.keys and kid else ()

    @cached_property
    def _of_nameless(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.keys[name] for name in ("", self.current) if name in self.keys))

    @cached_property
    def all(self) -> tuple[str, ...]:
        """All keys, the signing key first."""
        return (self.signing, *(key for name, key in self.keys.items() if name != self.current))


def token_keys(secret: str, stage: str) -> TokenKeys:
    """Return the keys in the text of the secret: one key, or a document of named keys.

    Raises ConfigurationError for a document of another form or a weak key. The message holds no key.
    """
    keys = _keys_of(secret, stage)
    for key in keys.all:
        check_jwt_secret(key, stage)
    return keys


def check_jwt_secret(secret: str, stage: str) -> None:
    """Raise ConfigurationError when the secret is short, a known default, or repeats a part. The message does not hold it."""
    if len(secret.encode()) < JWT_SECRET_MIN_BYTES:
        raise _refused(stage, f"is shorter than {JWT_SECRET_MIN_BYTES} bytes")
    plain = "".join(character for character in secret.lower() if character.isalnum())
    if any(default in plain for default in _DEFAULTS):
        raise _refused(stage, "is a well-known default or contains one")
    if len(set(secret)) < _MIN_DIFFERENT_CHARACTERS or secret in (secret + secret)[1:-1]:
        raise _refused(stage, "repeats itself")


# --- rotation: each function returns the next text of the secret -----------------------------------------------------------


def rotated(secret: str, new_key: str, kid: str, stage: str) -> str:
    """Return the secret in which `new_key`, named `kid`, signs. JWTs of the key before stay valid until `without_old`.

    Raises ConfigurationError for a weak key, for a name that is taken or not a `kid`, and while two keys are valid: JWTs of
    the older key would be refused.
    """
    keys = _keys_of(secret, stage)
    check_jwt_secret(new_key, stage)
    if len(keys.keys) >= KEYS_AT_MOST:
        raise ConfigurationError("The JWT secret holds two keys: remove the old key before you add another.")
    if not _KID.fullmatch(kid) or kid in keys.keys:
        raise ConfigurationError(
            f"{kid!r} cannot name a new key: use 1 to 64 letters, digits, dots, dashes, and a name that is not in use."
        )
    if new_key in keys.keys.values():
        raise ConfigurationError("The new key is already in the secret: make another one.")
    return _document(kid, {kid: new_key, keys.current: keys.signing})


def without_old(secret: str, stage: str) -> str:
    """Return the secret with only the key that signs. JWTs of the other key are refused then."""
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
