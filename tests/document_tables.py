"""Makes the tables of the documents from the code: `python -m tests.document_tables` writes them into README.md and docs/."""

import ast
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from chalicelib.api.endpoint import Right
from chalicelib.api.requests import Checked
from chalicelib.api.route_descriptions import DESCRIBED, Described
from chalicelib.bounds import Bounds
from chalicelib.metrics import Metric, Unit
from tests.access import ACCESS, CALLERS

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_NEEDS = {
    Right.ANYONE: "—",
    Right.ISSUER: "a JWT",
    Right.COMMUNITY_ADMIN: "`isCommunityAdmin`",
    Right.ADMIN: "`isAdmin`",
}


def tables() -> Mapping[str, str]:
    """Return each table by its name. A document marks its place with `<!-- name: … -->` and `<!-- end -->`."""
    return {
        "endpoints": endpoints(),
        "access": access(),
        "metrics": metrics(),
        "parameters": parameters(),
        "bounds": bounds(),
    }


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
    declared = json.loads((ROOT / ".chalice" / "resources.json").read_text())["Parameters"]
    rows = ((f"`{name}`", _default(one["Default"]), one["Description"]) for name, one in declared.items())
    return _table(("parameter", "default", "means"), rows)


def bounds() -> str:
    """Return each field of the dataclass `Bounds` with its default and the docstring under it."""
    (definition,) = (node for node in ast.parse(inspect.getsource(Bounds)).body if isinstance(node, ast.ClassDef))
    rows = [
        (f"`{name.target.id}`", f"{getattr(Bounds(), name.target.id):,}", " ".join(str(text.value.value).split()))
        for name, text in pairwise(definition.body)
        if isinstance(name, ast.AnnAssign)
        and isinstance(name.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    ]
    return _table(("bound", "value", "means"), rows)


def _default(value: Any) -> str:
    return f"`{value}`" if value != "" else ""


def with_tables() -> Mapping[Path, str]:
    """Return each document's text with its tables made anew. Raises ValueError unless each table has exactly one place."""
    texts = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
    for name, table in tables().items():
        places = 0
        for path, text in texts.items():
            texts[path], found = re.subn(
                rf"(<!-- {name}: .*? -->\n).*?(<!-- end -->)",
                lambda place, table=table: f"{place[1]}{table}\n{place[2]}",
                text,
                flags=re.S,
            )
            places += found
        if places != 1:
            raise ValueError(f"the documents have {places} places for the table {name!r}")
    return texts


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
    for document, text in with_tables().items():
        document.write_text(text, encoding="utf-8")
