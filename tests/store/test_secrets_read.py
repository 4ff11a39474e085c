"""Secrets Manager's answers: a value, a part that is away, or a setting that is wrong; never AWS's own words."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from chalicelib.errors import ConfigurationError, ServiceUnavailable
from chalicelib.store.secrets import read_secret
from stack.aws import clients
from stack.machine import ministack

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt"


class Answering:
    """A client whose every answer is this one."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def get_secret_value(self, **_: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def refusal(code: str, status: int = 400) -> ClientError:
    told: Any = {"Error": {"Code": code, "Message": f"not {ARN}"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "GetSecretValue")


def test_a_value_is_read_and_a_new_one_after_it_was_put(ministack_url: str) -> None:
    aws = clients(ministack_url, ministack.REGION, ministack.ACCESS_KEY_ID, ministack.SECRET_ACCESS_KEY)("secretsmanager")
    aws.create_secret(Name="stack/one", SecretString="first")
    assert read_secret(aws, "stack/one") == "first"
    aws.put_secret_value(SecretId="stack/one", SecretString="second")
    assert read_secret(aws, "stack/one") == "second"
    aws.create_secret(Name="stack/bytes", SecretBinary=b"no text")
    with pytest.raises(ConfigurationError, match="stack/bytes is not text"):
        read_secret(aws, "stack/bytes")
    with pytest.raises(ConfigurationError, match="stack/none cannot be read"):
        read_secret(aws, "stack/none")


@pytest.mark.parametrize(
    "error",
    [
        refusal("ThrottlingException"),
        refusal("InternalServiceError", 500),
        refusal("Anything", 503),
        refusal("ExpiredTokenException"),
        EndpointConnectionError(endpoint_url="https://secretsmanager"),
        ReadTimeoutError(endpoint_url="https://secretsmanager"),
    ],
)
def test_what_passes_is_an_unavailable_service(error: Exception) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        read_secret(Answering(error), "stack/jwt")  # type: ignore[arg-type]
    assert ARN not in caught.value.message


@pytest.mark.parametrize(
    "error",
    [refusal("AccessDeniedException"), refusal("InvalidRequestException"), refusal("DecryptionFailure"), NoCredentialsError()],
)
def test_what_no_repeat_can_mend_is_a_wrong_setting(error: Exception) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_secret(Answering(error), "stack/jwt")  # type: ignore[arg-type]
    assert ARN not in caught.value.message
    assert "stack/jwt" in caught.value.message
