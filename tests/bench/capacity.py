"""How DynamoDB bills, as its developer guide defines it: sizes of items, and the request units of reads and writes.

Items are in DynamoDB's own JSON form (`{"jobId": {"S": "…"}}`), binary values as base64 text or as bytes.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

Item = Mapping[str, Mapping[str, Any]]

READ_BYTES = 4_096
WRITE_BYTES = 1_024
CONTAINER_BYTES = 3
ELEMENT_BYTES = 1


def item_size(item: Item) -> int:
    """Bytes: every attribute's name and value."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:  # noqa: PLR0911 -- one for each of DynamoDB's types
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            return _number_size(str(content))
        case "B":
            return _binary_size(content)
        case "BOOL" | "NULL":
            return 1
        case "SS":
            return sum(len(str(text).encode()) for text in content)
        case "NS":
            return sum(_number_size(str(number)) for number in content)
        case "BS":
            return sum(_binary_size(binary) for binary in content)
        case "L":
            return CONTAINER_BYTES + sum(ELEMENT_BYTES + _value_size(element) for element in content)
        case "M":
            return CONTAINER_BYTES + sum(
                ELEMENT_BYTES + len(name.encode()) + _value_size(element) for name, element in content.items()
            )
    raise ValueError(f"DynamoDB has no type {kind}.")


def _number_size(number: str) -> int:
    """A byte for two significant digits, one more, and one for a minus."""
    digits = number.lower().partition("e")[0].lstrip("+-").replace(".", "").strip("0")
    return ceil(len(digits) / 2) + 1 + number.startswith("-")


def _binary_size(content: str | bytes) -> int:
    return len(content if isinstance(content, bytes) else base64.b64decode(content))


# --- reads -------------------------------------------------------------------------------------------------------------


def get_units(items: Iterable[Item | None], *, consistent: bool, transactional: bool = False) -> float:
    """GetItem, BatchGetItem, TransactGetItems: each item rounded up to 4 KB on its own; None is one that is not there."""
    blocks = sum(max(1, ceil(item_size(item) / READ_BYTES)) if item else 1 for item in items)
    return blocks * _read_price(consistent, transactional)


def query_units(items: Iterable[Item], *, consistent: bool) -> float:
    """Query and Scan: all items that were looked at, added up and rounded up to 4 KB together; never nothing."""
    return max(1, ceil(sum(item_size(item) for item in items) / READ_BYTES)) * _read_price(consistent, transactional=False)


def _read_price(consistent: bool, transactional: bool) -> float:
    return 2.0 if transactional else 1.0 if consistent else 0.5


# --- writes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Index:
    """What a global secondary index holds of an item."""

    name: str
    keys: Sequence[str]
    table_keys: Sequence[str]
    included: Sequence[str] | None = ()
    """Beside the keys; None: every attribute."""

    def entry(self, item: Item | None) -> dict[str, Mapping[str, Any]] | None:
        """None where the item has not all of the index's keys: it is not in the index."""
        if item is None or any(key not in item for key in self.keys):
            return None
        kept = list(item) if self.included is None else [*self.keys, *self.table_keys, *self.included]
        return {name: item[name] for name in kept if name in item}


def indexes_of(definition: Mapping[str, Any]) -> list[Index]:
    """Of a table as CreateTable, or CloudFormation, describes it."""
    table_keys = [key["AttributeName"] for key in definition["KeySchema"]]
    found: list[Index] = []
    for index in definition.get("GlobalSecondaryIndexes", []):
        projection = index["Projection"]
        included = None if projection["ProjectionType"] == "ALL" else projection.get("NonKeyAttributes", [])
        found.append(Index(index["IndexName"], [key["AttributeName"] for key in index["KeySchema"]], table_keys, included))
    return found


def write_units(
    before: Item | None, after: Item | None, indexes: Sequence[Index], *, transactional: bool = False
) -> dict[str, float]:
    """Units of one put, update or delete: of the table under "", of each index it touches under that one's name.

    The larger of both versions counts. A transaction's write costs the table twice; indexes follow later, at the usual price.
    """
    largest = max(item_size(item) if item else 0 for item in (before, after))
    units = {"": float(max(1, ceil(largest / WRITE_BYTES)) * (2 if transactional else 1))}
    for index in indexes:
        if of_index := _index_units(index, before, after):
            units[index.name] = float(of_index)
    return units


def _index_units(index: Index, before: Item | None, after: Item | None) -> int:
    old, new = index.entry(before), index.entry(after)
    if old == new:
        return 0
    if old is not None and new is not None and any(old[key] != new[key] for key in index.keys):
        return _blocks(old) + _blocks(new)  # it moves: one write takes it away, another puts it
    return max(_blocks(entry) for entry in (old, new) if entry is not None)


def _blocks(entry: Item) -> int:
    return max(1, ceil(item_size(entry) / WRITE_BYTES))
