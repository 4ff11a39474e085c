"""The tables of routes, rights, metrics, parameters and bounds in the documents say what the code says."""

from pathlib import Path

import pytest

from tests import document_tables
from tests.document_tables import DOCUMENTS, tables, with_tables


@pytest.mark.parametrize("name", tables())
def test_the_documents_show_the_table_as_it_is(name: str) -> None:
    text = "".join(document.read_text(encoding="utf-8") for document in DOCUMENTS)
    assert tables()[name] in text, f"stale: run python -m tests.document_tables, or put there\n\n{tables()[name]}"


def test_writing_the_tables_twice_changes_nothing() -> None:
    assert with_tables() == {document: document.read_text(encoding="utf-8") for document in DOCUMENTS}


def test_a_table_without_a_place_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without = tmp_path / "README.md"
    without.write_text("# no tables here")
    monkeypatch.setattr(document_tables, "DOCUMENTS", (without,))
    with pytest.raises(ValueError, match="endpoints"):
        with_tables()


def test_every_bound_is_told() -> None:
    assert all(f"`{name}`" in tables()["bounds"] for name in document_tables.Bounds.__dataclass_fields__)
