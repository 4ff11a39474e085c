"""The fees that a transaction offers: by the last blocks, within the network's floor and cap. All in wei per gas."""

from typing import Any

from chalicelib.chain.rpc.answers import Answer, Request
from chalicelib.chain.rpc.classify import is_unsupported, message_of
from chalicelib.chain.rpc.quantities import quantity
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Fees
from chalicelib.networks import Network

REWARD_PERCENTILE = 50
FEE_HISTORY: Request = ("eth_feeHistory", [hex(5), "latest", [REWARD_PERCENTILE]])


def dynamic_fees(network: Network, base_fee: int, history: Answer) -> Fees:
    """Return EIP-1559 fees, by the newest block's base fee and the answer to FEE_HISTORY.

    Raises ChainUnavailable when the answer cannot be read.
    """
    next_base_fee, suggested_tip = _read(history)
    base_fee = max(base_fee, next_base_fee, network.min_base_fee)
    tip = min(max(suggested_tip, network.min_priority_fee), network.max_priority_fee)
    max_fee = min(times(base_fee, network.base_fee_multiplier) + tip, network.max_fee_cap)
    return Fees(max_fee, min(tip, max_fee))


def next_base_fee(base_fee: int, history: Answer) -> int:
    """Return the next block's base fee from the answer to FEE_HISTORY; `base_fee`, the newest block's, without that method.

    Raises ChainUnavailable when the answer cannot be read.
    """
    from_history, _ = _read(history)
    return from_history or base_fee


def legacy_fees(network: Network, gas_price: int) -> Fees:
    """Return the fees on a chain without base fees."""
    floor = network.min_base_fee + network.min_priority_fee
    return Fees(min(max(gas_price, floor), network.max_fee_cap))


def times(amount: int, factor: float) -> int:
    """Return `amount * factor`, rounded up. In integers, because a float is exact up to 2**53 wei only."""
    return -(-amount * round(factor * 10_000) // 10_000)


def _read(answer: Answer) -> tuple[int, int]:
    """Return the next block's base fee and the usual tip: the median of the median tips of recent blocks that are not empty.

    Both are 0 on a node without eth_feeHistory: then the newest block's base fee and the network's floor decide.
    """
    if is_unsupported(answer.error):
        return 0, 0
    if answer.error is not None:
        raise ChainUnavailable(f"The chain's node refused eth_feeHistory: {message_of(answer.error)}.")
    history: Any = answer.result
    try:
        next_base_fee = quantity(history["baseFeePerGas"][-1], "base fee")
        used = history.get("gasUsedRatio") or []
        tips = sorted(
            quantity(rewards[0], "tip")
            for rewards, share in zip(history.get("reward") or [], used, strict=False)
            if share and rewards
        )
    except (TypeError, LookupError, AttributeError):
        raise ChainUnavailable("The chain's node gave no fee history that can be read.") from None
    return next_base_fee, tips[len(tips) // 2] if tips else 0
