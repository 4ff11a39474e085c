"""Addresses, a call and signed transactions that the tests of the node share."""

from datetime import UTC, datetime

from eth_abi.abi import encode

from chalicelib.chain.signing.private_keys import PrivateKeySigner
from chalicelib.jobs.model import Fees, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.ports import Call
from chalicelib.networks import GWEI

WHO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
TRANSFER = Call(WHO, OTHER, 5, b"\xa9\x05")
REVERT_DATA = "0x08c379a0" + encode(["string"], ["too late"]).hex()

SIGNER = PrivateKeySigner(b"\x01" * 32)


def signed(nonce: int) -> SignedTransaction:
    fees = Fees(21 * GWEI, GWEI)
    hash_, raw = SIGNER.sign(UnsignedTransaction(122, nonce, OTHER, 5, b"", 21_000, fees))
    return SignedTransaction(hash=hash_, raw=raw, fees=fees, signed_at=datetime.now(UTC), signed_at_block=1)


TRANSACTIONS = [signed(nonce) for nonce in range(4)]
HASHES = {f"0x{transaction.raw.hex()}": transaction.hash for transaction in TRANSACTIONS}
