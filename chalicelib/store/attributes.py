"""Plain values and DynamoDB's attribute values, there and back. What is None is absent."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.patterns import HASH
from chalicelib.store.attribute_values import deserialize, serialize

Item = dict[str, Any]

NULL = object()
"""Written as DynamoDB's null, where an absent attribute would be read as something else than None."""

NUMBERS_END = 10**38

_DIGEST = re.compile(r"[0-9a-f]{64}")


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Plain values → DynamoDB attribute values; None means absent."""
    return {name: serialize(None if value is NULL else value) for name, value in item.items() if value is not None}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    return {name: deserialize(value) for name, value in attributes.items()}


def without_none(item: Mapping[str, Any]) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def unless(told_anyway: Any, value: Any) -> Any:
    """`value` as an attribute that is absent where the rest of the row tells it anyway."""
    if value == told_anyway:
        return None
    return NULL if value is None else value


def digest_value(text: str) -> str | bytes:
    """32 bytes where it is 64 hex digits: half of what they take as text."""
    return bytes.fromhex(text) if _DIGEST.fullmatch(text) else text


def digest_from(value: Any) -> str:
    return value if isinstance(value, str) else bytes(value).hex()


def hash_value(text: str) -> str | bytes:
    """The same for 0x and 64 hex digits."""
    return bytes.fromhex(text[2:]) if HASH.fullmatch(text) else text


def hash_from(value: Any) -> str:
    return value if isinstance(value, str) else f"0x{bytes(value).hex()}"


def wei_value(amount: int) -> int | str:
    """A number where DynamoDB's 38 digits hold it: half of what it takes as text. A uint256 has up to 78."""
    return amount if amount < NUMBERS_END else str(amount)


def optional_wei(amount: int | None) -> int | str | None:
    return None if amount is None else wei_value(amount)


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def optional_time(text: str | None) -> datetime | None:
    return None if text is None else read_time(text)


def optional_int(value: Any) -> int | None:
    return None if value is None else int(value)


def plain(value: Any) -> Any:
    """What the deserializer made of JSON that a job carries, back to what was put in: ints, not Decimals."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return int(value) if hasattr(value, "as_integer_ratio") and not isinstance(value, bool) else value
