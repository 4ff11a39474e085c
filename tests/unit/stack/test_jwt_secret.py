"""A deployed stage runs on no secret that others know or can guess."""

import secrets

import pytest

from stack.deployment import jwt_secret
from stack.errors import StackError


@pytest.mark.parametrize(
    "secret", ["", "0xTINY", "x" * 31, "x" * 64, "changeme-changeme-changeme-changeme-1234567890", "your-256-bit-secret" * 3]
)
def test_a_deployed_stage_refuses_a_short_or_default_secret_without_saying_it(secret: str) -> None:
    with pytest.raises(StackError, match="JWT secret of stage spark") as refused:
        jwt_secret.check(secret, "spark")
    assert not secret or secret not in str(refused.value)


def test_a_generated_secret_passes() -> None:
    jwt_secret.check(secrets.token_hex(32), "fuse")


@pytest.mark.parametrize("properties", [{"SecretString": "x" * 64}, {"GenerateSecretString": {"PasswordLength": 16}}])
def test_a_template_that_would_make_such_a_secret_is_refused(properties: dict[str, object]) -> None:
    template = {"Resources": {"JwtSecret": {"Properties": properties}}}
    with pytest.raises(StackError, match="must generate the JWT secret"):
        jwt_secret.check_template(template, "spark")
