"""Transactions as bytes: the digest to sign, and the raw transaction to broadcast.

Sources: EIP-1559 for type 2, EIP-155 for legacy transactions, EIP-2 for a low s, EIP-2718 for the envelope.
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

SignedBytes = tuple[str, bytes]
"""Hash (0x and 64 hex digits) and raw bytes of a signed transaction."""


def digest(transaction: UnsignedTransaction) -> bytes:
    """Return the 32 bytes to sign. Raises ValueError for an address that is not 20 bytes."""
    if transaction.fees.is_legacy:
        return keccak(_rlp([*_legacy_fields(transaction), transaction.chain_id, 0, 0]))
    return keccak(_TYPE_2 + _rlp(_type_2_fields(transaction)))


def signed(transaction: UnsignedTransaction, r: int, s: int, address: str, parities: Sequence[int] = (0, 1)) -> SignedBytes:
    """Return hash and raw bytes of `transaction` with this signature over its digest. s is made low (EIP-2).

    `parities` are the y parities to try. Raises ConfigurationError unless `address` can be recovered from the signature with
    one of them: the signature is another key's.
    """
    if not (0 < r < SECP256K1_N and 0 < s < SECP256K1_N):
        raise ConfigurationError(f"The signature made for {address} is out of range: it is not a signature over secp256k1.")
    if s > SECP256K1_N // 2:
        s, parities = SECP256K1_N - s, [1 - parity for parity in parities]
    message = digest(transaction)
    for parity in parities:
        key = recover(message, parity, r, s)
        if key is not None and address_of_key(key) == address:
            raw = _with_signature(transaction, parity, r, s)
            return f"0x{keccak(raw).hex()}", raw
    raise ConfigurationError(f"A signature made for {address} is another key's: correct the account's key reference.")


def parse_der_signature(der: bytes) -> tuple[int, int]:
    """Return (r, s) of an ECDSA-Sig-Value (RFC 3279 section 2.2.3) in strict DER. Raises ValueError for anything else."""
    content, rest = _der_element(der, 0x30)
    r, content = _der_element(content, 0x02)
    s, content = _der_element(content, 0x02)
    if rest or content:
        raise ValueError("The DER signature has bytes after its end.")
    return _der_integer(r), _der_integer(s)


def address_of_public_key(spki: bytes) -> str:
    """Return the checksummed address of a DER SubjectPublicKeyInfo (RFC 5480).

    Raises ValueError unless it is an uncompressed public key of secp256k1.
    """
    if len(spki) != _SPKI_LENGTH or not spki.startswith(_SPKI_PREFIX):
        raise ValueError("The public key is not a key of the curve secp256k1.")
    return address_of_key(spki[len(_SPKI_PREFIX) :])


def address_of_key(public_key: bytes) -> str:
    """Return the checksummed address of a public key: the 64 bytes of an uncompressed point."""
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
    """Return the 20 bytes of an address; no bytes for None, which creates a contract."""
    if address is None:
        return b""
    content = bytes.fromhex(address.removeprefix("0x"))
    if len(content) != 20:  # RLP would encode any length, and every node would refuse it
        raise ValueError("An address is 20 bytes.")
    return content


def _rlp(item: Item | list[Item]) -> bytes:
    """Encode by recursive length prefix (Ethereum yellow paper, appendix B). The `rlp` package takes 0.1 s to import."""
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
    """Return the content of the first element, of at most 127 bytes, and the bytes after it. A signature takes 70."""
    if len(der) < 2 or der[0] != tag or der[1] > 0x7F or len(der) < 2 + der[1]:
        raise ValueError("The signature is not in DER.")
    return der[2 : 2 + der[1]], der[2 + der[1] :]


def _der_integer(content: bytes) -> int:
    padded = len(content) > 1 and content[0] == 0 and content[1] < 0x80
    if not content or content[0] >= 0x80 or padded:
        raise ValueError("The DER signature holds a negative or padded integer.")
    return int.from_bytes(content, "big")
