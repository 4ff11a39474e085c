"""Keys in AWS KMS: `kms:<key id or ARN>`. A key never leaves KMS."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.chain.signing.aws_errors import may_be_too_new, raise_key_error
from chalicelib.chain.signing.key_service import Resources, sign_each
from chalicelib.chain.signing.transactions import SignedBytes, address_of_public_key, digest, parse_der_signature, signed
from chalicelib.errors import ConfigurationError, KeyNotReady, SignerUnavailable
from chalicelib.jobs.model import Account, UnsignedTransaction

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

REQUESTS_AT_ONCE = 10
"""An AWS client keeps this many connections."""
KEY_IS_NEW_FOR = timedelta(minutes=5)
"""How long the tag or the policy of a new key may have no effect (AWS KMS Developer Guide, "ABAC for AWS KMS")."""


class KmsKeyService:
    """Makes the signers of all accounts with a key in AWS KMS. They share one client and its threads."""

    REFERENCE_FORM: ClassVar[str] = "kms:<key id>"

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @cached_property
    def _kms(self) -> "KMSClient":
        client: KMSClient = self._resources.aws_client("kms")
        return client

    @cached_property
    def _threads(self) -> Executor:
        return ThreadPoolExecutor(REQUESTS_AT_ONCE, "kms")

    def signer_of(self, reference: str, account: Account) -> "KmsSigner":
        """Return the signer without a request to KMS: every signature is checked against the account's address."""

        def is_new() -> bool:
            return account.created_at is not None and self._resources.clock() - account.created_at < KEY_IS_NEW_FOR

        return KmsSigner(self._kms, reference, account.address, self._threads, is_new)


class KmsSigner:
    """Signs with an ECC_SECG_P256K1 key: one Sign request a transaction, as many at once as `threads` runs.

    Several threads may use one AWS client.
    """

    def __init__(
        self,
        kms_client: "KMSClient",
        key_id: str,
        address: str,
        threads: Executor | None = None,
        is_new: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_new` returns whether the key is so new that a refusal may be temporary."""
        self._kms = kms_client
        self._key_id = key_id
        self._address = address
        self._threads = threads
        self._is_new = is_new

    def __repr__(self) -> str:
        return f"KmsSigner({self._address})"

    @property
    def address(self) -> str:
        return self._address

    def sign(self, transaction: UnsignedTransaction) -> SignedBytes:
        """Return the hash and the raw bytes of the signed transaction.

        Raises SignerUnavailable when KMS throttles or does not answer, KeyNotReady when it refuses a key that is new, and
        ConfigurationError when it refuses another key.
        """
        try:
            answer = self._kms.sign(
                KeyId=self._key_id, Message=digest(transaction), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
        except (ClientError, BotoCoreError) as error:
            if may_be_too_new(error) and self._is_new():
                minutes = int(KEY_IS_NEW_FOR.total_seconds() // 60)
                raise KeyNotReady(
                    f"The key of the account {self._address} is new: AWS may take {minutes} minutes until it can be used."
                ) from None
            raise_key_error(error, f"KMS key {self._key_id}")
        try:
            r, s = parse_der_signature(answer["Signature"])
        except ValueError:
            raise SignerUnavailable(f"KMS returned a signature for the key {self._key_id} that cannot be read.") from None
        return signed(transaction, r, s, self._address)

    def sign_each(self, transactions: Sequence[UnsignedTransaction]) -> list[SignedBytes | Exception]:
        return sign_each(self, transactions, self._threads)


def kms_address(kms_client: "KMSClient", key_id: str, *, is_new: bool = False) -> str:
    """Return the checksummed address that a KMS key signs for. `is_new`: a refusal may be temporary.

    Raises as `KmsSigner.sign` does, and ConfigurationError for another type of key.
    """
    try:
        answer = kms_client.get_public_key(KeyId=key_id)
    except (ClientError, BotoCoreError) as error:
        if is_new and may_be_too_new(error):
            raise KeyNotReady("AWS does not tell the address of the new key yet: try again.") from None
        raise_key_error(error, f"KMS key {key_id}")
    try:
        return address_of_public_key(answer["PublicKey"])
    except ValueError:
        raise ConfigurationError(
            f"The KMS key {key_id} cannot sign for an account: its key spec must be ECC_SECG_P256K1."
        ) from None
