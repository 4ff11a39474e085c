"""Numbers as Ethereum's JSON-RPC writes them: 0x and hex digits without leading zeros."""

from typing import Any

from chalicelib.errors import ChainUnavailable


def quantity(value: Any, what: str) -> int:
    """Raises ChainUnavailable when a node's `what` is no hex quantity: an answer that cannot be believed."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            pass
    raise ChainUnavailable(f"The chain's node gave no {what} that can be read.")


def block_tag(number: int | None) -> str:
    return "latest" if number is None else hex(number)
