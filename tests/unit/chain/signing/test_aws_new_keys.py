import logging

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chalicelib.chain.signing.aws_kms import kms_address
from chalicelib.chain.signing.aws_new_keys import ADDRESS_SECONDS, KmsKeys, tagged_as, with_policy
from chalicelib.errors import ConfigurationError, KeyNotReady, SignerUnavailable
from stack.operation.accounts import STACK_TAG

POLICY = '{"Version": "2012-10-17", "Statement": []}'


class Kms:
    """KMS as far as the maker of keys sees it."""

    def __init__(self):
        self.made = []
        self.refuses_to_make = None
        self.refuses_to_tell = []
        """What each GetPublicKey is answered, the last one for good; an answer where it is None."""
        self.key = ec.generate_private_key(ec.SECP256K1())

    def create_key(self, **asked):
        if self.refuses_to_make:
            raise self.refuses_to_make
        self.made.append(asked)
        return {"KeyMetadata": {"KeyId": f"key-{len(self.made)}"}}

    def get_public_key(self, *, KeyId):
        assert KeyId == f"key-{len(self.made)}"
        refusal = self.refuses_to_tell.pop(0) if len(self.refuses_to_tell) > 1 else next(iter(self.refuses_to_tell), None)
        if refusal:
            raise refusal
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": self.key.public_key().public_bytes(*form)}


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self):
        self.now = 1_000.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def keys_of(kms, mark=None, time=None):
    time = time or Time()
    return KmsKeys(kms, mark or with_policy(POLICY), time.monotonic, time.sleep)


def refusal(code: str, status: int = 400) -> ClientError:
    told = {"Code": code, "Message": "arn:aws:sts::123456789012:assumed-role/api is not told"}
    return ClientError({"Error": told, "ResponseMetadata": {"HTTPStatusCode": status}}, "CreateKey")


@pytest.mark.parametrize(
    ("mark", "asked"),
    [
        (with_policy(POLICY), {"Policy": POLICY, "BypassPolicyLockoutSafetyCheck": True}),
        (tagged_as("jobs-local"), {"Tags": [{"TagKey": STACK_TAG, "TagValue": "jobs-local"}]}),
    ],
    ids=["by the API", "by an operator"],
)
def test_a_key_is_made_for_signing_only_and_marked_as_the_stacks(mark, asked):
    kms = Kms()
    assert keys_of(kms, mark).create("minter of Solar") == ("kms:key-1", kms_address(kms, "key-1"))
    assert kms.made == [{"KeySpec": "ECC_SECG_P256K1", "KeyUsage": "SIGN_VERIFY", "Description": "minter of Solar", **asked}]


@pytest.mark.parametrize(
    ("error", "condition"),
    [
        (refusal("ThrottlingException"), SignerUnavailable),
        (refusal("KMSInternalException", 500), SignerUnavailable),
        (ReadTimeoutError(endpoint_url="https://kms"), SignerUnavailable),
        (refusal("AccessDeniedException"), ConfigurationError),
    ],
)
def test_a_refusal_is_named_without_its_text(error, condition):
    kms = Kms()
    kms.refuses_to_make = error
    with pytest.raises(condition) as raised:
        keys_of(kms).create("one")
    assert "arn:" not in raised.value.message


NOT_YET = [refusal("NotFoundException"), refusal("AccessDeniedException")]


@pytest.mark.parametrize("error", [*NOT_YET, refusal("ThrottlingException"), ReadTimeoutError(endpoint_url="https://kms")])
def test_the_address_of_a_new_key_is_asked_for_until_kms_tells_it(error):
    kms, time = Kms(), Time()
    kms.refuses_to_tell = [error] * 5 + [None]
    assert keys_of(kms, time=time).create("one") == ("kms:key-1", kms_address(kms, "key-1"))
    assert 1_002 < time.now < 1_005


@pytest.mark.parametrize("error", NOT_YET)
def test_a_key_whose_address_is_not_told_in_time_is_the_next_accounts(error, caplog):
    kms, time = Kms(), Time()
    keys = keys_of(kms, time=time)
    kms.refuses_to_tell = [error]
    with caplog.at_level(logging.WARNING), pytest.raises(KeyNotReady) as raised:
        keys.create("one")
    assert 1_008 < time.now <= 1_000 + ADDRESS_SECONDS
    assert raised.value.passing and "arn:" not in raised.value.message
    assert [record.keyId for record in caplog.records] == ["key-1"]
    kms.refuses_to_tell = []
    assert keys.create("one") == ("kms:key-1", kms_address(kms, "key-1"))
    assert len(kms.made) == 1
    keys.create("two")
    assert len(kms.made) == 2


def test_a_key_whose_account_could_not_be_stored_is_the_next_accounts(caplog):
    kms = Kms()
    keys = keys_of(kms)
    made = keys.create("one")
    with caplog.at_level(logging.WARNING):
        keys.give_back(*made)
    assert [record.keyId for record in caplog.records] == ["key-1"]
    assert keys.create("two") == made
    assert len(kms.made) == 1


def test_a_key_that_cannot_be_read_for_good_is_not_asked_for_again():
    kms, time = Kms(), Time()
    kms.refuses_to_tell = [refusal("DisabledException")]
    with pytest.raises(ConfigurationError):
        keys_of(kms, time=time).create("one")
    assert time.now == 1_000


def test_a_key_that_was_not_made_is_not_named_in_the_log(caplog):
    kms = Kms()
    kms.refuses_to_make = refusal("ThrottlingException")
    with caplog.at_level(logging.WARNING), pytest.raises(SignerUnavailable):
        keys_of(kms).create("one")
    assert caplog.records == []
