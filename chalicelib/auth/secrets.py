"""The strength of the key that signs tokens. Imports no JWT library: the deploy script uses it too."""

from chalicelib.errors import ConfigurationError
from chalicelib.settings import JWT_SECRET_MIN_BYTES

_DEFAULTS = ("secret", "changeme", "password", "default", "example", "placeholder", "12345678", "abcdefgh")
"""What sample keys are made of. Of random base64 keys of 43 characters, fewer than one in 10 million has such a piece."""
_MIN_DIFFERENT_CHARACTERS = 10


def check_jwt_secret(secret: str, stage: str) -> None:
    """Raises ConfigurationError, without telling the secret, when it is short, a known default, or one piece repeated."""
    if len(secret.encode()) < JWT_SECRET_MIN_BYTES:
        raise _refused(stage, f"is shorter than {JWT_SECRET_MIN_BYTES} bytes")
    plain = "".join(character for character in secret.lower() if character.isalnum())
    if any(default in plain for default in _DEFAULTS):
        raise _refused(stage, "is a well-known default or contains one")
    if len(set(secret)) < _MIN_DIFFERENT_CHARACTERS or secret in (secret + secret)[1:-1]:
        raise _refused(stage, "repeats itself")


def _refused(stage: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"The JWT secret of stage {stage} {why}: use {JWT_SECRET_MIN_BYTES} random bytes, as openssl rand -base64 32 prints."
    )
