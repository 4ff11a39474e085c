"""The README's tables, made from what they tell of: `python -m tests.readme_tables` writes them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from chalicelib.api.described import DESCRIBED, Described
from chalicelib.api.endpoint import Right
from chalicelib.api.requests import Checked
from chalicelib.metrics import Metric, Unit
from tests.access import ACCESS, CALLERS

README = Path(__file__).parents[1] / "README.md"

_NEEDS = {
    Right.ANYONE: "—",
    Right.ISSUER: "a token",
    Right.COMMUNITY_ADMIN: "`isCommunityAdmin`",
    Right.ADMIN: "`isAdmin`",
}


def tables() -> Mapping[str, str]:
    """Name → the table between the README's comments of that name."""
    return {"endpoints": endpoints(), "access": access(), "metrics": metrics(), "parameters": parameters()}


def endpoints() -> str:
    return _table(("verb and path", "does", "takes", "needs"), (_row(one) for one in DESCRIBED))


def access() -> str:
    rows = ((f"`{name}`", *(str(status) for status in statuses)) for name, statuses in ACCESS.items())
    return _table(("", *CALLERS), rows)


def metrics() -> str:
    rows = (
        (
            f"`{metric.name}`",
            metric.value.unit if metric.value.unit is not Unit.NONE else "coins",
            " and ".join(", ".join(f"`{name}`" for name in names) or "—" for names in metric.value.series),
            metric.value.tells,
        )
        for metric in Metric
    )
    return _table(("metric", "unit", "by", "tells"), rows)


def parameters() -> str:
    """A description that ends on what empty means says the default, too."""
    declared = json.loads((README.parent / ".chalice" / "resources.json").read_text())["Parameters"]
    rows = ((f"`{name}`", _default(one["Default"]), one["Description"]) for name, one in declared.items())
    return _table(("parameter", "default", "means"), rows)


def _default(value: Any) -> str:
    return f"`{value}`" if value != "" else ""


def with_tables(readme: str) -> str:
    """The README with its tables as they should be. Raises ValueError where one has no place."""
    for name, table in tables().items():
        readme, found = re.subn(
            rf"(<!-- {name}: .*? -->\n).*?(\n<!-- end -->)",
            lambda place, table=table: place[1] + table + place[2],
            readme,
            flags=re.S,
        )
        if found != 1:
            raise ValueError(f"README.md has {found} places for the table {name!r}")
    return readme


def _row(described: Described) -> Iterable[str]:
    route, told = described.route, described.told
    *others, last = route.methods
    path = re.sub(r"_([a-z])", lambda found: found[1].upper(), route.path)
    verbs = "".join(f"`{method}`, " for method in others)
    takes = dict.fromkeys([*_fields(told.query), *_fields(told.body)])
    return f"{verbs}`{last} {path}`", told.summary.rstrip("."), ", ".join(f"`{name}`" for name in takes), _NEEDS[route.right]


def _fields(type_: Any) -> Iterator[str]:
    if isinstance(type_, UnionType) or hasattr(type_, "__metadata__"):
        for kind in get_args(type_):
            yield from _fields(kind)
    elif isinstance(type_, type) and issubclass(type_, Checked):
        for name, field in type_.model_fields.items():
            yield field.alias or name


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = tuple(heads)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows))


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
