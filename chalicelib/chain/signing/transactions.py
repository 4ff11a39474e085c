"""Transactions as bytes: what is signed (the digest), and what is broadcast (the raw transaction).

EIP-1559 for type 2, EIP-155 for legacy transactions, EIP-2 for the sign of s, EIP-2718 for the envelope.
"""

from collections.abc import Sequence

from eth_hash.auto import keccak

from chalicelib.chain.addresses import checksummed
from chalicelib.chain.signing.curve import SECP256K1_N, recover
from chalicelib.errors import ConfigurationError
from chalicelib.jobs.model import UnsignedTransaction

_TYPE_2 = b"\x02"
_SPKI_PREFIX = bytes.fromhex("3056301006072a8648ce3d020106052b8104000a034200" + "04")  # id-ecPublicKey, secp256k1, uncompressed
_SPKI_LENGTH = len(_SPKI_PREFIX) + 64

Item = int | bytes | list[bytes]


def digest(transaction: UnsignedTransaction) -> bytes:
    """The 32 bytes to sign."""
    if transaction.fees.is_legacy:
        return keccak(_rlp([*_legacy_fields(transaction), transaction.chain_id, 0, 0]))
    return keccak(_TYPE_2 + _rlp(_type_2_fields(transaction)))


def signed(
    transaction: UnsignedTransaction, r: int, s: int, address: str, parities: Sequence[int] = (0, 1)
) -> tuple[str, bytes]:
    """(hash, raw) of `transaction` with this signature over its digest, s made low (EIP-2).

    The signer is recovered from the signature: ConfigurationError when that is not `address` for any of the y parities.
    """
    if not (0 < r < SECP256K1_N and 0 < s < SECP256K1_N):
        raise ConfigurationError(f"The signature made for {address} is out of range: it is none over secp256k1.")
    if s > SECP256K1_N // 2:
        s, parities = SECP256K1_N - s, [1 - parity for parity in parities]
    message = digest(transaction)
    for parity in parities:
        key = recover(message, parity, r, s)
        if key is not None and address_of_key(key) == address:
            raw = _with_signature(transaction, parity, r, s)
            return f"0x{keccak(raw).hex()}", raw
    raise ConfigurationError(f"A signature made for {address} is another key's: the account's key is not its own.")


def parse_der_signature(der: bytes) -> tuple[int, int]:
    """(r, s) of an ECDSA-Sig-Value (RFC 3279 section 2.2.3), in strict DER. Raises ValueError for anything else."""
    content, rest = _der_element(der, 0x30)
    r, content = _der_element(content, 0x02)
    s, content = _der_element(content, 0x02)
    if rest or content:
        raise ValueError("The DER signature has bytes after its end.")
    return _der_integer(r), _der_integer(s)


def address_of_public_key(spki: bytes) -> str:
    """The checksummed address of a DER SubjectPublicKeyInfo (RFC 5480). Raises ValueError unless it is a secp256k1 key."""
    if len(spki) != _SPKI_LENGTH or not spki.startswith(_SPKI_PREFIX):
        raise ValueError("The public key is none over secp256k1: the key must be of the type ECC_SECG_P256K1.")
    return address_of_key(spki[len(_SPKI_PREFIX) :])


def address_of_key(public_key: bytes) -> str:
    """The checksummed address of the 64 bytes of an uncompressed point."""
    return checksummed(keccak(public_key)[-20:])


def _type_2_fields(transaction: UnsignedTransaction) -> list[Item]:
    fees = transaction.fees
    return [
        transaction.chain_id,
        transaction.nonce,
        fees.max_priority_fee_per_gas or 0,
        fees.max_fee_per_gas,
        transaction.gas,
        _address_bytes(transaction.to),
        transaction.value,
        transaction.data,
        [],  # no access list
    ]


def _legacy_fields(transaction: UnsignedTransaction) -> list[Item]:
    price = transaction.fees.max_fee_per_gas
    return [transaction.nonce, price, transaction.gas, _address_bytes(transaction.to), transaction.value, transaction.data]


def _address_bytes(address: str | None) -> bytes:
    """Empty for a contract's creation."""
    if address is None:
        return b""
    content = bytes.fromhex(address.removeprefix("0x"))
    if len(content) != 20:  # rlp would encode any length, and no node would take it
        raise ValueError("An address is 20 bytes.")
    return content


def _rlp(item: Item | list[Item]) -> bytes:
    """Recursive length prefix (Ethereum yellow paper, appendix B). The `rlp` package takes 0.1 s to import."""
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, list):
        content = b"".join(_rlp(part) for part in item)
        return _length(len(content), 0xC0) + content
    if len(item) == 1 and item[0] < 0x80:
        return item
    return _length(len(item), 0x80) + item


def _length(length: int, offset: int) -> bytes:
    if length < 56:
        return bytes([offset + length])
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(digits)]) + digits


def _with_signature(transaction: UnsignedTransaction, parity: int, r: int, s: int) -> bytes:
    if transaction.fees.is_legacy:
        v = 35 + 2 * transaction.chain_id + parity
        return _rlp([*_legacy_fields(transaction), v, r, s])
    return _TYPE_2 + _rlp([*_type_2_fields(transaction), parity, r, s])


def _der_element(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """(content, what follows it) of the element at the start. 127 bytes at most: two integers of 33 take 70."""
    if len(der) < 2 or der[0] != tag or der[1] > 0x7F or len(der) < 2 + der[1]:
        raise ValueError("The signature is not in DER.")
    return der[2 : 2 + der[1]], der[2 + der[1] :]


def _der_integer(content: bytes) -> int:
    padded = len(content) > 1 and content[0] == 0 and content[1] < 0x80
    if not content or content[0] >= 0x80 or padded:
        raise ValueError("The DER signature holds a negative or padded integer.")
    return int.from_bytes(content, "big")
