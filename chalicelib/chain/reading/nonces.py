"""What used a nonce: the proof that another transaction with that nonce can never be mined."""

from typing import Any

from chalicelib.chain.rpc.client import RpcClient
from chalicelib.chain.rpc.quantities import quantity, quantity_or_none
from chalicelib.patterns import HASH


def user_of_nonce(rpc: RpcClient, address: str, nonce: int, block_number: int) -> str | None:
    """Return what used this nonce of `address` at or before the block; None when nothing is proven.

    Usually it is the hash of the account's transaction with this nonce. An authorization, which a transaction of any account
    may carry, can use the nonce as well (EIP-7702): then it is the hash of the block where that happened. In both cases no
    other transaction with this nonce can be mined.

    Finds the block by bisection of the account's transaction count, then reads it. Nodes keep the state of some 128 blocks and
    refuse to answer for older ones. Raises ChainUnavailable then: a missing answer is never taken for a proof.
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
    block = rpc.call("eth_getBlockByNumber", hex(used), True)
    user = _user_in(block, address, nonce)
    if user is None or user != str(block.get("hash")).lower():
        return user
    return user if _is_by_authorization(rpc, block, used, address, nonce) else None


def _is_by_authorization(rpc: RpcClient, block: Any, number: int, address: str, nonce: int) -> bool:
    """Return whether the block used the nonce without a transaction of the account (EIP-7702).

    A block without such a transaction proves nothing by itself. It has to carry an authorization with this nonce, or the
    account has to be delegated, so that its code may have used the nonce. And one node has to count the nonce as used in this
    very block.
    """
    before, after, again, code = rpc.read_together(
        [
            ("eth_getTransactionCount", [address, hex(number - 1)]),
            ("eth_getTransactionCount", [address, hex(number)]),
            ("eth_getBlockByNumber", [hex(number), False]),
            ("eth_getCode", [address, hex(number)]),
        ]
    )
    unused, used = quantity_or_none(before.result), quantity_or_none(after.result)
    if unused is None or used is None or not unused <= nonce < used:
        return False
    if not isinstance(again.result, dict) or again.result.get("hash") != block.get("hash"):
        return False
    return _carries_authorization(block, nonce) or str(code.result).lower().startswith("0xef0100")


def _carries_authorization(block: Any, nonce: int) -> bool:
    """Return whether the block carries an authorization with this nonce. Who signed it is not checked."""
    lists = [transaction.get("authorizationList") for transaction in block["transactions"]]
    entries = [entry for one in lists if isinstance(one, list) for entry in one if isinstance(entry, dict)]
    return any(quantity_or_none(entry.get("nonce")) == nonce for entry in entries)


def _user_in(block: Any, address: str, nonce: int) -> str | None:
    """Return the hash of the account's transaction with this nonce, or the block's own hash where it has none; None if unclear.

    A block is clear when it has transactions, and each of them can be read.
    """
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
    """Return sender, nonce and hash; None for each that cannot be read."""
    if not isinstance(transaction, dict):
        return None, None, None
    sender, hash_ = transaction.get("from"), str(transaction.get("hash")).lower()
    sender = sender.lower() if isinstance(sender, str) else None
    return sender, quantity_or_none(transaction.get("nonce")), hash_ if HASH.fullmatch(hash_) else None
