"""Updates in steps, because DynamoDB makes or removes only one index of a table in an update, and fails half-way otherwise.

An index is made before the code that reads it, and removed after the code that read it.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stack.aws import Client
from stack.errors import StackError

TABLE = "AWS::DynamoDB::Table"
Template = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TableIndexes:
    """A table as it is now: its global indexes by name, as a template writes them, and the types of its key attributes."""

    indexes: Mapping[str, Mapping[str, Any]]
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    what: str
    """What this update does, for messages. Example: `make JobsTable/owner`."""
    template: Template


def tables_now(client: Client, stack_name: str) -> dict[str, TableIndexes]:
    """Return the stack's tables by logical id, as DynamoDB describes them now."""
    pages = client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return {
        one["LogicalResourceId"]: _described(client("dynamodb").describe_table(TableName=one["PhysicalResourceId"])["Table"])
        for one in resources
        if one["ResourceType"] == TABLE
    }


def _described(table: Mapping[str, Any]) -> TableIndexes:
    indexes = {
        index["IndexName"]: {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    return TableIndexes(indexes, {one["AttributeName"]: one["AttributeType"] for one in table["AttributeDefinitions"]})


def steps(now: Mapping[str, TableIndexes], deployed: Template, wanted: Template) -> list[Step]:
    """Return the updates to execute in order: one when that is possible. The last one's template is `wanted`.

    Raises StackError when an index would get other keys under the same name: the running code would lose its index.
    """
    made: list[tuple[str, str]] = []
    removed: list[tuple[str, str]] = []
    for table, before in now.items():
        after = _indexes(wanted, table)
        if after is None:
            continue
        for name in before.indexes.keys() & after.keys():
            if _shape(before.indexes[name]) != _shape(after[name]):
                raise StackError(f"The index {name} of {table} would get other keys: give the new one a name of its own.")
        made += [(table, name) for name in after if name not in before.indexes]
        removed += [(table, name) for name in before.indexes if name not in after]
    if not _more_than_one_of_a_table(made + removed):
        return [Step("", wanted)]
    found: list[Step] = []
    present = {table: dict(before.indexes) for table, before in now.items()}
    rounds = _in_rounds(made)
    for number, round_ in enumerate(rounds):
        for table, name in round_:
            present[table][name] = (_indexes(wanted, table) or {})[name]
        base = wanted if number == len(rounds) - 1 else deployed
        found.append(Step(f"make {_listed(round_)}", _with_indexes(base, present, now, wanted)))
    if not made and removed:
        found.append(Step("the code, with every index still there", _with_indexes(wanted, present, now, wanted)))
    for round_ in _in_rounds(removed):
        for table, name in round_:
            del present[table][name]
        found.append(Step(f"remove {_listed(round_)}", _with_indexes(wanted, present, now, wanted)))
    return [*found[:-1], Step(found[-1].what, wanted)]


def _more_than_one_of_a_table(changes: Sequence[tuple[str, str]]) -> bool:
    tables = [table for table, _ in changes]
    return len(tables) > len(set(tables))


def _in_rounds(changes: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Spread the changes over rounds, with at most one change of a table in each."""
    rounds: list[list[tuple[str, str]]] = []
    seen: dict[str, int] = {}
    for change in changes:
        number = seen.get(change[0], 0)
        seen[change[0]] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(change)
    return rounds


def _listed(changes: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{table}/{name}" for table, name in changes)


def _indexes(template: Mapping[str, Any], table: str) -> dict[str, Any] | None:
    resource = template["Resources"].get(table)
    if resource is None:
        return None
    return {index["IndexName"]: index for index in resource["Properties"].get("GlobalSecondaryIndexes", [])}


def _shape(index: Mapping[str, Any]) -> tuple[Any, ...]:
    projection = index["Projection"]
    keys = tuple((key["AttributeName"], key["KeyType"]) for key in index["KeySchema"])
    return keys, projection["ProjectionType"], tuple(sorted(projection.get("NonKeyAttributes", [])))


def _with_indexes(
    base: Template, present: Mapping[str, Mapping[str, Any]], now: Mapping[str, TableIndexes], wanted: Template
) -> Template:
    """Return `base` with these indexes. A table must declare exactly the attributes that its keys use."""
    template = copy.deepcopy(base)
    for table, indexes in present.items():
        if table not in template["Resources"]:
            continue
        properties = template["Resources"][table]["Properties"]
        types = dict(now[table].types)
        for source in (base, wanted):
            declared = source["Resources"].get(table, {}).get("Properties", {}).get("AttributeDefinitions", [])
            types |= {one["AttributeName"]: one["AttributeType"] for one in declared}
        schemas = [properties["KeySchema"], *(index["KeySchema"] for index in indexes.values())]
        used = sorted({key["AttributeName"] for schema in schemas for key in schema})
        properties["AttributeDefinitions"] = [{"AttributeName": name, "AttributeType": types[name]} for name in used]
        properties["GlobalSecondaryIndexes"] = [copy.deepcopy(dict(index)) for index in indexes.values()]
        if not indexes:
            del properties["GlobalSecondaryIndexes"]
    return template
