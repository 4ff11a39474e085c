"""What a bench says: rows with an id, a value, what is to be reached and what the limit is; one table, one bench.json."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `value` is None when it could not be measured here: the note says why."""

    id: str
    value: float | None
    unit: str
    reach: float | None = None
    """What the value is to be: at most, or with `at_least` at least."""
    limit: float | None = None
    """The best there could be: a floor of counts, a bare node, the smallest app."""
    at_least: bool = False
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """None where there is nothing to reach, or no value."""
        if self.value is None or self.reach is None:
            return None
        return self.value >= self.reach if self.at_least else self.value <= self.reach

    def entry(self) -> dict[str, Any]:
        """As it stands in bench.json."""
        return {"id": self.id, "value": self.value, "unit": self.unit, "reach": self.reach, "limit": self.limit}


@dataclass(frozen=True, slots=True)
class Part:
    """What one part of the bench found: its rows, and tables that explain them (lines of text by title)."""

    rows: Sequence[Row]
    details: Mapping[str, Sequence[str]]


def rounded(value: float, digits: int = 4) -> float:
    """To so many significant digits: more would only be noise."""
    return float(f"{value:.{digits}g}")


def table(rows: Sequence[Row]) -> list[str]:
    """Lines: id, value, unit, what is to be reached, whether it is, the limit."""
    cells = [("", "id", "value", "unit", "reach", "limit")]
    marks = {True: "ok", False: "no", None: ""}
    for row in rows:
        reach = "" if row.reach is None else f"{'≥' if row.at_least else '≤'} {shown(row.reach)}"
        value, limit = ("–" if number is None else shown(number) for number in (row.value, row.limit))
        cells.append((marks[row.reached], row.id, value, row.unit, reach, limit if row.limit is not None else ""))
    return aligned(cells, right=(2, 4, 5))


def aligned(cells: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """Columns as wide as their widest cell; those in `right` are set to the right."""
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return [
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def shown(number: float) -> str:
    if number == 0 or abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.4g}"


def write(file: Path, commit: str, machine: str, parts: Mapping[str, Part], at: str) -> None:
    """bench.json: the rows as they are asked for; beside them when, and what explains them."""
    rows = [row for part in parts.values() for row in part.rows]
    document = {
        "commit": commit,
        "machine": machine,
        "at": at,
        "rows": [row.entry() for row in rows],
        "notes": {row.id: row.note for row in rows if row.note},
        "details": {name: {title: list(lines) for title, lines in part.details.items()} for name, part in parts.items()},
    }
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    unfinished.replace(file)
