"""What a transaction offers: within the issuer's limit, and how much more when it has to be replaced."""

from chalicelib.jobs.model import Fees

REPLACEMENT_NUMERATOR, REPLACEMENT_DENOMINATOR = 9, 8
"""Each fee rises by at least 12.5 % of the previous one; geth and Nethermind (CompareReplacedTxByFee) ask for 10 %."""


def limited(market: Fees, limit: int | None) -> Fees:
    """The market's fees, never above the issuer's own limit per gas."""
    if limit is None or market.max_fee_per_gas <= limit:
        return market
    tip = market.max_priority_fee_per_gas
    return Fees(limit, None if tip is None else min(tip, limit))


def replaced(previous: Fees, market: Fees, cap: int) -> Fees | None:
    """Fees for a transaction that takes the place of `previous`: both at least 12.5 % higher and at least the market's.

    None when that would cross the cap: then the previous one stays, and is bumped once the market or the cap allows.
    """
    max_fee = max(_raised(previous.max_fee_per_gas), market.max_fee_per_gas)
    if previous.max_priority_fee_per_gas is None:
        return Fees(max_fee) if max_fee <= cap else None
    tip = max(_raised(previous.max_priority_fee_per_gas), market.max_priority_fee_per_gas or 0)
    max_fee = max(max_fee, tip)
    return Fees(max_fee, tip) if max_fee <= cap else None


def _raised(fee: int) -> int:
    return -(-fee * REPLACEMENT_NUMERATOR // REPLACEMENT_DENOMINATOR)
