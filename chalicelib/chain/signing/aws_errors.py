"""What an error of AWS means for a key, as one of the service's own errors.

AWS's own text is left out of the messages, because it holds account ids and roles. Only AWS's error code is told.
"""

import re
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from chalicelib.errors import ConfigurationError, SignerUnavailable

_CODES_OF_A_NEW_KEY = frozenset({"AccessDeniedException", "NotFoundException"})
"""What KMS may answer while some of its servers do not know a new key, its tag or its policy."""
_TEMPORARY_CODE = re.compile(
    r"throttl|limitexceeded|toomanyrequests|slowdown|timeout|internal|unavailable|expiredtoken|requestexpired", re.IGNORECASE
)


def may_be_too_new(error: ClientError | BotoCoreError) -> bool:
    """Return whether KMS may give this answer for a new key, for some minutes."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _CODES_OF_A_NEW_KEY


def raise_key_error(error: ClientError | BotoCoreError, what: str) -> NoReturn:
    """Raise SignerUnavailable where a later try may succeed, else ConfigurationError.

    `what` names the key or the secret in the message: `KMS key 1234abcd`.
    """
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status == 429 or status >= 500 or _TEMPORARY_CODE.search(code):
            raise SignerUnavailable(f"The {what} cannot be used now ({code}).") from None
        raise ConfigurationError(f"The {what} cannot be used ({code}).") from None
    if isinstance(error, NoCredentialsError | ParamValidationError):
        raise ConfigurationError(f"The {what} cannot be used ({type(error).__name__}).") from None
    raise SignerUnavailable(f"The {what} did not answer ({type(error).__name__}).") from None
