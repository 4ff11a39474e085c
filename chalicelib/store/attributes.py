"""Converts plain values to DynamoDB's attribute values and back. A value of None means that the attribute is absent."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib.patterns import HASH
from chalicelib.store.attribute_values import deserialize, serialize

Item = dict[str, Any]

NULL = object()
"""Is written as DynamoDB's null, for an attribute whose absence would mean another value than None."""

NUMBERS_END = 10**38

_DIGEST = re.compile(r"[0-9a-f]{64}")


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Return the values as DynamoDB attribute values, without those that are None."""
    return {name: serialize(None if value is NULL else value) for name, value in item.items() if value is not None}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    return {name: deserialize(value) for name, value in attributes.items()}


def without_none(item: Mapping[str, Any]) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def unless(implied: Any, value: Any) -> Any:
    """Return `value`, or None (absent) where it equals `implied`, which the rest of the row says already."""
    if value == implied:
        return None
    return NULL if value is None else value


def digest_value(text: str) -> str | bytes:
    """Return 64 hex digits as 32 bytes, which take half the space. Other texts are returned as they are."""
    return bytes.fromhex(text) if _DIGEST.fullmatch(text) else text


def digest_from(value: Any) -> str:
    return value if isinstance(value, str) else bytes(value).hex()


def hash_value(text: str) -> str | bytes:
    """Return 0x and 64 hex digits as 32 bytes. Other texts are returned as they are."""
    return bytes.fromhex(text[2:]) if HASH.fullmatch(text) else text


def hash_from(value: Any) -> str:
    return value if isinstance(value, str) else f"0x{bytes(value).hex()}"


def wei_value(amount: int) -> int | str:
    """Return a number, which takes half the space of its text. A number of more than DynamoDB's 38 digits stays text."""
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
    """Return a JSON value as it was before it was stored: with ints in place of the Decimals that DynamoDB returns."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return int(value) if hasattr(value, "as_integer_ratio") and not isinstance(value, bool) else value
