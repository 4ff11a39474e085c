"""AWS clients of a command: for real AWS by the caller's configuration, or for a local endpoint."""

import os
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from stack.errors import StackError

Client = Callable[[str], Any]


def clients(
    endpoint_url: str | None = None,
    region: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
) -> Client:
    """Return a function from a service's name to its client. What is not given comes from the environment and profile."""
    region = region or os.environ.get("AWS_REGION")  # boto3 itself does not read it
    session = boto3.Session(access_key_id, secret_access_key, region_name=region)
    config = Config(retries={"mode": "standard", "max_attempts": 5}, s3={"addressing_style": "path"} if endpoint_url else None)
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        if service not in made:
            made[service] = session.client(service, endpoint_url=endpoint_url, config=config)  # type: ignore[call-overload]
        return made[service]

    return client


def sentence(error: BotoCoreError | ClientError) -> StackError:
    """Return an error of AWS as one sentence."""
    if isinstance(error, NoCredentialsError):
        return StackError("There are no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
    if isinstance(error, NoRegionError):
        return StackError("There is no AWS region: set AWS_REGION.")
    if isinstance(error, ClientError):
        detail = error.response["Error"]
        return StackError(f"AWS refuses {error.operation_name}: {detail.get('Message') or detail.get('Code')}")
    return StackError(f"AWS does not answer: {error}")
