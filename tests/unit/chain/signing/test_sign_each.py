"""Several transactions signed in order: what is signed at the same time, and what one error means for the others."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import rlp
from eth_account import Account as Wallet
from hexbytes import HexBytes

from chalicelib.chain.signing.aws_kms import KmsSigner
from chalicelib.chain.signing.private_keys import PrivateKeySigner
from chalicelib.chain.signing.transactions import digest
from chalicelib.errors import ConfigurationError, SignerUnavailable
from tests.unit.chain.signing.key_services import FINAL, FIRST_KEY, TEMPORARY, TRANSACTION, Kms, Secrets, account, signers_of

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
    assert nonces_of(PrivateKeySigner(bytes.fromhex(FIRST_KEY[2:])).sign_each(MANY)) == list(range(30))


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


@pytest.mark.parametrize(("error", "told"), [(TEMPORARY[0], SignerUnavailable), (FINAL[0], ConfigurationError)])
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
                raise TEMPORARY[0]
            return super().sign(**request)

    kms = Throttling()
    outcomes = KmsSigner(kms, "key-1", kms.address, threads).sign_each(MANY)
    assert nonces_of(outcomes[:5]) == [0, 1, 2, 3, 4]
    assert [type(outcome) for outcome in outcomes[5:]] == [SignerUnavailable] * 25
