"""What a write of an item costs, by the size that the service itself computes."""

from collections.abc import Mapping
from typing import Any

from chalicelib.store.item_size import item_size

UNIT = 1024


def write_units(item: Mapping[str, Any]) -> int:
    return -(-item_size(item) // UNIT)
