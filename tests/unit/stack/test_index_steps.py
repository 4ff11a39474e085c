"""DynamoDB takes one index more or less of a table in an update: no step asks for more, and no code is without its index."""

import copy
from itertools import pairwise
from typing import Any

import pytest

from stack.deployment.index_steps import TableIndexes, Template, steps
from stack.errors import StackError


def index(name: str, *keys: str) -> dict[str, Any]:
    schema = [{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
    return {"IndexName": name, "KeySchema": schema, "Projection": {"ProjectionType": "KEYS_ONLY"}}


def table(*indexes: dict[str, Any]) -> dict[str, Any]:
    names = sorted({"id"} | {key["AttributeName"] for one in indexes for key in one["KeySchema"]})
    properties: dict[str, Any] = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
    }
    return {
        "Type": "AWS::DynamoDB::Table",
        "Properties": properties | ({"GlobalSecondaryIndexes": [*indexes]} if indexes else {}),
    }


def template(code: str, **tables: dict[str, Any]) -> Template:
    return {"Resources": {"Code": {"Type": "AWS::Lambda::Function", "Properties": {"CodeUri": code}}, **copy.deepcopy(tables)}}


def now(deployed: Template) -> dict[str, TableIndexes]:
    found = {}
    for name, resource in deployed["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            properties = resource["Properties"]
            indexes = {one["IndexName"]: one for one in properties.get("GlobalSecondaryIndexes", [])}
            types = {one["AttributeName"]: one["AttributeType"] for one in properties["AttributeDefinitions"]}
            found[name] = TableIndexes(indexes, types)
    return found


def names(of: Template, table_: str = "Jobs") -> set[str]:
    return {one["IndexName"] for one in of["Resources"][table_]["Properties"].get("GlobalSecondaryIndexes", [])}


def code(of: Template) -> str:
    return str(of["Resources"]["Code"]["Properties"]["CodeUri"])


A, B, C, D = index("a", "x"), index("b", "y", "z"), index("c", "z"), index("d", "w")


def test_one_index_more_or_less_of_each_table_is_one_update() -> None:
    before = template("old", Jobs=table(A), Accounts=table())
    after = template("new", Jobs=table(A, B), Accounts=table(C))
    assert [step.template for step in steps(now(before), before, after)] == [after]
    assert [step.template for step in steps(now(after), after, before)] == [before]


def test_new_indexes_come_one_by_one_and_the_code_with_the_last() -> None:
    before, after = template("old", Jobs=table(A)), template("new", Jobs=table(A, B, C, D))
    found = steps(now(before), before, after)
    assert [(code(step.template), names(step.template)) for step in found] == [
        ("old", {"a", "b"}),
        ("old", {"a", "b", "c"}),
        ("new", {"a", "b", "c", "d"}),
    ]
    assert found[-1].template == after
    assert [step.what for step in found] == ["make Jobs/b", "make Jobs/c", "make Jobs/d"]


def test_old_indexes_go_one_by_one_after_the_code() -> None:
    before, after = template("old", Jobs=table(A, B, C)), template("new", Jobs=table(A))
    found = [(code(step.template), names(step.template)) for step in steps(now(before), before, after)]
    assert found == [("new", {"a", "b", "c"}), ("new", {"a", "c"}), ("new", {"a"})]


def test_one_for_another_is_made_before_and_removed_after() -> None:
    before, after = template("old", Jobs=table(A)), template("new", Jobs=table(B))
    found = [(code(step.template), names(step.template)) for step in steps(now(before), before, after)]
    assert found == [("new", {"a", "b"}), ("new", {"b"})]


def test_a_table_that_loses_all_its_indexes_has_none_in_the_end() -> None:
    before, after = template("old", Jobs=table(A, B)), template("new", Jobs=table())
    *_, last = steps(now(before), before, after)
    assert last.template == after


def test_every_step_declares_exactly_the_attributes_that_its_keys_use() -> None:
    before, after = template("old", Jobs=table(A, B)), template("new", Jobs=table(C, D))
    for step in steps(now(before), before, after):
        properties = step.template["Resources"]["Jobs"]["Properties"]
        schemas = [properties["KeySchema"], *(one["KeySchema"] for one in properties["GlobalSecondaryIndexes"])]
        assert [one["AttributeName"] for one in properties["AttributeDefinitions"]] == sorted(
            {key["AttributeName"] for schema in schemas for key in schema}
        )


def test_no_step_changes_more_than_one_index_of_a_table() -> None:
    before = template("old", Jobs=table(A, B), Accounts=table(A, B, C))
    after = template("new", Jobs=table(C, D), Accounts=table())
    templates = [before, *(step.template for step in steps(now(before), before, after))]
    assert templates[-1] == after
    for earlier, later in pairwise(templates):
        for one in ("Jobs", "Accounts"):
            assert len(names(earlier, one) ^ names(later, one)) <= 1


def test_other_keys_under_the_same_name_are_refused() -> None:
    before, after = template("old", Jobs=table(A)), template("new", Jobs=table(index("a", "z")))
    with pytest.raises(StackError, match="index a of Jobs would get other keys"):
        steps(now(before), before, after)


def test_a_table_that_is_new_or_leaves_is_no_matter_of_steps() -> None:
    before, after = template("old", Jobs=table(A, B)), template("new", Accounts=table(A, B))
    assert [step.template for step in steps(now(before), before, after)] == [after]
