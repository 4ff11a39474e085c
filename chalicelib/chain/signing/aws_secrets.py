"""Keys in AWS Secrets Manager: `secret:<id>` or `secret:<id>#<derivation path>`.

A secret's value is a private key in hex, or JSON with `privateKey` or `mnemonic`.
"""

from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.cached import Cached
from chalicelib.chain.signing.aws_errors import raise_key_error
from chalicelib.chain.signing.key_service import Resources
from chalicelib.chain.signing.private_keys import PrivateKeySigner, private_key_in
from chalicelib.errors import ConfigurationError
from chalicelib.jobs.model import Account

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient


class SecretKeys:
    """The keys that one secret holds: one private key, or a mnemonic with a private key for each derivation path."""

    def __init__(self, secret_id: str, value: str) -> None:
        self._secret_id = secret_id
        self._value = value
        self._signers: dict[str, PrivateKeySigner] = {}

    def __repr__(self) -> str:
        return f"SecretKeys({self._secret_id})"

    def signer(self, path: str) -> PrivateKeySigner:
        """Return the signer of the key at this derivation path. An empty path means the secret's only or first key.

        Raises ConfigurationError, without the value, when the secret holds no such key.
        """
        if path not in self._signers:
            private_key = private_key_in(self._value, path)
            if isinstance(private_key, str):
                raise ConfigurationError(f"The secret {self._secret_id} {private_key}.")
            self._signers[path] = PrivateKeySigner(private_key)
        return self._signers[path]


class SecretKeyService:
    """Makes the signers of all accounts with a key in Secrets Manager.

    `chalicelib.cached` says when a changed secret takes effect, and what happens while it cannot be read.
    """

    REFERENCE_FORM: ClassVar[str] = "secret:<secret id>[#<derivation path>]"

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._secrets: dict[str, Cached[SecretKeys]] = {}

    @cached_property
    def _secrets_manager(self) -> "SecretsManagerClient":
        client: SecretsManagerClient = self._resources.aws_client("secretsmanager")
        return client

    def signer_of(self, reference: str, account: Account) -> PrivateKeySigner:
        """Return the signer of the key that the secret holds. Raises SignerUnavailable and ConfigurationError."""
        secret_id, _, path = reference.partition("#")
        return self._keys_of(secret_id).get().signer(path)

    def _keys_of(self, secret_id: str) -> Cached[SecretKeys]:
        """Return the cache of one secret. The secret may hold the mnemonic of many accounts, so they share it."""
        if secret_id not in self._secrets:
            monotonic = self._resources.monotonic
            self._secrets[secret_id] = Cached(f"secret {secret_id}", lambda: self._read(secret_id), monotonic)
        return self._secrets[secret_id]

    def _read(self, secret_id: str) -> SecretKeys:
        try:
            answer = self._secrets_manager.get_secret_value(SecretId=secret_id)
        except (ClientError, BotoCoreError) as error:
            raise_key_error(error, f"secret {secret_id}")
        value = answer.get("SecretString")
        if value is None:
            raise ConfigurationError(f"The secret {secret_id} is binary: it must be text.")
        return SecretKeys(secret_id, value)
