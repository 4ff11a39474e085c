"""AWS KMS and Secrets Manager as far as a signer sees them, accounts with keys in them, and errors that AWS answers."""

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

from chalicelib.chain.signing.signers import AccountSigners
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
    return AccountSigners({"kms": kms, "secretsmanager": secrets}.__getitem__, **options)


def account(key: str, address: str = FIRST) -> Account:
    return Account(chain_id=122, address=address, key=key)


TEMPORARY = [
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
