"""What the rule checkers say of every stage's template: nothing that is not meant."""

import json
from pathlib import Path
from typing import Any

import pytest

from stack.build.package import Package
from stack.build.rules import ACCEPTED, Finding, cfn_lint, checkov
from stack.errors import StackError
from stack.progress import say


@pytest.fixture(scope="module")
def templates(packages: dict[str, Package]) -> list[Path]:
    return [built.template for built in packages.values()]


@pytest.fixture(scope="module")
def without_protection(packages: dict[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A template whose jobs table cannot be restored, and with a condition that nothing has."""
    template: dict[str, Any] = json.loads(packages["spark"].template.read_text())
    del template["Resources"]["JobsTable"]["Properties"]["PointInTimeRecoverySpecification"]
    template["Conditions"]["Unused"] = {"Fn::Equals": [{"Ref": "ChainId"}, ""]}
    file = tmp_path_factory.mktemp("without") / "template.json"
    file.write_text(json.dumps(template))
    return file


@pytest.fixture(scope="module")
def findings(templates: list[Path], without_protection: Path) -> list[Finding]:
    return checkov([*templates, without_protection], say)


def test_cfn_lint_has_nothing_to_say_not_even_a_remark(templates: list[Path]) -> None:
    assert cfn_lint(templates) == ""


def test_a_warning_of_cfn_lint_is_not_passed_over(without_protection: Path) -> None:
    said = cfn_lint([without_protection])
    assert "W8001" in said and "Unused" in said


def test_checkov_finds_what_is_meant_and_nothing_else(templates: list[Path], findings: list[Finding]) -> None:
    for template in templates:
        found = {finding.check: finding for finding in findings if finding.template == template}
        assert {check: finding for check, finding in found.items() if check not in ACCEPTED} == {}
        assert set(ACCEPTED) - set(found) == set(), "is no finding any more: take it out"


def test_checkov_sees_a_protection_that_is_missing(without_protection: Path, findings: list[Finding]) -> None:
    found = {(one.check, one.resource) for one in findings if one.template == without_protection and one.check not in ACCEPTED}
    assert found == {("CKV_AWS_28", "AWS::DynamoDB::Table.JobsTable")}


def test_every_finding_that_is_meant_has_its_reason() -> None:
    for check, reason in ACCEPTED.items():
        assert len(reason.split()) > 8 and reason.endswith("."), check


def test_a_template_that_checkov_cannot_read_is_not_taken_for_a_good_one(tmp_path: Path) -> None:
    broken = tmp_path / "template.json"
    broken.write_text('{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"')
    with pytest.raises(StackError, match="checkov"):
        checkov([broken], say)
