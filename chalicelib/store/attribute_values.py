"""Converts one plain value to DynamoDB's form and back. boto3.dynamodb.types does the same, but would load all of boto3.

| plain | DynamoDB |
|---|---|
| None | NULL |
| bool | BOOL |
| str | S |
| int, Decimal | N, read as Decimal: at most 38 digits |
| bytes | B |
| mapping, with strings for keys | M |
| list, tuple | L, read as list |
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def serialize(value: Any) -> dict[str, Any]:  # noqa: PLR0911 -- one return a kind
    """Return DynamoDB's form of a value.

    Raises TypeError for a value without a form, such as a float, whose digits would change.
    """
    match value:
        case str():
            return {"S": value}
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": {name: serialize(part) for name, part in value.items()}}
        case list() | tuple():
            return {"L": [serialize(part) for part in value]}
    raise TypeError(f"DynamoDB has no form for a value of type {type(value).__name__}.")


def deserialize(attribute: Mapping[str, Any]) -> Any:
    """Return the plain value. Raises TypeError for a kind that this service never writes, such as a set."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "B" | "BOOL":
            return value
        case "N":
            return Decimal(value)
        case "M":
            return {name: deserialize(part) for name, part in value.items()}
        case "L":
            return [deserialize(part) for part in value]
        case "NULL":
            return None
    raise TypeError(f"This service writes no attributes of the kind {kind}.")
