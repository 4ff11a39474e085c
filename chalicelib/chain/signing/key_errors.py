"""What AWS answers in place of a key or a signature, as an error of ours. AWS's own text is left out: it holds account ids and
roles.
"""

import re
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from chalicelib.errors import ConfigurationError, SignerUnavailable

_NOT_SEEN_YET = frozenset({"AccessDeniedException", "NotFoundException"})
"""What KMS answers of a key while not all of it knows the key, its tag or its policy."""
_PASSING_CODE = re.compile(
    r"throttl|limitexceeded|toomanyrequests|slowdown|timeout|internal|unavailable|expiredtoken|requestexpired", re.IGNORECASE
)


def is_not_seen_yet(error: ClientError | BotoCoreError) -> bool:
    """Return True for an answer that KMS may give of a new key for some minutes."""
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in _NOT_SEEN_YET


def raise_as_ours(error: ClientError | BotoCoreError, what: str) -> NoReturn:
    """AWS's refusal or silence as ours. The original's text is left out: it holds account ids and roles."""
    if isinstance(error, ClientError):
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status == 429 or status >= 500 or _PASSING_CODE.search(code):
            raise SignerUnavailable(f"The {what} cannot be used now ({code}).") from None
        raise ConfigurationError(f"The {what} cannot be used ({code}).") from None
    if isinstance(error, NoCredentialsError | ParamValidationError):
        raise ConfigurationError(f"The {what} cannot be used ({type(error).__name__}).") from None
    raise SignerUnavailable(f"The {what} did not answer ({type(error).__name__}).") from None
