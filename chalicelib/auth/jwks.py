"""The public keys of an identity provider: fetched from its JWKS URL (RFC 7517), RS256 and ES256 only."""

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
    raise ImportError("PyJWT was imported before this module, and without what public keys need.")

MAX_BYTES = 256 * 1024
MAX_VALUES = 10_000
"""Arrays and objects. Bounds the nesting, too: the parser recurses in C (see `chalicelib.api.http.body`)."""
MAX_KEYS = 100
FETCH_SECONDS = 5.0
"""For the whole answer, and for each silence in it."""
RSA_BITS = (2_048, 8_192)
"""RFC 7518 section 3.3 asks for 2,048 at least; the more there are, the longer a check takes."""

_HEADERS = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity", "User-Agent": "jobs-api"}
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
"""Type of a key → what its public half is made of."""

log = logging.getLogger(__name__)

PublicKeys = Mapping[tuple[str, str], jwt.PyJWK]
"""(kid, algorithm) → key. The type of a key alone decides its algorithm; what a token names only picks one of these."""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Who signs tokens besides this service, and what they must say."""

    keys: Cached[PublicKeys]
    issuer: str
    audience: str

    def key(self, kid: str, algorithm: str) -> jwt.PyJWK | None:
        """Its key of that name for that algorithm. One that is not known is looked for once more at the provider, at a bounded
        rate. Raises ServiceUnavailable when the keys are not known and the provider does not answer.
        """
        known = self.keys.get()
        if (kid, algorithm) not in known:
            known = self.keys.newer_than(known)
        return known.get((kid, algorithm))


def fetch_keys(url: str) -> PublicKeys:
    """Raises ServiceUnavailable when the provider does not answer with keys that can be used, whatever else it answers."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # it writes paths
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
    """Raises HTTPError, OSError, or ValueError for another status than 200, and for more or slower bytes than may be."""
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
    """The first hundred keys' public halves: with a name, for signatures, of a type and size that is taken."""
    for jwk in list(listed)[:MAX_KEYS]:
        if not isinstance(jwk, dict) or not isinstance(jwk.get("kid"), str) or not jwk["kid"]:
            continue
        algorithm = _algorithm(jwk)
        if algorithm is None:
            continue
        if "d" in jwk:
            log.error("the identity provider publishes a private key: it is not taken", extra={"kid": jwk["kid"]})
            continue
        try:
            key = jwt.PyJWK({part: jwk[part] for part in _PUBLIC[jwk["kty"]]}, algorithm)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            continue
        if algorithm == "RS256" and not RSA_BITS[0] <= key.key.key_size <= RSA_BITS[1]:
            continue
        yield (jwk["kid"], algorithm), key


def _algorithm(jwk: Mapping[str, Any]) -> str | None:
    """By the key's type. None for another type, and for one that says itself that it is for something else."""
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
