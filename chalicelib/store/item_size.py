"""Computes the size of an item by the rules that DynamoDB documents under "Item sizes and formats".

DynamoDB takes items of up to 400 KB, and charges one write unit for each started KB.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

COLLECTION_BYTES = 3
"""What a list or a map takes by itself. Each of its entries takes one byte more."""


def item_size(item: Mapping[str, Any]) -> int:
    """Return the bytes of an item in DynamoDB's own notation, such as `{"jobId": {"S": "…"}}`."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "B":
            return len(content)
        case "N":
            return _number_size(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return COLLECTION_BYTES + sum(1 + _value_size(entry) for entry in content)
        case "M":
            return COLLECTION_BYTES + sum(1 + len(name.encode()) + _value_size(entry) for name, entry in content.items())
    raise ValueError(f"The size of an attribute of the type {kind} is not known, because no row has one.")


def _number_size(text: str) -> int:
    """Return one byte for every two significant digits, one for the number, and one for a minus sign."""
    number = Decimal(text)
    digits = "".join(str(digit) for digit in number.as_tuple().digits).strip("0")
    return -(-len(digits) // 2) + 1 + (number < 0)
