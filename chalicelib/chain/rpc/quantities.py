"""Numbers as Ethereum's JSON-RPC writes them: 0x and hex digits, such as 0x1a (execution-apis, `uint`)."""

import re
from typing import Any

from chalicelib.errors import ChainUnavailable


def quantity_or_none(value: Any) -> int | None:
    """Return the number; None for anything that is not a hex quantity of at most 256 bits."""
    if not isinstance(value, str) or not re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value, re.ASCII):
        return None
    return int(value, 16)


def quantity(value: Any, what: str) -> int:
    """Return the number. Raises ChainUnavailable when the node's `what` is not a hex quantity: nothing is known then."""
    number = quantity_or_none(value)
    if number is None:
        raise ChainUnavailable(f"The chain's node gave no {what} that can be read.")
    return number
