"""JSON Web Tokens → Principal: HS256 only, always with an expiry (RFC 7519, RFC 8725)."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import jwt

from chalicelib.auth.secrets import check_jwt_secret
from chalicelib.chain.addresses import checksum_address
from chalicelib.errors import Unauthorized
from chalicelib.jobs.model import Account
from chalicelib.jobs.principal import Principal

LEEWAY_SECONDS = 30
"""How far the clocks of whoever signs tokens and ours may differ."""
MAX_CLAIM_LENGTH = 256
MAX_HEADER_LENGTH = 8_192
"""API Gateway takes 10,240 bytes of headers. Bounds how deep a token's JSON can nest, too."""

_BEARER = re.compile(r"bearer +([A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]*)", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}", re.ASCII)
_NOT_VALID = "The token is not valid: ask for a new one."


class TokenVerifier:
    """Makes a Principal of an Authorization header.

    `jwt_secret` is called for every token: whatever caches it decides how soon a rotated secret is seen. A secret that is weak
    or cannot be read fails every token's request (ConfigurationError, or what `jwt_secret` raises); none is let in.
    """

    def __init__(self, jwt_secret: Callable[[], str], stage: str) -> None:
        self._jwt_secret = jwt_secret
        self._stage = stage

    def verify(self, authorization: str | None) -> Principal:
        """`authorization` is the header's value. Raises Unauthorized, with a sentence that tells nothing of the key."""
        if not authorization:
            raise Unauthorized("A token is needed: send the header Authorization: Bearer <token>.")
        bearer = _BEARER.fullmatch(authorization.strip()) if len(authorization) <= MAX_HEADER_LENGTH else None
        if bearer is None:
            raise Unauthorized("The Authorization header is not of the form Bearer <token>.")
        secret = self._jwt_secret()
        check_jwt_secret(secret, self._stage)
        return principal_from(_claims(bearer[1], secret))


def issuer_token(secret: str, account: Account, expires_at: datetime) -> str:
    """A token for the issuer that signs with this account, and may use the Admin API."""
    claims = {
        "accountAddress": account.address,
        "appName": account.app_name,
        "isCommunityAdmin": True,
        "exp": int(expires_at.timestamp()),
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def principal_from(claims: Mapping[str, Any]) -> Principal:
    """Raises Unauthorized for claims that name no account, or name something in a form that is not one's own to choose."""
    address = _account_address(claims.get("accountAddress"))
    return Principal(
        owner=_text(claims, "sub") or address,
        account_address=address,
        # only JSON true: the string "false" is true to Python
        is_admin=claims.get("isAdmin") is True,
        is_community_admin=claims.get("isCommunityAdmin") is True,
        role=_text(claims, "role"),
        app_name=_text(claims, "appName"),
    )


def _claims(token: str, secret: str) -> dict[str, Any]:
    try:
        return jwt.decode(token, secret, algorithms=["HS256"], options={"require": ["exp"]}, leeway=LEEWAY_SECONDS)
    except jwt.ExpiredSignatureError:
        raise Unauthorized("The token has expired: ask for a new one.") from None
    except jwt.ImmatureSignatureError:
        raise Unauthorized("The token is not valid yet.") from None
    except jwt.MissingRequiredClaimError:
        raise Unauthorized("The token has no exp claim: tokens that never expire are not accepted.") from None
    except jwt.PyJWTError:
        raise Unauthorized(_NOT_VALID) from None


def _account_address(value: Any) -> str:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise Unauthorized("The token's accountAddress is not an address.")
    digits = value[2:]
    if digits not in (digits.lower(), digits.upper()):
        return value  # checksummed, as tokens usually carry it: no keccak is loaded for them
    return checksum_address(value)


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    value = claims.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > MAX_CLAIM_LENGTH or not value.isprintable():
        raise Unauthorized(f"The token's {name} must be a string of at most {MAX_CLAIM_LENGTH} printable characters.")
    return value
