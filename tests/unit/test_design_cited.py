"""Every section and invariant of docs/design.md that code, tests and documents cite exists there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGN = ROOT / "docs" / "design.md"
CITING = ("app.py", "chalicelib/**/*.py", "stack/**/*.py", "tests/**/*.py", ".chalice/*.json", "README.md", "docs/**/*.md")
NUMBERS = r"((?:\d+)(?:(?:, | and | or | to )\d+)*)"
KINDS = {
    "section": (re.compile(rf"design: sections? {NUMBERS}"), re.compile(r"^## (\d+)\. ", re.MULTILINE)),
    "invariant": (re.compile(rf"[Ii]nvariants? {NUMBERS}"), re.compile(r"^(\d+)\. \*\*", re.MULTILINE)),
}


def cited(kind: str) -> Iterator[tuple[str, int]]:
    """File and number."""
    citation, _ = KINDS[kind]
    for pattern in CITING:
        for path in sorted(ROOT.glob(pattern)):
            for found in citation.finditer(path.read_text(encoding="utf-8")):
                yield from ((str(path.relative_to(ROOT)), int(number)) for number in re.findall(r"\d+", found[1]))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cited_of_the_design_exists(kind: str) -> None:
    exists = {int(number) for number in KINDS[kind][1].findall(DESIGN.read_text(encoding="utf-8"))}
    assert {(path, number) for path, number in cited(kind) if number not in exists} == set()


@pytest.mark.parametrize("kind", KINDS)
def test_the_design_is_cited(kind: str) -> None:
    """Or the other test could not fail."""
    assert sum(1 for _ in cited(kind)) >= 5
