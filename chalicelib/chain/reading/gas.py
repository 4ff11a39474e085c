"""The gas limit that a transaction gets, and the reason that is given when a limit is too low or too high."""

from chalicelib.chain.reading.fees import times
from chalicelib.chain.rpc.classify import allowed_gas, is_out_of_gas, needed_gas
from chalicelib.jobs.ports import Revert
from chalicelib.networks import TRANSFER_GAS

TRANSACTION_GAS_CAP = 2**24
"""EIP-7825: the gas that one transaction may take, on chains that have the cap. No RPC method tells which chains have it."""
FRESH_SLOT_GAS = 25_000
"""Head-room for one storage slot: the estimate may assume that an earlier pending transaction creates it.

Writing to a new slot takes 22,100 gas, to one that holds something 5,000 (EIP-2200, EIP-2929). A nested call keeps a 64th back
(EIP-150). Unused gas costs nothing.
"""


def gas_limit(used: int, multiplier: float, block_limit: int | None) -> int:
    """Return the gas limit for a transaction that needs `used` gas by the node's estimate.

    With head-room it is at most the block's limit, and at most the cap of one transaction. Where more than the cap is needed,
    the chain has no cap.
    """
    room = times(used, multiplier)
    if used > TRANSFER_GAS:
        room = max(room, used + FRESH_SLOT_GAS)
    if used <= TRANSACTION_GAS_CAP:
        room = min(room, TRANSACTION_GAS_CAP)
    return max(used, min(room, block_limit or used))


def above_the_blocks(gas: int, block_limit: int) -> Revert:
    """Return what is told of the issuer's own gas limit `gas` where it is above the block's."""

    return Revert(f"the gas limit {gas} is above the block's {block_limit}")


def too_low(gas: int, needed: int | None) -> Revert:
    """Return what is told of the issuer's own gas limit `gas` where it is too low. `needed` is None where it is not known."""
    return Revert(f"out of gas: the gas limit is {gas}, the transaction needs {f'{needed}' if needed else 'more'}")


def ran_out(error: object, gas: int | None, block_limit: int | None) -> Revert | None:
    """Return what is told of a simulation that ran out of gas; None for another error. `gas` is the issuer's own limit."""
    needed = needed_gas(error)
    if gas is not None and (needed is not None or is_out_of_gas(error, gas)):
        return too_low(gas, needed)
    if gas is None and is_out_of_gas(error):
        allowed = allowed_gas(error) or block_limit
        return Revert("out of gas: it needs more than " + (f"the {allowed} that it may take" if allowed else "it may take"))
    return None
