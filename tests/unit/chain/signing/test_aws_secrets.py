"""A signer with a private key or a mnemonic in AWS Secrets Manager."""

import json
import traceback

import pytest
from eth_account import Account as Wallet
from hexbytes import HexBytes

from chalicelib.cached import FRESH_SECONDS, KEPT_SECONDS
from chalicelib.chain.signing.private_keys import PrivateKeySigner
from chalicelib.errors import ConfigurationError, SignerUnavailable
from tests.unit.chain.signing.key_services import (
    FIRST,
    FIRST_KEY,
    MNEMONIC,
    SECOND,
    TRANSACTION,
    Clock,
    Kms,
    Secrets,
    account,
    aws_error,
    signers_of,
)


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
    with pytest.raises(ConfigurationError, match=f"account {SECOND} belongs to {FIRST}"):
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


@pytest.mark.parametrize("key", [b"", b"\x01" * 31, b"\x01" * 33, b"\x00" * 32, b"\xff" * 32])
def test_bytes_that_are_no_private_key_make_no_signer(key):
    with pytest.raises(ValueError, match="private key") as raised:
        PrivateKeySigner(key)
    assert not key or repr(key) not in str(raised.value)
