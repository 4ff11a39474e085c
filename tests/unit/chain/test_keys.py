import logging

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.chain.keys import KmsKeys
from chalicelib.chain.signers import kms_address
from chalicelib.errors import ConfigurationError, SignerUnavailable
from stack.operation.accounts import STACK_TAG


class Kms:
    """KMS as far as the maker of keys sees it."""

    def __init__(self):
        self.made = []
        self.refuses_to_make = self.refuses_to_tell = None
        self.key = ec.generate_private_key(ec.SECP256K1())

    def create_key(self, **asked):
        if self.refuses_to_make:
            raise self.refuses_to_make
        self.made.append(asked)
        return {"KeyMetadata": {"KeyId": "key-1"}}

    def get_public_key(self, *, KeyId):
        assert KeyId == "key-1"
        if self.refuses_to_tell:
            raise self.refuses_to_tell
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": self.key.public_key().public_bytes(*form)}


def refusal(code: str, status: int = 400) -> ClientError:
    told = {"Code": code, "Message": "arn:aws:sts::123456789012:assumed-role/api is not told"}
    return ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": status}}, "CreateKey")


def test_a_key_is_made_for_signing_only_and_tagged_as_the_stacks():
    kms = Kms()
    assert KmsKeys(kms, "jobs-local").create("minter of Solar") == ("kms:key-1", kms_address(kms, "key-1"))
    assert kms.made == [
        {
            "KeySpec": "ECC_SECG_P256K1",
            "KeyUsage": "SIGN_VERIFY",
            "Description": "minter of Solar",
            "Tags": [{"TagKey": STACK_TAG, "TagValue": "jobs-local"}],
        }
    ]


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (refusal("ThrottlingException"), SignerUnavailable),
        (refusal("KMSInternalException", 500), SignerUnavailable),
        (ReadTimeoutError(endpoint_url="https://kms"), SignerUnavailable),
        (refusal("AccessDeniedException"), ConfigurationError),
    ],
)
@pytest.mark.parametrize("step", ["refuses_to_make", "refuses_to_tell"])
def test_a_refusal_is_named_without_its_text(step, error, condition):
    kms = Kms()
    setattr(kms, step, error)
    with pytest.raises(condition) as raised:
        KmsKeys(kms, "jobs-local").create("one")
    assert "arn:" not in raised.value.message


def test_a_key_that_serves_no_account_is_named_in_the_log(caplog):
    kms = Kms()
    kms.refuses_to_tell = refusal("NotFoundException")
    with caplog.at_level(logging.WARNING), pytest.raises(ConfigurationError):
        KmsKeys(kms, "jobs-local").create("one")
    assert [record.keyId for record in caplog.records] == ["key-1"]


def test_a_key_that_was_not_made_is_not_named_in_the_log(caplog):
    kms = Kms()
    kms.refuses_to_make = refusal("ThrottlingException")
    with caplog.at_level(logging.WARNING), pytest.raises(SignerUnavailable):
        KmsKeys(kms, "jobs-local").create("one")
    assert caplog.records == []
