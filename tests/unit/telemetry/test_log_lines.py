"""Log lines as they are written."""

import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.telemetry.logs import FIELDS, JsonLines

ROOT = Path(__file__).parents[3]
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def line_of(message: str = "signed", *, error: Exception | None = None, **extra: Any) -> dict[str, Any]:
    logger = logging.getLogger("chalicelib.workers.sign")
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logger.makeRecord(logger.name, logging.WARNING, "sign.py", 7, message, (), exc_info, extra=extra)
    written = JsonLines("jobs-api-spark").format(record)
    assert "\n" not in written
    return dict(json.loads(written))


def test_a_line_says_when_where_and_what() -> None:
    line = line_of(jobId="62b1", account="0xA")
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "location": "chalicelib.workers.sign:7",
        "message": "signed",
        "service": "jobs-api-spark",
        "jobId": "62b1",
        "account": "0xA",
    }


def test_fields_may_have_names_that_logging_keeps_for_itself() -> None:
    line = line_of(**{FIELDS: {"name": "mint", "jobId": "62b1"}})
    assert (line["name"], line["jobId"]) == ("mint", "62b1")
    assert FIELDS not in line


def test_the_trace_is_named_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "xray_trace_id" not in line_of()
    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE)
    assert line_of(requestId="1")["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


def test_a_traceback_is_in_its_line_once() -> None:
    try:
        raise ValueError("no")
    except ValueError as error:
        line = line_of(error=error)
    assert line["exception_name"] == "ValueError"
    assert line["exception"].startswith("Traceback")
    assert "stack_trace" not in line


LOG = """
import logging, sys
from chalicelib.telemetry.logs import configure_logging
configure_logging("INFO", "jobs-api-spark")
loaded = lambda: any(name.startswith("aws_lambda_powertools") for name in sys.modules)
before = loaded()
logging.getLogger("chalicelib.x").debug("not this")
logging.getLogger("elsewhere").info("nor this")
unused = loaded()
logging.getLogger("chalicelib.x").info("this", extra={"jobId": "62b1"})
logging.getLogger("elsewhere").warning("and this %s", "one")
print(before, unused, loaded())
"""


def test_powertools_is_loaded_by_the_first_line_and_not_before() -> None:
    done = subprocess.run([sys.executable, "-c", LOG], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "False", "True"]
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["this", "and this one"]
    assert lines[0]["jobId"] == "62b1"
