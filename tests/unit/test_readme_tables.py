"""The README's tables of routes, rights and metrics are what the code says."""

import pytest

from tests.readme_tables import README, tables, with_tables


@pytest.mark.parametrize("name", tables())
def test_the_readme_shows_the_table_as_it_is(name: str) -> None:
    readme = README.read_text(encoding="utf-8")
    assert tables()[name] in readme, f"stale: run python -m tests.readme_tables, or put there\n\n{tables()[name]}"


def test_writing_the_tables_twice_changes_nothing() -> None:
    readme = README.read_text(encoding="utf-8")
    assert with_tables(readme) == readme


def test_a_readme_without_a_place_for_a_table_is_told() -> None:
    with pytest.raises(ValueError, match="endpoints"):
        with_tables("# no tables here")
