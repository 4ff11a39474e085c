"""How large an item is, by the rules that DynamoDB documents under "Item sizes and formats": what write units are made of."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

UNIT = 1024
COLLECTION = 3
"""Of a list or a map, whatever is in it; and one byte more for each of its entries."""


def item_size(item: Mapping[str, Any]) -> int:
    """In bytes, of an item in DynamoDB's own notation."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def write_units(item: Mapping[str, Any]) -> int:
    return -(-item_size(item) // UNIT)


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(bytes(content))
        case "N":
            return _number_size(Decimal(content))
        case "BOOL" | "NULL":
            return 1
        case "L":
            return COLLECTION + sum(1 + _value_size(entry) for entry in content)
        case "M":
            return COLLECTION + sum(1 + len(name.encode()) + _value_size(entry) for name, entry in content.items())
    raise ValueError(f"an attribute value of the type {kind} is none that rows have")


def _number_size(number: Decimal) -> int:
    """A byte for two significant digits, one for the number itself, one for its sign."""
    digits = "".join(str(digit) for digit in number.as_tuple().digits).strip("0")
    return -(-len(digits) // 2) + 1 + (number < 0)
