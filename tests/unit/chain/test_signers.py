import json
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import rlp
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from eth_account import Account as Wallet
from hexbytes import HexBytes

from chalicelib.cached import FRESH_SECONDS, KEPT_SECONDS
from chalicelib.chain.signing.signers import AccountSigners, KeySigner, KmsSigner, kms_address
from chalicelib.chain.signing.transactions import digest
from chalicelib.errors import ConfigurationError, KeyNotReady, SignerUnavailable
from chalicelib.jobs.model import Account, Fees, UnsignedTransaction

MNEMONIC = "test test test test test test test test test test test junk"
FIRST = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
SECOND = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
FIRST_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
TRANSACTION = UnsignedTransaction(122, 7, SECOND, 1, b"", 21_000, Fees(21 * 10**9, 10**9))


class Kms:
    """KMS as far as a signer sees it: keys of `cryptography`, one Sign or GetPublicKey at a time, errors on demand."""

    def __init__(self, curve: ec.EllipticCurve | None = None) -> None:
        self.key = ec.generate_private_key(curve or ec.SECP256K1())
        self.error: Exception | None = None
        self.calls: list[str] = []
        self.signature: bytes | None = None

    def get_public_key(self, *, KeyId):
        self.calls.append(f"public {KeyId}")
        if self.error:
            raise self.error
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": self.key.public_key().public_bytes(*form)}

    def sign(self, *, KeyId, Message, MessageType, SigningAlgorithm):
        self.calls.append(f"sign {KeyId}")
        assert (MessageType, SigningAlgorithm, len(Message)) == ("DIGEST", "ECDSA_SHA_256", 32)
        if self.error:
            raise self.error
        return {"Signature": self.signature or self.key.sign(Message, ec.ECDSA(Prehashed(hashes.SHA256())))}

    @property
    def address(self) -> str:
        return Wallet.from_key(self.key.private_numbers().private_value.to_bytes(32, "big")).address


class Secrets:
    def __init__(self, **values: str) -> None:
        self.values = dict(values)
        self.error: Exception | None = None
        self.reads: list[str] = []

    def get_secret_value(self, *, SecretId):
        self.reads.append(SecretId)
        if self.error:
            raise self.error
        return {"SecretString": self.values[SecretId]} if SecretId in self.values else {"SecretBinary": b"\x00"}


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def aws_error(code: str, status: int = 400) -> ClientError:
    told = {"Code": code, "Message": "User: arn:aws:sts::123456789012:assumed-role/worker is not told"}
    return ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": status}}, "Sign")


def signers_of(kms: Kms, secrets: Secrets, **options) -> AccountSigners:
    return AccountSigners(lambda: kms, lambda: secrets, **options)


def account(key: str, address: str = FIRST) -> Account:
    return Account(chain_id=122, address=address, key=key)


PASSING = [
    aws_error("ThrottlingException"),
    aws_error("TooManyRequestsException"),
    aws_error("KMSInternalException", 500),
    aws_error("DependencyTimeoutException", 503),
    aws_error("KeyUnavailableException"),
    aws_error("Anything", 502),
    aws_error("Anything", 429),
    aws_error("ExpiredTokenException"),
    ConnectTimeoutError(endpoint_url="https://kms"),
    ReadTimeoutError(endpoint_url="https://kms"),
    EndpointConnectionError(endpoint_url="https://kms"),
]
FINAL = [
    aws_error("AccessDeniedException"),
    aws_error("NotFoundException"),
    aws_error("ResourceNotFoundException"),
    aws_error("DisabledException"),
    aws_error("KMSInvalidStateException"),
    aws_error("InvalidKeyUsageException"),
    aws_error("UnrecognizedClientException"),
    NoCredentialsError(),
    ParamValidationError(report="KeyId"),
]


# --- KMS ---------------------------------------------------------------------------------------------------------------


def test_a_kms_key_signs_for_its_address():
    kms = Kms()
    signer = signers_of(kms, Secrets()).of(account("kms:key-1", kms.address))
    for _ in range(8):
        _, raw = signer.sign(TRANSACTION)
        assert Wallet.recover_transaction(HexBytes(raw)) == kms.address == signer.address
    assert kms.calls == ["sign key-1"] * 8, "the right to sign is all a worker needs"


def test_the_address_of_a_kms_key_is_told_for_deployments():
    kms = Kms()
    assert kms_address(kms, "alias/issuer") == kms.address
    assert kms.calls == ["public alias/issuer"]


def test_a_kms_key_of_another_curve_is_refused():
    with pytest.raises(ConfigurationError, match="ECC_SECG_P256K1"):
        kms_address(Kms(ec.SECP256R1()), "key-1")


def test_a_kms_key_that_is_not_the_accounts_signs_nothing():
    with pytest.raises(ConfigurationError, match=FIRST):
        signers_of(Kms(), Secrets()).of(account("kms:key-1", FIRST)).sign(TRANSACTION)


def test_a_signature_kms_made_with_another_key_is_never_returned():
    kms = Kms()
    signer = KmsSigner(kms, "alias/moved", kms.address)
    kms.key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(ConfigurationError, match="another key's"):
        signer.sign(TRANSACTION)


def test_a_signature_that_is_no_der_passes_as_a_fault_of_the_service():
    kms = Kms()
    kms.signature = b"\x30\x00"
    with pytest.raises(SignerUnavailable):
        KmsSigner(kms, "key-1", kms.address).sign(TRANSACTION)


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_passes_at_aws_is_a_signer_that_is_unavailable(error):
    kms, secrets = Kms(), Secrets()
    kms.error = secrets.error = error
    for use in (
        lambda: kms_address(kms, "key-1"),
        lambda: KmsSigner(kms, "key-1", FIRST).sign(TRANSACTION),
        lambda: signers_of(kms, secrets).of(account("secret:hot")),
    ):
        with pytest.raises(SignerUnavailable) as raised:
            use()
        assert "arn:" not in raised.value.message


@pytest.mark.parametrize("error", FINAL, ids=str)
def test_what_stays_wrong_at_aws_is_a_fault_of_the_configuration(error):
    kms, secrets = Kms(), Secrets()
    kms.error = secrets.error = error
    for use in (
        lambda: kms_address(kms, "key-1"),
        lambda: KmsSigner(kms, "key-1", FIRST).sign(TRANSACTION),
        lambda: signers_of(kms, secrets).of(account("secret:hot")),
    ):
        with pytest.raises(ConfigurationError) as raised:
            use()
        assert "arn:" not in raised.value.message


def test_an_unavailable_key_is_asked_for_again():
    kms = Kms()
    signers = signers_of(kms, Secrets())
    kms.error = aws_error("ThrottlingException")
    with pytest.raises(SignerUnavailable):
        signers.of(account("kms:key-1", kms.address)).sign(TRANSACTION)
    kms.error = None
    assert signers.of(account("kms:key-1", kms.address)).sign(TRANSACTION)


# --- many at once ------------------------------------------------------------------------------------------------------

MANY = [replace(TRANSACTION, nonce=nonce) for nonce in range(30)]


class Crowd(Kms):
    """KMS that answers no request before `size` of them are under way."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(size, timeout=10)

    def sign(self, **request):
        self.barrier.wait()
        return super().sign(**request)


def nonces_of(outcomes) -> list[int]:
    return [int.from_bytes(rlp.decode(raw[1:])[1], "big") for _, raw in outcomes]


def test_signatures_of_a_round_are_asked_of_kms_ten_at_once_and_come_in_order():
    kms = Crowd(10)
    outcomes = signers_of(kms, Secrets()).of(account("kms:key-1", kms.address)).sign_each(MANY)
    assert nonces_of(outcomes) == list(range(30))
    assert {Wallet.recover_transaction(HexBytes(raw)) for _, raw in outcomes} == {kms.address}
    assert len(kms.calls) == 30


def test_signatures_of_a_secrets_key_come_in_order():
    assert nonces_of(KeySigner(bytes.fromhex(FIRST_KEY[2:])).sign_each(MANY)) == list(range(30))


@pytest.mark.parametrize("at", ["kms", "secret"])
def test_what_is_wrong_with_one_transaction_is_its_outcome_alone(at):
    kms = Kms()
    signers = signers_of(kms, Secrets(hot=FIRST_KEY))
    signer = signers.of(account("kms:key-1", kms.address)) if at == "kms" else signers.of(account("secret:hot"))
    outcomes = signer.sign_each([*MANY[:4], replace(TRANSACTION, to="0x12"), *MANY[5:8]])
    assert [type(outcome) for outcome in outcomes] == [tuple] * 4 + [ValueError] + [tuple] * 3


class Refusing(Kms):
    """Refuses the first transaction at once, and the others when the test says so."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.first = error
        self.over = threading.Event()

    def sign(self, **request):
        self.calls.append("sign")
        if request["Message"] != digest(MANY[0]):
            self.over.wait(10)
        raise self.first


@pytest.mark.parametrize(("error", "told"), [(PASSING[0], SignerUnavailable), (FINAL[0], ConfigurationError)])
def test_what_is_wrong_with_the_key_is_every_outcome_and_the_rest_is_not_asked_for(error, told):
    kms = Refusing(error)
    threads = ThreadPoolExecutor(10)
    outcomes = KmsSigner(kms, "key-1", kms.address, threads).sign_each(MANY)
    assert [type(outcome) for outcome in outcomes] == [told] * 30
    assert "arn:" not in outcomes[0].message
    kms.over.set()
    threads.shutdown(wait=True)
    assert len(kms.calls) <= 11


@pytest.mark.parametrize("threads", [None, ThreadPoolExecutor(10)])
def test_what_was_signed_before_kms_throttled_is_kept_and_what_is_behind_is_not_used(threads):
    class Throttling(Kms):
        """Refuses the sixth transaction, and answers the others."""

        def sign(self, **request):
            if request["Message"] == digest(MANY[5]):
                raise PASSING[0]
            return super().sign(**request)

    kms = Throttling()
    outcomes = KmsSigner(kms, "key-1", kms.address, threads).sign_each(MANY)
    assert nonces_of(outcomes[:5]) == [0, 1, 2, 3, 4]
    assert [type(outcome) for outcome in outcomes[5:]] == [SignerUnavailable] * 25


@pytest.mark.parametrize("code", ["AccessDeniedException", "NotFoundException"])
def test_a_new_key_that_aws_does_not_know_yet_is_waited_for_five_minutes_and_no_longer(code):
    kms, made, now = Kms(), datetime(2026, 3, 1, 12, tzinfo=UTC), []
    signers = AccountSigners(lambda: kms, Secrets, clock=lambda: made + now[-1])
    signer = signers.of(replace(account("kms:key-1", kms.address), created_at=made))
    kms.error = aws_error(code)
    now.append(timedelta(minutes=4, seconds=59))
    with pytest.raises(KeyNotReady, match=f"{kms.address} is new: AWS may take 5 minutes"):
        signer.sign(TRANSACTION)
    now.append(timedelta(minutes=5))
    with pytest.raises(ConfigurationError, match=code):
        signer.sign(TRANSACTION)


def test_a_key_of_which_nobody_knows_the_age_is_not_taken_for_a_new_one():
    kms = Kms()
    kms.error = aws_error("AccessDeniedException")
    with pytest.raises(ConfigurationError):
        signers_of(kms, Secrets()).of(account("kms:key-1", kms.address)).sign(TRANSACTION)


def test_no_client_is_made_before_an_account_needs_it():
    made: list[str] = []
    secrets = Secrets(hot=FIRST_KEY)
    signers = AccountSigners(lambda: made.append("kms"), lambda: made.append("secrets") or secrets)
    assert made == []
    signers.of(account("secret:hot"))
    signers.of(account("secret:hot"))
    assert made == ["secrets"]


# --- secrets -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "reference", "address"),
    [
        (FIRST_KEY, "secret:hot", FIRST),
        (f"  {FIRST_KEY}\n", "secret:hot", FIRST),
        (FIRST_KEY[2:], "secret:hot", FIRST),
        (json.dumps({"privateKey": FIRST_KEY}), "secret:hot", FIRST),
        (json.dumps({"mnemonic": MNEMONIC}), "secret:hot", FIRST),
        (json.dumps({"mnemonic": f" {MNEMONIC.replace(' ', '  ')}\n"}), "secret:hot", FIRST),
        (json.dumps({"mnemonic": MNEMONIC}), "secret:hot#m/44'/60'/0'/0/0", FIRST),
        (json.dumps({"mnemonic": MNEMONIC}), "secret:hot#m/44'/60'/0'/0/1", SECOND),
        (json.dumps({"mnemonic": MNEMONIC, "privateKey": FIRST_KEY}), "secret:hot#m/44'/60'/0'/0/1", SECOND),
        (json.dumps({"mnemonic": MNEMONIC, "privateKey": FIRST_KEY}), "secret:hot", FIRST),
    ],
)
def test_a_secret_in_any_of_its_forms_signs_for_its_address(value, reference, address):
    signer = signers_of(Kms(), Secrets(hot=value)).of(account(reference, address))
    _, raw = signer.sign(TRANSACTION)
    assert Wallet.recover_transaction(HexBytes(raw)) == address == signer.address


WRONG_MNEMONIC = MNEMONIC.replace("junk", "test")


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("0x1234567890", "secret:hot"),
        ("correct horse battery staple", "secret:hot"),
        (MNEMONIC, "secret:hot"),
        ("0x" + "0" * 64, "secret:hot"),
        ("0x" + "f" * 64, "secret:hot"),
        (json.dumps({"privateKey": 7}), "secret:hot"),
        (json.dumps({"privateKey": FIRST_KEY[:-1]}), "secret:hot"),
        (json.dumps({"key": FIRST_KEY}), "secret:hot"),
        (json.dumps([FIRST_KEY]), "secret:hot"),
        (json.dumps({"mnemonic": WRONG_MNEMONIC}), "secret:hot"),
        (json.dumps({"mnemonic": "not a phrase at all"}), "secret:hot"),
        (json.dumps({"mnemonic": ""}), "secret:hot"),
        (json.dumps({"mnemonic": MNEMONIC}), "secret:hot#44/60"),
        (json.dumps({"mnemonic": MNEMONIC}), "secret:hot#m/44'/x"),
        (json.dumps({"mnemonic": MNEMONIC}), "secret:hot#m/99999999999"),
        (json.dumps({"mnemonic": MNEMONIC}), "secret:hot#m/4294967295"),
        (FIRST_KEY, "secret:hot#m/44'/60'/0'/0/0"),
        ("", "secret:hot"),
        (FIRST_KEY, "secret:absent"),
        (FIRST_KEY, "secret:"),
        (FIRST_KEY, "kms:"),
        (FIRST_KEY, "file:/key"),
        (FIRST_KEY, FIRST_KEY),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_without_being_told(value, reference):
    with pytest.raises(ConfigurationError) as raised:
        signers_of(Kms(), Secrets(hot=value)).of(account(reference))
    told = "".join(traceback.format_exception(raised.value))
    for secret in (value.strip(), FIRST_KEY[2:], FIRST_KEY[2:-1], MNEMONIC, WRONG_MNEMONIC, "correct horse", "not a phrase"):
        assert not secret or secret not in told
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None


def test_a_secret_of_another_account_is_refused():
    with pytest.raises(ConfigurationError, match=f"account {SECOND} is that of {FIRST}"):
        signers_of(Kms(), Secrets(hot=FIRST_KEY)).of(account("secret:hot", SECOND))


def test_a_secret_is_read_again_after_its_time():
    clock, secrets = Clock(), Secrets(hot=FIRST_KEY)
    signers = signers_of(Kms(), secrets, monotonic=clock)
    first = signers.of(account("secret:hot"))
    clock.now += FRESH_SECONDS
    assert signers.of(account("secret:hot")) is first
    assert secrets.reads == ["hot"]
    clock.now += 1
    secrets.values["hot"] = json.dumps({"mnemonic": MNEMONIC})
    assert signers.of(account("secret:hot")).address == FIRST
    assert secrets.reads == ["hot", "hot"]
    clock.now += FRESH_SECONDS + 1
    secrets.values["hot"] = "0x" + "11" * 32
    with pytest.raises(ConfigurationError):
        signers.of(account("secret:hot"))


def test_the_last_key_signs_for_an_hour_while_secrets_manager_does_not_answer():
    clock, secrets = Clock(), Secrets(hot=FIRST_KEY)
    signers = signers_of(Kms(), secrets, monotonic=clock)
    first = signers.of(account("secret:hot"))
    secrets.error = aws_error("ThrottlingException")
    clock.now += KEPT_SECONDS
    assert signers.of(account("secret:hot")) is signers.of(account("secret:hot")) is first
    assert secrets.reads == ["hot", "hot"]  # not again before ten seconds have passed
    clock.now += 1
    with pytest.raises(SignerUnavailable):
        signers.of(account("secret:hot"))
    secrets.error = None
    assert signers.of(account("secret:hot")).address == FIRST


def test_accounts_of_one_mnemonic_read_it_once():
    secrets = Secrets(hot=json.dumps({"mnemonic": MNEMONIC}))
    signers = signers_of(Kms(), secrets)
    for index, address in enumerate((FIRST, SECOND, FIRST)):
        signers.of(account(f"secret:hot#m/44'/60'/0'/0/{index % 2}", address))
    assert secrets.reads == ["hot"]


def test_no_repr_tells_a_key():
    kms, secrets = Kms(), Secrets(hot=FIRST_KEY)
    signers = signers_of(kms, secrets)
    signer = signers.of(account("secret:hot"))
    for shown in (repr(signer), str(signer), repr(signers), repr(KmsSigner(kms, "key-1", FIRST)), f"{[signer]!r}"):
        assert FIRST_KEY[2:] not in shown
        assert str(int(FIRST_KEY, 16)) not in shown
    assert repr(signer) == f"KeySigner({FIRST})"


@pytest.mark.parametrize("key", [b"", b"\x01" * 31, b"\x01" * 33, b"\x00" * 32, b"\xff" * 32])
def test_bytes_that_are_no_private_key_make_no_signer(key):
    with pytest.raises(ValueError, match="private key") as raised:
        KeySigner(key)
    assert not key or repr(key) not in str(raised.value)
