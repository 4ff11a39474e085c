"""Amounts in tokens, as people write them, in whole units of the token: exact at any size."""

import re

from chalicelib.errors import InvalidRequest

MAX_UINT256 = 2**256 - 1

_TOKENS = re.compile(r"(0|[1-9][0-9]{0,77})(?:\.([0-9]{1,77}))?", re.ASCII)


def check_tokens(amount: object) -> str:
    """The text of an amount of tokens: decimal digits with an optional point. Raises ValueError saying what is wrong."""
    if not isinstance(amount, str) or not _TOKENS.fullmatch(amount):
        raise ValueError("An amount of tokens is a decimal string such as 12 or 0.5: no sign, exponent, space or leading zero.")
    return amount


def in_units(amount: str, decimals: int, field: str = "amount") -> int:
    """`amount` tokens in units of 10^-decimals. Raises InvalidRequest where there are too many places, or too much of it."""
    whole, _, places = amount.partition(".")
    if len(places) > decimals:
        raise _refused(field, f"The token has {decimals} decimals; {len(places)} places are given.")
    units = int(whole + places.ljust(decimals, "0"))
    if units > MAX_UINT256:
        raise _refused(field, "The amount is larger than 2^256 - 1 of the token's smallest units.")
    return units


def in_tokens(units: int, decimals: int) -> str:
    """The shortest decimal form, for sentences."""
    digits = str(units).rjust(decimals + 1, "0")
    whole, places = digits[: len(digits) - decimals], digits[len(digits) - decimals :].rstrip("0")
    return f"{whole}.{places}" if places else whole


def positive_units(amount: str, decimals: int, field: str = "amount") -> int:
    """As `in_units`; refuses 0, which would be a transaction for nothing."""
    units = in_units(amount, decimals, field)
    if units == 0:
        raise _refused(field, "The amount must be more than 0.")
    return units


def _refused(field: str, problem: str) -> InvalidRequest:
    return InvalidRequest(f"{field}: {problem}", [{"field": field, "error": problem}])
