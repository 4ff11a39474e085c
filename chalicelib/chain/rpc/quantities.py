"""Numbers as Ethereum's JSON-RPC writes them: 0x and hex digits without leading zeros."""

import re
from typing import Any

from chalicelib.errors import ChainUnavailable


def quantity_or_none(value: Any) -> int | None:
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value, re.ASCII):
        return None
    return int(value, 16)


def quantity(value: Any, what: str) -> int:
    """Raises ChainUnavailable when a node's `what` is no hex quantity: an answer that cannot be believed."""
    number = quantity_or_none(value)
    if number is None:
        raise ChainUnavailable(f"The chain's node gave no {what} that can be read.")
    return number
