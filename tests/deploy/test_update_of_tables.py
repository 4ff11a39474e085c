"""What AWS refuses of an update, or makes with a loss, and the emulator does not: judged by the template before."""

import json
import subprocess
from typing import Any

import pytest

from stack import paths
from tests.stack.upgrade.history import previous_commit

RESOURCES = ".chalice/resources.json"
TABLES = ("JobsTable", "AccountsTable")
REPLACED_WITH = ("TableName", "KeySchema", "LocalSecondaryIndexes")
"""Another value of these is another table, an empty one."""


@pytest.fixture(scope="module")
def before() -> dict[str, Any]:
    shown = subprocess.run(
        ["git", "show", f"{previous_commit()}:{RESOURCES}"], cwd=paths.ROOT, capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(shown.stdout)["Resources"]
    return found


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((paths.ROOT / RESOURCES).read_text())["Resources"]
    return found


@pytest.mark.parametrize("table", TABLES)
def test_an_update_makes_or_removes_one_index_of_a_table_at_most(
    table: str, before: dict[str, Any], now: dict[str, Any]
) -> None:
    assert len(index_changes(before[table], now[table])) <= 1


@pytest.mark.parametrize("table", TABLES)
def test_an_update_keeps_the_tables(table: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    for name in REPLACED_WITH:
        assert before[table]["Properties"].get(name) == now[table]["Properties"].get(name)


def index_changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """An index that is changed is removed and made anew: two."""
    old, new = ({index["IndexName"]: index for index in indexes_of(table)} for table in (before, now))
    changed = [name for name in old.keys() & new.keys() if old[name] != new[name]]
    return sorted([*(old.keys() ^ new.keys()), *changed, *changed])


def indexes_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    return list(table["Properties"].get("GlobalSecondaryIndexes", []))
