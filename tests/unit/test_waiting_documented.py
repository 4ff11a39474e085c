"""docs/waiting.md names every code that a job waits for, with the meaning that the API reference tells, and every fail code."""

from pathlib import Path

from chalicelib.api.jobs.codes import WAIT_MEANINGS
from chalicelib.jobs.fail_codes import FailCode

DOCUMENT = Path(__file__).parents[2] / "docs" / "waiting.md"


def test_the_document_lists_the_codes_as_the_reference_does() -> None:
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [line for line in lines if line.startswith("| `")]
    assert rows[: len(WAIT_MEANINGS)] == [f"| `{code}` | {meaning} |" for code, meaning in WAIT_MEANINGS.items()]


def test_the_document_names_the_codes_that_a_job_fails_with_when_it_is_not_signed() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for code in (FailCode.EXPIRED, FailCode.CANNOT_BE_SIGNED, FailCode.ESTIMATE_TOO_SLOW, FailCode.ESTIMATE_REVERTED):
        assert f"| `{code}` |" in text
