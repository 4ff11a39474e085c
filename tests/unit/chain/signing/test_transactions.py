import random

import pytest
import rlp
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from eth_account import Account as Wallet
from eth_account.typed_transactions import TypedTransaction
from eth_keys import keys
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.chain.signing.curve import SECP256K1_N
from chalicelib.chain.signing.private_keys import PrivateKeySigner
from chalicelib.chain.signing.transactions import _rlp as rlp_of
from chalicelib.chain.signing.transactions import address_of_public_key, digest, parse_der_signature, signed
from chalicelib.errors import ConfigurationError
from chalicelib.jobs.model import Fees, UnsignedTransaction

WHO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
ORDINARY = UnsignedTransaction(122, 7, WHO, 10**18, b"\xa9\x05\x9c\xbb", 65_000, Fees(21 * 10**9, 10**9))
LEGACY = UnsignedTransaction(122, 7, WHO, 10**18, b"\xa9\x05\x9c\xbb", 65_000, Fees(21 * 10**9))
SHAPES = [
    ORDINARY,
    LEGACY,
    UnsignedTransaction(122, 0, None, 0, b"\x60\x80" * 900, 5_000_000, Fees(21 * 10**9, 10**9)),
    UnsignedTransaction(122, 0, None, 0, b"\x60\x80" * 900, 5_000_000, Fees(21 * 10**9)),
    UnsignedTransaction(1, 2**40, WHO, 0, b"", 21_000, Fees(0, 0)),
    UnsignedTransaction(2**31, 128, WHO, 2**256 - 1, b"\x00", 21_000, Fees(1)),
]


def wallets_dict(transaction: UnsignedTransaction) -> dict:
    """The same transaction in eth_account's terms."""
    fields = {"chainId": transaction.chain_id, "nonce": transaction.nonce, "value": transaction.value, "gas": transaction.gas}
    fields |= {"data": transaction.data, "to": transaction.to or b""}
    fees = transaction.fees
    if fees.is_legacy:
        return fields | {"gasPrice": fees.max_fee_per_gas}
    return fields | {"type": 2, "maxFeePerGas": fees.max_fee_per_gas, "maxPriorityFeePerGas": fees.max_priority_fee_per_gas}


def random_keys(count: int) -> list[bytes]:
    source = random.Random(20_260_101)  # noqa: S311  # a test's keys, the same in every run
    return [source.randrange(1, SECP256K1_N).to_bytes(32, "big") for _ in range(count)]


@pytest.mark.parametrize("transaction", SHAPES)
def test_bytes_and_hash_equal_those_of_eth_account(transaction):
    for key in random_keys(10):
        theirs = Wallet.sign_transaction(wallets_dict(transaction), key)
        hash_, raw = PrivateKeySigner(key).sign(transaction)
        assert raw == bytes(theirs.raw_transaction)
        assert hash_ == f"0x{theirs.hash.hex().removeprefix('0x')}"
        assert hash_ == f"0x{keccak(raw).hex()}"


@pytest.mark.parametrize("length", [0, 1, 2, 20, 54, 55, 56, 57, 255, 256, 257, 65_535, 65_536])
def test_the_encoding_is_that_of_the_rlp_library_at_every_length(length):
    for item in (b"\x7f" * length, b"\x80" * length, [b"\x01"] * length, [b"", [b"\x80" * length], []], 2 ** (8 * length // 8)):
        assert rlp_of(item) == rlp.encode(item)
    assert rlp_of([0, 1, 127, 128, 2**256 - 1]) == rlp.encode([0, 1, 127, 128, 2**256 - 1])


def test_the_digest_is_the_one_eth_account_signs():
    assert digest(ORDINARY) == TypedTransaction.from_dict(wallets_dict(ORDINARY)).hash()


@pytest.mark.parametrize("transaction", [ORDINARY, LEGACY])
def test_signatures_of_another_library_are_made_low_and_recover_to_their_key(transaction):
    """`cryptography` signs like KMS: random nonces, DER, and s high every other time, which no node but anvil would take."""
    high = 0
    for key in random_keys(64):
        private = ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256K1())
        address = keys.PrivateKey(key).public_key.to_checksum_address()
        r, s = parse_der_signature(private.sign(digest(transaction), ec.ECDSA(Prehashed(hashes.SHA256()))))
        high += s > SECP256K1_N // 2
        hash_, raw = signed(transaction, r, s, address)
        assert Wallet.recover_transaction(HexBytes(raw)) == address
        assert hash_ == f"0x{keccak(raw).hex()}"
        assert int.from_bytes(rlp.decode(raw if transaction.fees.is_legacy else raw[1:])[-1], "big") <= SECP256K1_N // 2
        assert raw == signed(transaction, r, SECP256K1_N - s, address)[1]
    assert 10 < high < 54


@pytest.mark.parametrize("transaction", [ORDINARY, LEGACY])
def test_a_high_s_signature_becomes_the_one_eth_account_would_make(transaction):
    for key in random_keys(5):
        low = keys.PrivateKey(key).sign_msg_hash(digest(transaction))
        address = keys.PrivateKey(key).public_key.to_checksum_address()
        expected = bytes(Wallet.sign_transaction(wallets_dict(transaction), key).raw_transaction)
        assert signed(transaction, low.r, low.s, address)[1] == expected
        assert signed(transaction, low.r, SECP256K1_N - low.s, address)[1] == expected
        assert signed(transaction, low.r, SECP256K1_N - low.s, address, (1 - low.v,))[1] == expected


def test_a_signature_of_another_key_is_never_returned():
    key, other = random_keys(2)
    of_other = keys.PrivateKey(other).sign_msg_hash(digest(ORDINARY))
    address = keys.PrivateKey(key).public_key.to_checksum_address()
    with pytest.raises(ConfigurationError, match="another key's"):
        signed(ORDINARY, of_other.r, of_other.s, address)
    of_other_transaction = keys.PrivateKey(key).sign_msg_hash(digest(LEGACY))
    with pytest.raises(ConfigurationError, match="another key's"):
        signed(ORDINARY, of_other_transaction.r, of_other_transaction.s, address)


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (SECP256K1_N, 1), (1, SECP256K1_N), (-1, 1), (5, 7), (2**255, 2**250)])
def test_numbers_that_are_no_signature_are_refused(r, s):
    with pytest.raises(ConfigurationError):
        signed(ORDINARY, r, s, WHO)


@pytest.mark.parametrize("to", ["0x12", "", "0x" + "11" * 21])
def test_a_recipient_that_is_no_address_is_never_signed(to):
    with pytest.raises(ValueError, match="20 bytes"):
        digest(UnsignedTransaction(122, 0, to, 0, b"", 21_000, Fees(1, 1)))


# --- DER ---------------------------------------------------------------------------------------------------------------


@given(st.integers(1, SECP256K1_N - 1), st.integers(1, SECP256K1_N - 1))
def test_every_der_signature_is_read_as_it_was_written(r, s):
    assert parse_der_signature(encode_dss_signature(r, s)) == (r, s)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_a_der_signature_with_a_byte_missing_or_too_many_is_refused(r, s, data):
    der = encode_dss_signature(r, s)
    cut = data.draw(st.integers(0, len(der) - 1))
    with pytest.raises(ValueError, match=r"DER"):
        parse_der_signature(der[:cut])
    with pytest.raises(ValueError, match=r"DER"):
        parse_der_signature(der + b"\x00")


@pytest.mark.parametrize(
    "der",
    [
        "",
        "30",
        "3080020101020101" + "0000",  # indefinite length
        "30810602010102010" + "1",  # long form where the short one fits
        "300702020001020101",  # padded r
        "3006020181020101",  # negative r
        "30050200020101",  # empty r
        "3006020101030101",  # a bit string for s
        "3106020101020101",  # a set
        "3009020101020101020101",  # a third integer
    ],
)
def test_what_is_not_strict_der_is_refused(der):
    with pytest.raises(ValueError, match=r"DER"):
        parse_der_signature(bytes.fromhex(der))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_signature_or_a_refusal(der):
    try:
        r, s = parse_der_signature(der)
    except ValueError:
        return
    assert encode_dss_signature(r, s) == der


def test_the_address_of_a_public_key_is_that_of_its_private_key():
    for key in random_keys(5):
        public = ec.derive_private_key(int.from_bytes(key, "big"), ec.SECP256K1()).public_key()
        spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert address_of_public_key(spki) == Wallet.from_key(key).address


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1()])
def test_a_key_of_another_curve_has_no_address(curve):
    spki = (
        ec.generate_private_key(curve)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    with pytest.raises(ValueError, match="secp256k1"):
        address_of_public_key(spki)
