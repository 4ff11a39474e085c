"""Checks a JWT and returns its Principal. Every JWT must have an expiry (RFC 7519, RFC 8725).

JWTs of the shared secret use HS256, and JWTs of the identity provider RS256 or ES256. The algorithm in the header decides which
keys are tried. A key is only used with the algorithm of its type, so a public key cannot pass for a secret.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.auth.checksums import is_checksummed
from chalicelib.auth.pyjwt import pyjwt
from chalicelib.auth.secrets import TokenKeys
from chalicelib.chain.addresses import checksum_address
from chalicelib.errors import Unauthorized
from chalicelib.jobs.model import Account
from chalicelib.jobs.principal import Principal
from chalicelib.patterns import ADDRESS

if TYPE_CHECKING:
    from chalicelib.auth.jwks import IdentityProvider
    from chalicelib.cached import Cached

LEEWAY_SECONDS = 30
"""How far the clock of the JWT's signer may differ from this clock."""
MAX_CLAIM_LENGTH = 256
MAX_HEADER_LENGTH = 8_192
"""API Gateway takes 10,240 bytes of headers. It also limits how deep the JSON in a JWT can nest."""

_HMAC = "HS256"
_PUBLIC_KEY = ("RS256", "ES256")
_BEARER = re.compile(r"bearer +([A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]*)", re.IGNORECASE | re.ASCII)
_NOT_VALID = "The JWT is not valid: ask for a new one."


class TokenVerifier:
    """Returns the Principal of an Authorization header.

    Accepts JWTs of the shared secret, of the identity provider, or of both. When the keys cannot be read, `verify` raises the
    error of reading them, and accepts no JWT.
    """

    def __init__(self, shared: "Cached[TokenKeys] | None", provider: "IdentityProvider | None" = None) -> None:
        self._shared = shared
        self._provider = provider

    def verify(self, authorization: str | None) -> Principal:
        """Return the principal of a header's value. Raises Unauthorized. The message says nothing about the keys."""
        if not authorization:
            raise Unauthorized("A JWT is needed: send the header Authorization: Bearer <token>.")
        bearer = _BEARER.fullmatch(authorization.strip()) if len(authorization) <= MAX_HEADER_LENGTH else None
        if bearer is None:
            raise Unauthorized("The Authorization header is not of the form Bearer <token>.")
        algorithm, kid = _header(bearer[1])
        if algorithm == _HMAC and self._shared is not None:
            claims = self._of_shared(self._shared, bearer[1], kid)
        elif algorithm in _PUBLIC_KEY and self._provider is not None:
            claims = self._of_provider(self._provider, bearer[1], algorithm, kid)
        else:
            raise Unauthorized("The JWT is signed with an algorithm that is not accepted here.")
        return principal_from(claims)

    @staticmethod
    def _of_shared(shared: "Cached[TokenKeys]", token: str, kid: str | None) -> dict[str, Any]:
        known = shared.get()
        keys = known.named(kid) or shared.newer_than(known).named(kid)
        return _claims(token, keys, _HMAC)

    @staticmethod
    def _of_provider(provider: "IdentityProvider", token: str, algorithm: str, kid: str | None) -> dict[str, Any]:
        if kid is None:
            raise Unauthorized("The JWT does not say which key has signed it: it needs the header kid.")
        key = provider.key(kid, algorithm)
        keys = () if key is None else (key,)
        return _claims(token, keys, algorithm, ("iss", "aud"), issuer=provider.issuer, audience=provider.audience)


def issuer_token(keys: TokenKeys, account: Account, expires_at: datetime) -> str:
    """Return a JWT for the issuer that signs with this account. It may use the Admin API."""
    claims = {
        "accountAddress": account.address,
        "appName": account.app_name,
        "isCommunityAdmin": True,
        "exp": int(expires_at.timestamp()),
    }
    return str(pyjwt().encode(claims, keys.signing, algorithm=_HMAC, headers=keys.headers))


def principal_from(claims: Mapping[str, Any]) -> Principal:
    """Return the principal of checked claims. Raises Unauthorized for claims without an account address or in another form."""
    address = _account_address(claims.get("accountAddress"))
    return Principal(
        owner=_text(claims, "sub") or address,
        account_address=address,
        # only JSON true counts: the string "false" is true to Python
        is_admin=claims.get("isAdmin") is True,
        is_community_admin=claims.get("isCommunityAdmin") is True,
        role=_text(claims, "role"),
        app_name=_text(claims, "appName"),
    )


def _header(token: str) -> tuple[str, str | None]:
    """Return (algorithm, kid) of the header. They only decide which key is tried: they are not checked yet."""
    jwt = pyjwt()
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Unauthorized(_NOT_VALID) from None
    algorithm = header.get("alg")
    return algorithm if isinstance(algorithm, str) else "", header.get("kid")


def _claims(token: str, keys: Sequence[Any], algorithm: str, require: Sequence[str] = (), **expected: str) -> dict[str, Any]:
    """Return the claims of a JWT that one of `keys` has signed. Raises Unauthorized."""
    jwt = pyjwt()
    options = {"require": ["exp", *require]}
    for key in keys:
        try:
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=[algorithm], options=options, leeway=LEEWAY_SECONDS, **expected
            )
            _require_numbers(claims)
            return claims
        except jwt.InvalidSignatureError:
            continue
        except jwt.ExpiredSignatureError:
            raise Unauthorized("The JWT has expired: ask for a new one.") from None
        except jwt.ImmatureSignatureError:
            raise Unauthorized("The JWT is not valid yet.") from None
        except jwt.MissingRequiredClaimError as error:
            raise Unauthorized(f"The JWT has no {error.claim} claim, which every JWT needs.") from None
        except (jwt.InvalidIssuerError, jwt.InvalidAudienceError):
            raise Unauthorized("The JWT has another issuer or audience than expected.") from None
        except jwt.PyJWTError:
            break
    raise Unauthorized(_NOT_VALID)


def _require_numbers(claims: Mapping[str, Any]) -> None:
    """Raise Unauthorized for a time that is not a number (RFC 7519, NumericDate). PyJWT would accept digits in a string."""
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unauthorized(f"The JWT's {name} must be a number.")


def _account_address(value: Any) -> str:
    if not isinstance(value, str) or not ADDRESS.fullmatch(value):
        raise Unauthorized("The JWT's accountAddress is not an address.")
    digits = value[2:]
    if digits in (digits.lower(), digits.upper()):
        return checksum_address(value)
    if not is_checksummed(value):
        raise Unauthorized("The JWT's accountAddress fails its EIP-55 checksum.")
    return value


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_CLAIM_LENGTH or not value.isprintable():
        raise Unauthorized(f"The JWT's {name} must be a string of at most {MAX_CLAIM_LENGTH} printable characters.")
    return value
