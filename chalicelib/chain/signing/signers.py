"""Signing accounts: keys in AWS KMS, or in Secrets Manager. A key never leaves this file; neither errors nor reprs tell it."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.cached import Cached
from chalicelib.chain.signing.curve import SECP256K1_N, public_key, signing_with
from chalicelib.chain.signing.key_errors import is_not_seen_yet, raise_as_ours
from chalicelib.chain.signing.transactions import address_of_key, address_of_public_key, digest, parse_der_signature, signed
from chalicelib.errors import ConfigurationError, JobsApiError, KeyNotReady, SignerUnavailable
from chalicelib.jobs.model import Account, UnsignedTransaction
from chalicelib.jobs.ports import Signer

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient
    from types_boto3_secretsmanager import SecretsManagerClient

DEFAULT_PATH = "m/44'/60'/0'/0/0"  # BIP-44, Ethereum's first account
REQUESTS_AT_ONCE = 10
"""As many as an AWS client keeps connections for."""
KEY_IS_NEW_FOR = timedelta(minutes=5)
"""How long the tag or the policy of a new key may have no effect (AWS KMS Developer Guide, "ABAC for AWS KMS")."""

Signed = tuple[str, bytes]
"""Hash and raw bytes of a signed transaction."""

_PRIVATE_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})", re.ASCII)
_PATH = re.compile(r"m(/[0-9]{1,10}['H]?)*", re.ASCII)


class KeySigner:
    """Signs with a private key held in memory (RFC 6979 nonces, so the same transaction gets the same signature)."""

    def __init__(self, private_key: bytes) -> None:
        """Raises ValueError, without the key, when it is none."""
        if len(private_key) != 32 or not 0 < int.from_bytes(private_key, "big") < SECP256K1_N:
            raise ValueError("A private key is 32 bytes, a number between 1 and the order of secp256k1.")
        self._sign = signing_with(private_key)
        self._address = address_of_key(public_key(private_key))

    def __repr__(self) -> str:
        return f"KeySigner({self._address})"

    @property
    def address(self) -> str:
        return self._address

    def sign(self, transaction: UnsignedTransaction) -> Signed:
        parity, r, s = self._sign(digest(transaction))
        return signed(transaction, r, s, self._address, (parity,))

    def sign_each(self, transactions: Sequence[UnsignedTransaction]) -> list[Signed | Exception]:
        return _until_the_key_fails((_attempted(self, transaction) for transaction in transactions), len(transactions))


class KmsSigner:
    """Signs with an ECC_SECG_P256K1 key of AWS KMS, which never leaves it: one Sign request a transaction, as many at once as
    `threads` runs. AWS clients may be used by several threads.
    """

    def __init__(
        self,
        kms_client: "KMSClient",
        key_id: str,
        address: str,
        threads: Executor | None = None,
        is_new: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_new` says whether the key is so new that a refusal may pass."""
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

    def sign(self, transaction: UnsignedTransaction) -> Signed:
        """Raises SignerUnavailable when KMS throttles or does not answer, KeyNotReady when it refuses a key that is new,
        ConfigurationError when it refuses another key.
        """
        try:
            answer = self._kms.sign(
                KeyId=self._key_id, Message=digest(transaction), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
            )
        except (ClientError, BotoCoreError) as error:
            if is_not_seen_yet(error) and self._is_new():
                minutes = int(KEY_IS_NEW_FOR.total_seconds() // 60)
                raise KeyNotReady(
                    f"The key of the account {self._address} is new: AWS may take {minutes} minutes until it can be used."
                ) from None
            raise_as_ours(error, f"KMS key {self._key_id}")
        try:
            r, s = parse_der_signature(answer["Signature"])
        except ValueError:
            raise SignerUnavailable(f"KMS gave no signature that can be read for the key {self._key_id}.") from None
        return signed(transaction, r, s, self._address)

    def sign_each(self, transactions: Sequence[UnsignedTransaction]) -> list[Signed | Exception]:
        """After the first error of the key, what has not been asked for is not asked for any more."""
        if self._threads is None or len(transactions) < 2:
            return _until_the_key_fails((_attempted(self, transaction) for transaction in transactions), len(transactions))
        under_way = [self._threads.submit(_attempted, self, transaction) for transaction in transactions]
        try:
            return _until_the_key_fails((attempt.result() for attempt in under_way), len(transactions))
        finally:
            for attempt in under_way:
                attempt.cancel()


def _attempted(signer: Signer, transaction: UnsignedTransaction) -> Signed | Exception:
    """Return the signed transaction, or the error of signing it."""
    try:
        return signer.sign(transaction)
    except Exception as error:  # noqa: BLE001 -- its outcome
        return error


def _until_the_key_fails(outcomes: Iterable[Signed | Exception], count: int) -> list[Signed | Exception]:
    """Take outcomes up to the first error of the key, and repeat that error for the rest of `count` transactions."""
    taken: list[Signed | Exception] = []
    for outcome in outcomes:
        taken.append(outcome)
        if isinstance(outcome, JobsApiError):
            return taken + [outcome] * (count - len(taken))
    return taken


def kms_address(kms_client: "KMSClient", key_id: str, *, is_new: bool = False) -> str:
    """Return the checksummed address of a KMS key. `is_new`: a refusal may pass.

    Raises as `KmsSigner.sign` does; ConfigurationError for another type of key.
    """
    try:
        answer = kms_client.get_public_key(KeyId=key_id)
    except (ClientError, BotoCoreError) as error:
        if is_new and is_not_seen_yet(error):
            raise KeyNotReady("AWS does not tell the address of the new key yet: try again.") from None
        raise_as_ours(error, f"KMS key {key_id}")
    try:
        return address_of_public_key(answer["PublicKey"])
    except ValueError as error:
        raise ConfigurationError(f"The KMS key {key_id} cannot sign for an account. {error}") from None


class SecretKeys:
    """The keys that one secret holds: one private key, or a mnemonic with a private key for each derivation path."""

    def __init__(self, secret_id: str, value: str) -> None:
        self._secret_id = secret_id
        self._value = value
        self._signers: dict[str, KeySigner] = {}

    def __repr__(self) -> str:
        return f"SecretKeys({self._secret_id})"

    def signer(self, path: str) -> KeySigner:
        """Return the signer of the key at this derivation path; an empty path means the secret's only or first key.

        Raises ConfigurationError, without the value, when the secret holds no such key.
        """
        if path not in self._signers:
            private_key = _private_key(self._value, path)
            if isinstance(private_key, str):
                raise ConfigurationError(f"The secret {self._secret_id} {private_key}.")
            self._signers[path] = KeySigner(private_key)
        return self._signers[path]


class AccountSigners:
    """The signer of each account, by its key: `kms:<key id or ARN>`, `secret:<id>` or `secret:<id>#<derivation path>`.

    A client is made when the first account needs it. A secret's value is a private key in hex, or JSON with `privateKey` or
    `mnemonic`. `chalicelib.cached` says when a changed secret takes effect, and what happens when it cannot be read.
    """

    def __init__(
        self,
        kms_client: "Callable[[], KMSClient]",
        secrets_client: "Callable[[], SecretsManagerClient]",
        monotonic: Callable[[], float] = time.monotonic,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._clock = clock
        self._kms_client = kms_client
        self._secrets_client = secrets_client
        self._monotonic = monotonic
        self._secrets: dict[str, Cached[SecretKeys]] = {}

    def __repr__(self) -> str:
        return "AccountSigners()"

    @cached_property
    def _kms(self) -> "KMSClient":
        return self._kms_client()

    @cached_property
    def _secrets_manager(self) -> "SecretsManagerClient":
        return self._secrets_client()

    @cached_property
    def _threads(self) -> Executor:
        return ThreadPoolExecutor(REQUESTS_AT_ONCE, "kms")

    def of(self, account: Account) -> Signer:
        """Raises ConfigurationError when the account's key cannot be used or is not the address's (for a KMS key, its signer
        does at the first signature), SignerUnavailable when it cannot be had now.
        """
        kind, _, reference = account.key.partition(":")
        if kind == "kms" and reference:
            signer: Signer = self._kms_signer(reference, account)
        elif kind == "secret" and reference:
            secret_id, _, path = reference.partition("#")
            signer = self._keys_of(secret_id).get().signer(path)
        else:
            raise ConfigurationError(
                f"The key of account {account.address} must be kms:<key id> or secret:<secret id>[#<derivation path>]."
            )
        if signer.address != account.address:
            raise ConfigurationError(f"The key of account {account.address} is that of {signer.address}.")
        return signer

    def _kms_signer(self, key_id: str, account: Account) -> KmsSigner:
        """Takes the account's word for the address: every signature is checked against it, so the key need not be asked."""

        def is_new() -> bool:
            return account.created_at is not None and self._clock() - account.created_at < KEY_IS_NEW_FOR

        return KmsSigner(self._kms, key_id, account.address, self._threads, is_new)

    def _keys_of(self, secret_id: str) -> Cached[SecretKeys]:
        """Return the cache of one secret. The secret may hold the mnemonic of many accounts, so they share it."""
        if secret_id not in self._secrets:
            self._secrets[secret_id] = Cached(f"secret {secret_id}", lambda: self._read(secret_id), self._monotonic)
        return self._secrets[secret_id]

    def _read(self, secret_id: str) -> SecretKeys:
        try:
            answer = self._secrets_manager.get_secret_value(SecretId=secret_id)
        except (ClientError, BotoCoreError) as error:
            raise_as_ours(error, f"secret {secret_id}")
        value = answer.get("SecretString")
        if value is None:
            raise ConfigurationError(f"The secret {secret_id} is binary: it must be text.")
        return SecretKeys(secret_id, value)


def _private_key(value: str, path: str) -> bytes | str:
    """The key a secret stands for, or what is wrong with it, in words that do not tell it."""
    try:
        content: Any = json.loads(value)
    except (ValueError, RecursionError):
        content = None
    fields = content if isinstance(content, Mapping) else {"privateKey": value.strip()}
    mnemonic, private_key = fields.get("mnemonic"), fields.get("privateKey")
    if isinstance(mnemonic, str) and (path or private_key is None):
        return _derived(mnemonic, path or DEFAULT_PATH)
    if path:
        return "holds no mnemonic, so a derivation path is of no use with it"
    matched = _PRIVATE_KEY.fullmatch(private_key) if isinstance(private_key, str) else None
    if matched is None:
        return "holds no key: it must be 0x and 64 hex digits, or JSON with privateKey or mnemonic"
    key = bytes.fromhex(matched[1])
    return key if 0 < int.from_bytes(key, "big") < SECP256K1_N else "holds a number that is no private key"


def _derived(mnemonic: str, path: str) -> bytes | str:
    """BIP-39, BIP-32. eth_account's errors quote the mnemonic: none of them passes."""
    recursion_limit = sys.getrecursionlimit()
    # Slow to import, and only mnemonics need it.
    from eth_account import Account as Wallet  # noqa: PLC0415
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415

    sys.setrecursionlimit(recursion_limit)  # one of its dependencies raises it so far that deep JSON would crash the process
    if not _PATH.fullmatch(path):
        return "is used with a derivation path that cannot be read; it must be like m/44'/60'/0'/0/0"
    Wallet.enable_unaudited_hdwallet_features()
    try:
        return bytes(Wallet.from_mnemonic(" ".join(mnemonic.split()), account_path=path).key)
    except (ValidationError, ValueError, TypeError, ArithmeticError):
        return "holds a mnemonic that is none of BIP-39, or cannot be derived from"
