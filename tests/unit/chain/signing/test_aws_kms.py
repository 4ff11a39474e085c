"""A signer with a key in AWS KMS, and what AWS's errors mean for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from eth_account import Account as Wallet
from hexbytes import HexBytes

from chalicelib.chain.signing.aws_kms import KmsSigner, kms_address
from chalicelib.errors import ConfigurationError, KeyNotReady, SignerUnavailable
from tests.unit.chain.signing.key_services import (
    FINAL,
    FIRST,
    TEMPORARY,
    TRANSACTION,
    Kms,
    Secrets,
    account,
    aws_error,
    signers_of,
)


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


@pytest.mark.parametrize("error", TEMPORARY, ids=str)
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


@pytest.mark.parametrize("code", ["AccessDeniedException", "NotFoundException"])
def test_a_new_key_that_aws_does_not_know_yet_is_waited_for_five_minutes_and_no_longer(code):
    kms, made, now = Kms(), datetime(2026, 3, 1, 12, tzinfo=UTC), []
    signers = signers_of(kms, Secrets(), clock=lambda: made + now[-1])
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
