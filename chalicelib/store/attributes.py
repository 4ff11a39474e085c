"""Plain values and DynamoDB's attribute values, there and back.

Amounts of wei are strings: DynamoDB numbers hold 38 digits, a uint256 has 78. What is None is absent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

Item = dict[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Plain values → DynamoDB attribute values; None means absent."""
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    return {name: _deserialize(value) for name, value in attributes.items()}


def without_none(item: Mapping[str, Any]) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def optional_time(text: str | None) -> datetime | None:
    return None if text is None else read_time(text)


def optional_int(value: Any) -> int | None:
    return None if value is None else int(value)


def optional_text(value: int | None) -> str | None:
    return None if value is None else str(value)


def plain(value: Any) -> Any:
    """What the deserializer made of JSON that a job carries, back to what was put in: ints, not Decimals."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return int(value) if hasattr(value, "as_integer_ratio") and not isinstance(value, bool) else value
