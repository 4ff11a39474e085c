"""Reads secrets of Secrets Manager."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from chalicelib.errors import ConfigurationError, ServiceUnavailable

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

_PASSING = frozenset({"ThrottlingException", "InternalServiceError", "RequestLimitExceeded", "ExpiredTokenException"})


def read_secret(client: "SecretsManagerClient", secret_id: str) -> str:
    """Return the current text of a secret.

    Raises ServiceUnavailable when Secrets Manager throttles or does not answer, and ConfigurationError when it refuses or the
    secret is not text. The messages leave out AWS's own text, which holds account ids and roles.
    """
    try:
        answer = client.get_secret_value(SecretId=secret_id)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _PASSING or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            raise ServiceUnavailable(f"A secret of the service cannot be read now ({code}): try again.") from None
        raise ConfigurationError(f"The secret {secret_id} cannot be read ({code}).") from None
    except (NoCredentialsError, ParamValidationError) as error:
        raise ConfigurationError(f"The secret {secret_id} cannot be read ({type(error).__name__}).") from None
    except BotoCoreError as error:
        raise ServiceUnavailable(f"A secret of the service cannot be read now ({type(error).__name__}): try again.") from None
    if "SecretString" not in answer:
        raise ConfigurationError(f"The secret {secret_id} is not text.")
    return answer["SecretString"]
