"""Who used a nonce: the proof that a transaction of ours can never be mined."""

import re

from chalicelib.chain.quantities import quantity
from chalicelib.chain.rpc import RpcClient

HASH = re.compile(r"0x[0-9a-f]{64}")


def user_of_nonce(rpc: RpcClient, address: str, nonce: int, block_number: int) -> str | None:
    """Hash of the transaction of `address` with this nonce, mined at or before the block; None when it is not found there.

    Bisects the account's transaction count to the block in which it passed the nonce, then reads that block. Nodes keep the
    state of some 128 blocks; beyond it they refuse, which raises ChainUnavailable: no answer is never taken for one.
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
    for transaction in block["transactions"] if isinstance(block, dict) else ():
        if transaction["from"].lower() == address.lower() and quantity(transaction["nonce"], "nonce") == nonce:
            hash_ = str(transaction["hash"]).lower()
            return hash_ if HASH.fullmatch(hash_) else None
    return None
