"""Reading a packaged template."""

from collections.abc import Iterator
from typing import Any


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: resource for name, resource in resources.items() if resource.get("Type") == kind}


def functions(resources: dict[str, Any]) -> dict[str, Any]:
    return of_type(resources, "AWS::Serverless::Function")


def sqs_sources(resources: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(function, event source, its properties)"""
    for name, function in functions(resources).items():
        for source, event in function["Properties"].get("Events", {}).items():
            if event["Type"] == "SQS":
                yield name, source, event["Properties"]


def named(value: Any) -> str:
    """The logical id that an ARN in the template belongs to."""
    if "Fn::GetAtt" in value:
        return str(value["Fn::GetAtt"][0])
    return str(value["Fn::Sub"]).removeprefix("${").removesuffix(".Arn}")


def statements_of(function: str, resources: dict[str, Any]) -> Iterator[dict[str, Any]]:
    role = resources[named(resources[function]["Properties"]["Role"])]
    for policy in role["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from dicts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from dicts(inner)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
