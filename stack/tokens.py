"""Tokens for the local stack's issuers and its administrator."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

VALID_FOR = timedelta(days=30)


def token(secret: str, **claims: Any) -> str:
    """An HS256 token with these claims, valid for 30 days unless `exp` is among them."""
    return jwt.encode({"exp": datetime.now(UTC) + VALID_FOR, **claims}, secret, algorithm="HS256")


def issuer_token(secret: str, account: str) -> str:
    return token(secret, accountAddress=account, isCommunityAdmin=True)


def admin_token(secret: str, account: str) -> str:
    return token(secret, sub="admin", accountAddress=account, isAdmin=True, isCommunityAdmin=True)
