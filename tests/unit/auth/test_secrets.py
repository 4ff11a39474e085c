"""Which keys may sign tokens."""

import base64
import secrets

import pytest

from chalicelib.auth.secrets import check_jwt_secret
from chalicelib.errors import ConfigurationError


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "secret",
        "changeme",
        "x" * 31,
        "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6Ae",  # 31 bytes
        "a" * 64,
        "0" * 64,
        "ab" * 32,
        "aaaaaaaabbbbbbbbbaaaaaabbbbbbbbc",
        "kZ8vXr2Qp5Lw9TnB" * 2,
        "abcabcabcabcabcabcabcabcabcabcabcabc",
        "secretsecretsecretsecretsecretsecret",
        "a-string-secret-at-least-256-bits-long",
        "your-super-secret-jwt-token-with-at-least-32-characters-long",
        "Change-Me-In-Production-kZ8vXr2Qp5Lw9TnB",
        "P a s s w o r d kZ8vXr2Qp5Lw9TnB4cYh7GdJ",
        "1234567890123456789012345678901234567890",
    ],
)
def test_a_weak_secret_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_jwt_secret(secret, "spark")
    assert "spark" in refused.value.message
    assert not secret or secret not in refused.value.message.replace("JWT secret", "")


@pytest.mark.parametrize(
    "write", [secrets.token_hex, secrets.token_urlsafe, lambda size: base64.b64encode(secrets.token_bytes(size)).decode()]
)
def test_random_secrets_of_32_bytes_pass(write) -> None:  # type: ignore[no-untyped-def]
    for _ in range(200):
        check_jwt_secret(write(32), "spark")
