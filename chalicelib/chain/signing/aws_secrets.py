"""Keys in AWS Secrets Manager: `secret:<id>` or `secret:<id>#<derivation path>`.

A secret's value is a private key in hex, or JSON with `privateKey` or `mnemonic`.
"""

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.chain.signing.aws_errors import raise_key_error
from chalicelib.chain.signing.key_service import Resources
from chalicelib.chain.signing.private_keys import PrivateKeySigner, private_key_in
from chalicelib.errors import ConfigurationError
from chalicelib.jobs.model import Account

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient

SECRET_TTL_SECONDS = 300.0


class SecretKeyService:
    """Makes the signers of all accounts with a key in Secrets Manager.

    It reads a secret again after `Resources.cache_seconds`, so that a changed secret takes effect.
    """

    REFERENCE_FORM: ClassVar[str] = "secret:<secret id>[#<derivation path>]"

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._cache_ttl = resources.cache_seconds
        self._monotonic = resources.monotonic
        self._secret_signers: dict[str, tuple[float, PrivateKeySigner]] = {}
        self._secrets: dict[str, tuple[float, str]] = {}

    @cached_property
    def _secrets_manager(self) -> "SecretsManagerClient":
        client: SecretsManagerClient = self._resources.aws_client("secretsmanager")
        return client

    def signer_of(self, reference: str, account: Account) -> PrivateKeySigner:
        """Return the signer of the key that the secret holds. Raises SignerUnavailable and ConfigurationError."""
        expires_at, signer = self._secret_signers.get(reference, (float("-inf"), None))
        if signer is not None and self._monotonic() < expires_at:
            return signer
        secret_id, _, path = reference.partition("#")
        expires_at, value = self._secret(secret_id)
        private_key = private_key_in(value, path)
        if isinstance(private_key, str):
            raise ConfigurationError(f"The secret {secret_id} {private_key}.")
        signer = PrivateKeySigner(private_key)
        self._secret_signers[reference] = (expires_at, signer)
        return signer

    def _secret(self, secret_id: str) -> tuple[float, str]:
        """Return when the secret must be read again, and its value. One secret may hold the mnemonic of many accounts."""
        cached = self._secrets.get(secret_id)
        if cached is not None and self._monotonic() < cached[0]:
            return cached
        try:
            answer = self._secrets_manager.get_secret_value(SecretId=secret_id)
        except (ClientError, BotoCoreError) as error:
            raise_key_error(error, f"secret {secret_id}")
        value = answer.get("SecretString")
        if value is None:
            raise ConfigurationError(f"The secret {secret_id} is binary: it must be text.")
        self._secrets[secret_id] = (self._monotonic() + self._cache_ttl, value)
        return self._secrets[secret_id]
