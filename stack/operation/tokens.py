"""HS256 JWTs for issuers and administrators, signed with the current key of the stack's secret."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from chalicelib.auth.secrets import token_keys
from chalicelib.settings import LOCAL_STAGE

VALID_FOR = timedelta(days=30)


def token(secret: str, **claims: Any) -> str:
    """Return an HS256 JWT with these claims, valid for 30 days unless they have `exp`. `secret` is the secret's whole text."""
    keys = token_keys(secret, LOCAL_STAGE)
    content = {"exp": datetime.now(UTC) + VALID_FOR, **claims}
    return jwt.encode(content, keys.signing, algorithm="HS256", headers=keys.headers)


def issuer_token(secret: str, account: str) -> str:
    return token(secret, accountAddress=account, isCommunityAdmin=True)


def admin_token(secret: str, account: str) -> str:
    return token(secret, sub="admin", accountAddress=account, isAdmin=True, isCommunityAdmin=True)
