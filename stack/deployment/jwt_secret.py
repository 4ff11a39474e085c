"""The secret that signs issuers' JWTs: read after a deployment, and checked before one (HS256: RFC 7518 section 3.2)."""

from collections.abc import Mapping
from typing import Any

from chalicelib.auth.secrets import token_keys
from chalicelib.errors import ConfigurationError
from chalicelib.settings import JWT_SECRET_MIN_BYTES
from stack.aws import Client
from stack.build.package import LOCAL_STAGE
from stack.errors import StackError


def read(client: Client, secret_arn: str) -> str:
    value: str = client("secretsmanager").get_secret_value(SecretId=secret_arn)["SecretString"]
    return value


def check(secret: str, stage: str) -> None:
    """Raise StackError when a stage in AWS would use a key that is short, well known or not readable.

    The error never contains the secret.
    """
    if stage == LOCAL_STAGE:
        return
    try:
        token_keys(secret, stage)
    except ConfigurationError as error:
        raise StackError(f"{error.message} Nothing was deployed.") from None


def check_template(template: Mapping[str, Any], stage: str) -> None:
    """Raise StackError when the template would make such a secret."""
    properties = template["Resources"]["JwtSecret"]["Properties"]
    generated = properties.get("GenerateSecretString", {})
    if stage != LOCAL_STAGE and ("SecretString" in properties or generated.get("PasswordLength", 32) < JWT_SECRET_MIN_BYTES):
        raise StackError(
            f"The template must generate the JWT secret of stage {stage}, {JWT_SECRET_MIN_BYTES} characters or more."
        )
