"""Private keys in memory: a signer for one, and how to read one from the text of a secret.

Neither an error nor a repr holds a key or a mnemonic.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.chain.signing.curve import SECP256K1_N, public_key, signing_with
from chalicelib.chain.signing.key_service import sign_each
from chalicelib.chain.signing.transactions import SignedBytes, address_of_key, digest, signed
from chalicelib.jobs.model import UnsignedTransaction

DEFAULT_PATH = "m/44'/60'/0'/0/0"  # BIP-44, Ethereum's first account

_PRIVATE_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})", re.ASCII)
_PATH = re.compile(r"m(/[0-9]{1,10}['H]?)*", re.ASCII)


class PrivateKeySigner:
    """Signs with a private key in memory. Its nonces are those of RFC 6979: the same transaction gets the same signature."""

    def __init__(self, private_key: bytes) -> None:
        """Raises ValueError for bytes that are not a private key. The message does not hold them."""
        if len(private_key) != 32 or not 0 < int.from_bytes(private_key, "big") < SECP256K1_N:
            raise ValueError("A private key is 32 bytes, a number between 1 and the order of secp256k1.")
        self._sign = signing_with(private_key)
        self._address = address_of_key(public_key(private_key))

    def __repr__(self) -> str:
        return f"PrivateKeySigner({self._address})"

    @property
    def address(self) -> str:
        return self._address

    def sign(self, transaction: UnsignedTransaction) -> SignedBytes:
        """Return hash and raw bytes of the signed transaction. Raises ValueError for an address that is not 20 bytes."""
        parity, r, s = self._sign(digest(transaction))
        return signed(transaction, r, s, self._address, (parity,))

    def sign_each(self, transactions: Sequence[UnsignedTransaction]) -> list[SignedBytes | Exception]:
        return sign_each(self, transactions)


def private_key_in(value: str, path: str) -> bytes | str:
    """Return the 32 bytes of the private key in a secret's text, or what is wrong with the text, as the end of a sentence.

    The text is 64 hex digits with or without 0x, or JSON: `{"privateKey": "0x…"}` or `{"mnemonic": "test test …"}`. `path` is a
    derivation path such as `m/44'/60'/0'/0/1`; an empty one means the key itself, or the mnemonic's first account.
    """
    try:
        content: Any = json.loads(value)
    except (ValueError, RecursionError):
        content = None
    fields = content if isinstance(content, Mapping) else {"privateKey": value.strip()}
    mnemonic, private_key = fields.get("mnemonic"), fields.get("privateKey")
    if isinstance(mnemonic, str) and (path or private_key is None):
        return _derived(mnemonic, path or DEFAULT_PATH)
    if path:
        return "holds no mnemonic, so a derivation path is of no use with it"
    matched = _PRIVATE_KEY.fullmatch(private_key) if isinstance(private_key, str) else None
    if matched is None:
        return "holds no key: it must be 0x and 64 hex digits, or JSON with privateKey or mnemonic"
    key = bytes.fromhex(matched[1])
    return key if 0 < int.from_bytes(key, "big") < SECP256K1_N else "holds a number that is not a private key of secp256k1"


def _derived(mnemonic: str, path: str) -> bytes | str:
    """Derive the key of a mnemonic (BIP-39, BIP-32). eth_account's errors quote the mnemonic, so none of them gets out."""
    recursion_limit = sys.getrecursionlimit()
    # Slow to import, and only mnemonics need it.
    from eth_account import Account as Wallet  # noqa: PLC0415
    from eth_utils.exceptions import ValidationError  # noqa: PLC0415

    sys.setrecursionlimit(recursion_limit)  # py_ecc, an import of eth_account, raises it: deep JSON would crash the process
    if not _PATH.fullmatch(path):
        return "is used with a derivation path that cannot be read; it must be like m/44'/60'/0'/0/0"
    Wallet.enable_unaudited_hdwallet_features()
    try:
        return bytes(Wallet.from_mnemonic(" ".join(mnemonic.split()), account_path=path).key)
    except (ValidationError, ValueError, TypeError, ArithmeticError):
        return "holds a mnemonic that is not one of BIP-39, or no key can be derived from it"
