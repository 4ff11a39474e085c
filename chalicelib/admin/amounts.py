"""Converts amounts between tokens, as people write them (1.5), and the token's smallest units. Exact at any size."""

import re

from chalicelib.errors import InvalidRequest

MAX_UINT256 = 2**256 - 1

_TOKENS = re.compile(r"(0|[1-9][0-9]{0,77})(?:\.([0-9]{1,77}))?", re.ASCII)


def check_tokens(amount: object) -> str:
    """Return an amount of tokens unchanged: decimal digits with an optional point. Raises ValueError for anything else."""
    if not isinstance(amount, str) or not _TOKENS.fullmatch(amount):
        raise ValueError("An amount of tokens is a decimal string such as 12 or 0.5: no sign, exponent, space or leading zero.")
    return amount


def in_units(amount: str, decimals: int, field: str = "amount") -> int:
    """Return `amount` tokens in units of 10^-decimals: ("1.5", 18) gives 15 * 10^17.

    Raises InvalidRequest, which names `field`, for more places than `decimals` and for more than 2^256 - 1 units.
    """
    whole, _, places = amount.partition(".")
    if len(places) > decimals:
        raise _refused(field, f"The token has {decimals} decimals; {len(places)} places are given.")
    units = int(whole + places.ljust(decimals, "0"))
    if units > MAX_UINT256:
        raise _refused(field, "The amount is larger than 2^256 - 1 of the token's smallest units.")
    return units


def in_tokens(units: int, decimals: int) -> str:
    """Return units as tokens, in the shortest decimal form: (15 * 10^17, 18) gives "1.5"."""
    digits = str(units).rjust(decimals + 1, "0")
    whole, places = digits[: len(digits) - decimals], digits[len(digits) - decimals :].rstrip("0")
    return f"{whole}.{places}" if places else whole


def positive_units(amount: str, decimals: int, field: str = "amount") -> int:
    """Do as `in_units` does. Raises InvalidRequest for 0, too: it would be a transaction without an effect."""
    units = in_units(amount, decimals, field)
    if units == 0:
        raise _refused(field, "The amount must be more than 0.")
    return units


def _refused(field: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {problem}", [{"field": field, "error": problem}])
