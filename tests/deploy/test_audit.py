"""`make audit` on what pip-audit answers; whether it is asked at all is decided by who may reach PyPI."""

import json
from typing import Any

import pytest

from stack.build.audit import vulnerabilities
from stack.errors import StackError


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def test_a_package_with_a_known_vulnerability_is_a_line() -> None:
    known = {"id": "GHSA-1", "fix_versions": ["2.1", "3.0"], "aliases": [], "description": ""}
    unmended = {"id": "GHSA-2", "fix_versions": [], "aliases": [], "description": ""}
    packages = ({"name": "one", "version": "2.0", "vulns": [known, unmended]}, {"name": "two", "version": "1.0", "vulns": []})
    assert vulnerabilities(answer(*packages)) == [
        "one 2.0: GHSA-1, fixed in 2.1, 3.0",
        "one 2.0: GHSA-2, fixed in no version yet",
    ]


def test_packages_of_which_nothing_is_known_are_no_lines() -> None:
    assert vulnerabilities(answer({"name": "one", "version": "2.0", "vulns": []})) == []


@pytest.mark.parametrize("said", ["", "Traceback", "{}", answer()])
def test_a_service_that_does_not_answer_is_one_sentence_and_no_clean_bill(said: str) -> None:
    with pytest.raises(StackError, match=r"^Nothing was audited: .* cannot be reached from here\.$"):
        vulnerabilities(said)


def test_a_package_that_was_not_looked_up_is_no_clean_bill() -> None:
    packages = ({"name": "one", "version": "2.0", "vulns": []}, {"name": "two", "skip_reason": "Dependency not found on PyPI"})
    with pytest.raises(StackError, match=r"^1 of 2 packages could not be looked up .*two"):
        vulnerabilities(answer(*packages))
