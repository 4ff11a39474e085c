"""The fees of a transaction: within the issuer's limit, and raised when it is replaced."""

from chalicelib.jobs.model import Fees

REPLACEMENT_NUMERATOR, REPLACEMENT_DENOMINATOR = 9, 8
"""Each fee rises by at least 12.5 % of the previous one; geth and Nethermind (CompareReplacedTxByFee) ask for 10 %."""
CANCEL_STEPS = 2
"""So many raises a cancel transaction may be above the network's cap: one for itself, one to replace it once."""


def limited(market: Fees, limit: int | None) -> Fees:
    """Return the market's fees, at most the issuer's own limit per gas."""
    if limit is None or market.max_fee_per_gas <= limit:
        return market
    tip = market.max_priority_fee_per_gas
    return Fees(limit, None if tip is None else min(tip, limit))


def replaced(previous: Fees, market: Fees, cap: int) -> Fees | None:
    """Return the fees that replace `previous`: at least 12.5 % higher, and at least the market's.

    None if they would cross the cap. Then the previous transaction stays until the market or the cap allows more.
    """
    max_fee = max(_raised(previous.max_fee_per_gas), market.max_fee_per_gas)
    if previous.max_priority_fee_per_gas is None:
        return Fees(max_fee) if max_fee <= cap else None
    tip = max(_raised(previous.max_priority_fee_per_gas), market.max_priority_fee_per_gas or 0)
    max_fee = max(max_fee, tip)
    return Fees(max_fee, tip) if max_fee <= cap else None


def cancel_cap(cap: int) -> int:
    """Return the most that a cancel transaction offers per gas. So it can replace a transaction at the network's cap.

    For example, with a cap of 500 gwei a cancel transaction offers at most 632.8 gwei. It takes 21,000 gas.
    """
    for _ in range(CANCEL_STEPS):
        cap = _raised(cap)
    return cap


def is_taken(fees: Fees, base_fee: int | None, least_tip: int) -> bool:
    """True if a block with this base fee takes these fees. Also True on a chain without base fees, where it is not known."""
    if base_fee is None:
        return True
    tip = fees.max_fee_per_gas if fees.max_priority_fee_per_gas is None else fees.max_priority_fee_per_gas
    return min(tip, fees.max_fee_per_gas - base_fee) >= least_tip


def at_least(market: Fees, minimum_fee: int | None, minimum_tip: int | None) -> Fees:
    """Return the market's fees, raised to what a node asked for in its refusal."""
    minimum_fee, minimum_tip = minimum_fee or 0, minimum_tip or 0
    tip = market.max_priority_fee_per_gas
    if tip is None:
        return Fees(max(market.max_fee_per_gas, minimum_fee, minimum_tip))
    more = max(0, minimum_tip - tip)
    return Fees(max(market.max_fee_per_gas + more, minimum_fee), tip + more)


def _raised(fee: int) -> int:
    return -(-fee * REPLACEMENT_NUMERATOR // REPLACEMENT_DENOMINATOR)
