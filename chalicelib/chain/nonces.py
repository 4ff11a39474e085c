"""What used a nonce: the proof that a transaction of ours can never be mined."""

import re
from typing import Any

from chalicelib.chain.quantities import quantity, quantity_or_none
from chalicelib.chain.rpc import RpcClient

HASH = re.compile(r"0x[0-9a-f]{64}")


def user_of_nonce(rpc: RpcClient, address: str, nonce: int, block_number: int) -> str | None:
    """Return what used this nonce of `address`, at or before the block; None when that is not proven.

    That is the hash of the account's transaction with this nonce. Where the block in which the account's count passed the
    nonce holds no such transaction, it is the hash of that block: an authorization, which another account's transaction
    carries, has used the nonce (EIP-7702), and no transaction with it can be mined any more.

    Bisects the account's transaction count to that block, then reads the block. Nodes keep the state of some 128 blocks; beyond
    it they refuse, which raises ChainUnavailable: no answer is never taken for one.
    """

    def used_by(block: int) -> bool:
        return quantity(rpc.call("eth_getTransactionCount", address, hex(block)), "transaction count") > nonce

    if not used_by(block_number):
        return None
    used, step = block_number, 1
    unused = max(used - step, 0)
    while unused > 0 and used_by(unused):
        used, step = unused, step * 2
        unused = max(used - step, 0)
    while used - unused > 1:
        middle = (used + unused) // 2
        if used_by(middle):
            used = middle
        else:
            unused = middle
    return _user_in(rpc.call("eth_getBlockByNumber", hex(used), True), address, nonce)


def _user_in(block: Any, address: str, nonce: int) -> str | None:
    """An authorization is believed only of a block that was read whole: with transactions, and each of them readable."""
    transactions = block.get("transactions") if isinstance(block, dict) else None
    if not isinstance(transactions, list) or not transactions:
        return None
    is_whole = True
    for transaction in transactions:
        sender, its_nonce, its_hash = _read(transaction)
        if sender == address.lower() and its_nonce == nonce:
            return its_hash
        is_whole = is_whole and None not in (sender, its_nonce, its_hash)
    block_hash = str(block.get("hash")).lower()
    return block_hash if is_whole and HASH.fullmatch(block_hash) else None


def _read(transaction: Any) -> tuple[str | None, int | None, str | None]:
    """Sender, nonce and hash; None for each that cannot be read."""
    if not isinstance(transaction, dict):
        return None, None, None
    sender, hash_ = transaction.get("from"), str(transaction.get("hash")).lower()
    sender = sender.lower() if isinstance(sender, str) else None
    return sender, quantity_or_none(transaction.get("nonce")), hash_ if HASH.fullmatch(hash_) else None
