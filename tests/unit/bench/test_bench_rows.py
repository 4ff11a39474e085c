"""Rows, their table and bench.json; quantiles; parts of the zip."""

import json
from pathlib import Path

import pytest

from tests.bench.quantiles import quantile
from tests.bench.rows import Part, Row, rounded, table, write
from tests.bench.zipped import part_of, unused_parts

KEYS = {"id", "value", "unit", "reach", "limit"}


def test_a_row_is_reached_from_its_own_side() -> None:
    assert Row("cost", 1.3, "requests", 1.3).reached is True
    assert Row("cost", 1.31, "requests", 1.3).reached is False
    assert Row("speed", 0.04, "of the limit", 0.05, at_least=True).reached is False
    assert Row("speed", 0.05, "of the limit", 0.05, at_least=True).reached is True
    assert Row("cost", 1.0, "requests").reached is None
    assert Row("cost", None, "requests", 1.0).reached is None


def test_the_file_has_the_rows_as_they_are_asked_for(tmp_path: Path) -> None:
    rows = [Row("cost", 1.5, "requests", 1.3, 1.0, note="why"), Row("speed", None, "jobs/s")]
    file = tmp_path / "bench.json"
    write(file, "abc", "a machine", {"costs": Part(rows, {"more": ["a line"]})}, "2026-01-01T00:00:00+00:00")
    document = json.loads(file.read_text())
    assert (document["commit"], document["machine"]) == ("abc", "a machine")
    assert [set(row) for row in document["rows"]] == [KEYS, KEYS]
    assert document["rows"][0] == {"id": "cost", "value": 1.5, "unit": "requests", "reach": 1.3, "limit": 1.0}
    assert document["rows"][1]["value"] is None
    assert document["notes"] == {"cost": "why"}
    assert document["details"] == {"costs": {"more": ["a line"]}}


def test_the_table_marks_what_is_reached() -> None:
    lines = table(
        [Row("cost", 1.5, "requests", 1.3, 1.0), Row("speed", 4_500.0, "jobs/s", 10.0, at_least=True), Row("x", None, "")]
    )
    assert [line.split()[0] for line in lines] == ["id", "no", "ok", "x"]
    assert "≤ 1.3" in lines[1]
    assert "4,500" in lines[2]
    assert "≥ 10" in lines[2]


def test_values_keep_four_digits() -> None:
    assert [rounded(value) for value in (0.123456, 12.3456, 123456.0)] == [0.1235, 12.35, 123500.0]


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 0.2), quantile(values, 1.0)) == (3.0, 5.0, 1.0, 5.0)
    assert quantile([7.0], 0.5) == 7.0
    assert quantile(range(1, 101), 0.99) == 99


@pytest.mark.parametrize(("values", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_a_quantile_that_there_is_not_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        quantile(values, share)


def test_what_no_function_imports_is_found_by_package() -> None:
    sizes = {
        "boto3/__init__.py": 1, "boto3/session.py": 2, "idle/__init__.py": 4, "idle/deep/data.bin": 8,
        "six.py": 16, "idle_module.cpython-311-x86_64-linux-gnu.so": 32, "idle-1.0.dist-info/METADATA": 64,
    }  # fmt: skip
    assert unused_parts(sizes, ["boto3/session.py", "six.py"]) == {"idle": 12, "idle_module": 32}
    assert part_of("chalicelib/api/jobs.py") == "chalicelib"
