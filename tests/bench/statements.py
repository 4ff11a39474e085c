"""What a BatchExecuteStatement is billed. Emulators do not tell: rows are looked at before and after, and the rules applied."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.bench.capacity import Index, Item, write_units
from tests.bench.tally import Tally

OPERATION = "BatchExecuteStatement"
Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""(operation, request) → the answer of the table service, not counted."""

_TABLE = re.compile(r'UPDATE "([^"]+)"')
_CONDITION = re.compile(r' WHERE "(\w+)" = \?')


class Statements:
    """One such request, made before it is sent. `indexes` are those of the table that is written."""

    def __init__(self, request: Mapping[str, Any], indexes: Sequence[Index], ask: Ask) -> None:
        self._ask = ask
        self._indexes = indexes
        self._keys = [_key(statement) for statement in request["Statements"]]
        self._before = self._rows()

    def bill(self, tally: Tally, answer: Mapping[str, Any]) -> None:
        """Add what was written, now that it is; one whose condition failed is billed for what was in its way."""
        after = self._rows()
        for (table, key), response in zip(self._keys, answer["Responses"], strict=True):
            before, now = (rows.get((table, str(key))) for rows in (self._before, after))
            if "Error" in response:
                tally.write_units[f"{OPERATION} {table}, refused"] += write_units(now, now, ())[""]
                continue
            for index, units in write_units(before, now, self._indexes).items():
                tally.write_units[f"{OPERATION} {table}" + (f"/{index}" if index else "")] += units

    def _rows(self) -> dict[tuple[str, str], Item]:
        return dict(self._looked_up())

    def _looked_up(self) -> Iterator[tuple[tuple[str, str], Item]]:
        for table, key in self._keys:
            answer = self._ask("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})
            if "Item" in answer:
                yield (table, str(key)), answer["Item"]


def _key(statement: Mapping[str, Any]) -> tuple[str, Item]:
    """The table, and the row's key: the first thing that the condition names."""
    text = statement["Statement"]
    condition = _CONDITION.search(text)
    table = _TABLE.match(text)
    if condition is None or table is None:
        raise ValueError(f"the bench cannot bill this statement: {text}")
    return table[1], {condition[1]: statement["Parameters"][text[: condition.start()].count("?")]}
