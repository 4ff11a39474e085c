"""A deployment that is asked about first, and one that goes in steps: on the emulator, by the calls made of AWS."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stack.__main__ import main
from stack.aws import Client
from stack.build.package import Package
from stack.deployment.deploy import deploy, deployed_template
from stack.deployment.leftovers import adopt_words
from stack.deployment.parameters import parse
from stack.deployment.waiting import stack_of
from stack.errors import StackError
from stack.machine import ministack
from stack.progress import silent


def no(question: str) -> None:
    raise StackError(f"no to: {question}")


def yes(_question: str) -> None:
    return


def with_resources(built: Package, directory: Path, **changes: Any) -> Package:
    """The same package with other resources in its template: each as `changes` make it of what it is."""
    template = json.loads(built.template.read_text())
    for name, change in changes.items():
        template["Resources"][name] = change(template["Resources"][name])
    directory.mkdir(exist_ok=True)
    (directory / "sam.json").write_text(json.dumps(template))
    return Package(built.stage, directory / "sam.json", built.archive)


def without_indexes(*names: str) -> Any:
    def change(table: dict[str, Any]) -> dict[str, Any]:
        properties = table["Properties"]
        properties["GlobalSecondaryIndexes"] = [
            one for one in properties["GlobalSecondaryIndexes"] if one["IndexName"] not in names
        ]
        schemas = [properties["KeySchema"], *(one["KeySchema"] for one in properties["GlobalSecondaryIndexes"])]
        used = {key["AttributeName"] for schema in schemas for key in schema}
        properties["AttributeDefinitions"] = [one for one in properties["AttributeDefinitions"] if one["AttributeName"] in used]
        return table

    return change


def change_sets(aws: Client, name: str) -> list[str]:
    try:
        found = aws("cloudformation").list_change_sets(StackName=name)["Summaries"]
        return [one["ChangeSetName"] for one in found if one["ExecutionStatus"] == "AVAILABLE"]
    except ClientError:
        return []


def indexes(aws: Client, name: str) -> set[str]:
    table = aws("cloudformation").describe_stack_resource(StackName=name, LogicalResourceId="JobsTable")
    described = aws("dynamodb").describe_table(TableName=table["StackResourceDetail"]["PhysicalResourceId"])["Table"]
    return {one["IndexName"] for one in described["GlobalSecondaryIndexes"]}


def test_a_stack_that_was_not_consented_to_leaves_nothing_behind(
    aws: Client, packages: dict[str, Package], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(StackError, match="no to: Create stack refused"):
        deploy(packages["spark"], aws, silent, name="refused", consent=no)
    assert "Add      JobsTable  AWS::DynamoDB::Table" in capsys.readouterr().out
    left = aws("cloudformation").list_stacks()["StackSummaries"]
    assert [one for one in left if one["StackName"] == "refused" and one["StackStatus"] != "DELETE_COMPLETE"] == []
    deploy(packages["spark"], aws, silent, name="refused", consent=yes)
    assert (stack_of(aws, "refused") or {})["StackStatus"] == "CREATE_COMPLETE"


def test_a_stack_that_somebody_else_makes_meanwhile_is_left_alone(aws: Client, packages: dict[str, Package]) -> None:
    def no_for_it_is_there(_question: str) -> None:
        deploy(packages["spark"], aws, silent, name="raced")
        raise StackError("no")

    with pytest.raises(StackError, match="no"):
        deploy(packages["spark"], aws, silent, name="raced", consent=no_for_it_is_there)
    assert (stack_of(aws, "raced") or {})["StackStatus"] == "CREATE_COMPLETE"


def test_an_update_that_was_not_consented_to_changes_nothing(
    aws: Client, packages: dict[str, Package], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(packages["spark"], aws, silent, name="kept", parameters={"LogLevel": "DEBUG"})
    before = deployed_template(aws, "kept")
    renamed = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "another-name"}}
    lost = with_resources(packages["spark"], tmp_path, ConfirmDeadLetters=lambda _: renamed)
    with pytest.raises(StackError, match="no to: Update stack kept"):
        deploy(lost, aws, silent, name="kept", parameters={"LogLevel": "INFO"}, consent=no)
    assert "THE QUEUE IS REPLACED BY AN EMPTY ONE" in capsys.readouterr().out
    assert deployed_template(aws, "kept") == before
    assert change_sets(aws, "kept") == []


def test_whoever_is_not_there_to_be_asked_about_a_failed_stack_finds_it_as_it_was(
    aws: Client, packages: dict[str, Package], tmp_path: Path
) -> None:
    aws("events").create_event_bus(Name="in-the-way")
    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "in-the-way"}}
    broken = with_resources(packages["spark"], tmp_path, JwtSecret=lambda secret: secret | {"DependsOn": "Broken"})
    template = json.loads(broken.template.read_text())
    template["Resources"]["Broken"] = bus
    broken.template.write_text(json.dumps(template))
    with pytest.raises(StackError, match="Broken"):
        deploy(broken, aws, silent, name="half")
    with pytest.raises(StackError, match="no to: Stack half never came up"):
        deploy(packages["spark"], aws, silent, name="half", consent=no)
    assert stack_of(aws, "half") is not None


def test_several_indexes_come_and_go_one_update_each(aws: Client, packages: dict[str, Package], tmp_path: Path) -> None:
    removed = ("owner", "failed", "subject")
    fewer = with_resources(packages["spark"], tmp_path / "fewer", JobsTable=without_indexes(*removed))
    deploy(packages["spark"], aws, silent, name="steps", parameters={"LogLevel": "DEBUG"})
    everything = indexes(aws, "steps")
    assert set(removed) < everything
    for built, last, sentence in (
        (fewer, everything - set(removed), "4 of 4: remove JobsTable/"),
        (packages["spark"], everything, "3 of 3: make JobsTable/"),
    ):
        said: list[str] = []
        deploy(built, aws, said.append, name="steps")
        assert indexes(aws, "steps") == last
        assert any(sentence in line for line in said), said
        template = json.loads(built.template.read_text())
        assert deployed_template(aws, "steps")["Resources"]["JobsTable"] == template["Resources"]["JobsTable"]
    stack = stack_of(aws, "steps") or {}
    assert {"ParameterKey": "LogLevel", "ParameterValue": "DEBUG"} in stack["Parameters"]


def test_a_creation_that_fails_names_what_it_left_and_how_to_go_on_with_it(
    aws: Client, packages: dict[str, Package], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protected tables stay where they are when a creation is rolled back, and nothing finds them again by itself."""
    aws("events").create_event_bus(Name="taken-already")
    kept = ["JobsTable", "AccountsTable"]
    broken = with_resources(packages["spark"], tmp_path)
    template = json.loads(broken.template.read_text())
    bus = {"Type": "AWS::Events::EventBus", "Properties": {"Name": "taken-already"}, "DependsOn": [*kept, "PhoneNumbersSecret"]}
    template["Resources"]["Broken"] = bus
    broken.template.write_text(json.dumps(template))
    with pytest.raises(StackError, match=r"Broken: .*exists.*make deploy STAGE=spark ADOPT=\"") as failed:
        deploy(broken, aws, silent, name="left")
    assert "\n" not in str(failed.value)
    adopted = parse(str(failed.value).split('ADOPT="')[1].rstrip('"'))
    assert sorted(adopted) == sorted(kept)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ministack.ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ministack.SECRET_ACCESS_KEY)
    monkeypatch.setenv("AWS_REGION", ministack.REGION)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    words = ["deploy", "--stage", "spark", "--stack-name", "left", "--yes", "--adopt", adopt_words(adopted)]
    assert main([*words, "--endpoint-url", aws("cloudformation").meta.endpoint_url]) == 0
    table = aws("cloudformation").describe_stack_resource(StackName="left", LogicalResourceId="JobsTable")
    assert table["StackResourceDetail"]["PhysicalResourceId"] == adopted["JobsTable"]
    assert (stack_of(aws, "left") or {})["StackStatus"] == "UPDATE_COMPLETE"
