"""Fetches the public keys of an identity provider from its JWKS URL (RFC 7517). Only RS256 and ES256 keys are used."""

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.algorithms import has_crypto
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from chalicelib.cached import Cached
from chalicelib.chain.rpc.node_texts import host_of
from chalicelib.chain.rpc.transport import pool_for
from chalicelib.errors import ServiceUnavailable

if not has_crypto:
    raise ImportError("PyJWT was imported without cryptography, before this module: import chalicelib.auth.jwks first.")

MAX_BYTES = 256 * 1024
MAX_VALUES = 10_000
"""Arrays and objects in the answer. It also limits the nesting: the JSON parser recurses in C (see `chalicelib.api.body`)."""
MAX_KEYS = 100
FETCH_SECONDS = 5.0
"""The time-out of the whole answer, and of each wait for more of it."""
RSA_BITS = (2_048, 8_192)
"""The least and the most bits of an RSA key. RFC 7518 section 3.3 requires 2,048. Longer keys take longer to check."""

_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity", "User-Agent": "jobs-api"}
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
"""Type of a key → the members of its public half."""

log = logging.getLogger(__name__)

PublicKeys = Mapping[tuple[str, str], jwt.PyJWK]
"""(kid, algorithm) → key. Only the type of a key decides its algorithm. A JWT's header only picks one of these keys."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An identity provider whose JWTs are accepted: its public keys, and the `iss` and `aud` that its JWTs must have."""

    keys: Cached[PublicKeys]
    issuer: str
    audience: str

    def key(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        """Return the key of this name for this algorithm, or None. For an unknown key, the provider is asked again, at most
        every 30 s. Raises ServiceUnavailable when the provider does not answer.
        """
        known = self.keys.get()
        if (kid, algorithm) not in known:
            known = self.keys.newer_than(known)
        return known.get((kid, algorithm))


def fetch_keys(url: str) -> PublicKeys:
    """Return the usable keys. Raises ServiceUnavailable when the provider does not answer with at least one of them."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings hold paths, which may be secret
    try:
        content = _fetched(url)
        document = json.loads(content) if content.count(b"[") + content.count(b"{") <= MAX_VALUES else None
        listed = document["keys"] if isinstance(document, dict) else None
    except (HTTPError, OSError):
        problem = "does not answer"
    except (ValueError, KeyError, RecursionError):
        problem = "does not answer with a JSON Web Key Set"
    else:
        keys = dict(_usable(listed if isinstance(listed, list) else ()))
        if keys:
            return keys
        problem = "has no key for RS256 or ES256"
    raise ServiceUnavailable(f"The identity provider at {host_of(url)} {problem}: try again.")


def _fetched(url: str) -> bytes:
    """Return the answer. Raises HTTPError or OSError, and ValueError for another status than 200 or a large or slow answer."""
    deadline = time.monotonic() + FETCH_SECONDS
    how: dict[str, Any] = {"headers": _HEADERS, "timeout": FETCH_SECONDS, "retries": False, "redirect": False}
    with pool_for(url) as pool, closing(pool.request("GET", url, preload_content=False, **how)) as response:
        if response.status != 200:
            raise ValueError(response.status)
        return b"".join(_chunks(response, deadline))


def _chunks(response: BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
    left = MAX_BYTES
    while chunk := response.read1(left + 1, decode_content=False):
        left -= len(chunk)
        if left < 0 or time.monotonic() > deadline:
            raise ValueError("too much, or too slow")
        yield chunk


def _usable(listed: Iterable[Any]) -> Iterator[tuple[tuple[str, str], jwt.PyJWK]]:
    """Yield the public halves of usable keys, of the first hundred: with a name, for signatures, of a known type and size."""
    for jwk in list(listed)[:MAX_KEYS]:
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not jwk["kid"]:
            continue
        algorithm = _algorithm(jwk)
        if algorithm is None:
            continue
        if "d" in jwk:
            log.error("the identity provider publishes a private key: it is not used", extra={"kid": jwk["kid"]})
            continue
        try:
            key = jwt.PyJWK({part: jwk[part] for part in _PUBLIC[jwk["kty"]]}, algorithm)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            continue
        if algorithm == "RS256" and not RSA_BITS[0] <= key.key.key_size <= RSA_BITS[1]:
            continue
        yield (jwk["kid"], algorithm), key


def _algorithm(jwk: Mapping[str, Any]) -> str | None:
    """Return the algorithm of the key's type. None for another type, and for a key that is not for checking signatures."""
    match jwk:
        case {"kty": "RSA"}:
            algorithm = "RS256"
        case {"kty": "EC", "crv": "P-256"}:
            algorithm = "ES256"
        case _:
            return None
    operations = jwk.get("key_ops", ["verify"])
    for_checking = jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    return algorithm if for_checking and jwk.get("alg", algorithm) == algorithm else None
