"""What the functions' policies allow, right by right: one action on one resource."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stack import paths
from stack.build.package import LOCAL_STAGE

CHALICE = paths.ROOT / ".chalice"
FROM_ACCOUNT = "${AWS::Region}:${AWS::AccountId}:"

RECEIVING = frozenset({"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"})
"""An SQS event source mapping's: what AWSLambdaSQSQueueExecutionRole has (AWS Lambda Developer Guide, "Creating and configuring
an Amazon SQS event source mapping"). A message that is not deleted is seen again by its queue's visibility timeout.
"""
LOGGING = frozenset({"logs:CreateLogStream", "logs:PutLogEvents"})
"""Lambda's, for what a function prints (AWSLambdaBasicExecutionRole, without CreateLogGroup: the groups are the template's)."""
TRACING = frozenset({"xray:PutTraceSegments", "xray:PutTelemetryRecords"})
"""Of a function with active tracing (AWS Lambda Developer Guide, "Visualize Lambda function invocations using AWS X-Ray")."""
STATEMENTS = frozenset({"dynamodb:PartiQLUpdate"})
"""Of a BatchExecuteStatement that updates (Amazon DynamoDB Developer Guide, "Using IAM security policies with PartiQL"). The
emulator asks for another one, which stack/machine/emulator.py allows there.
"""
BY_AWS = RECEIVING | LOGGING | TRACING | STATEMENTS
"""What no call of a function asks for: AWS does it in the function's name, or along with a call. The emulator does so without
looking at the role, so nothing there can miss them: tests/deploy holds them to what AWS documents.
"""


@dataclass(frozen=True, slots=True)
class Right:
    """One action on one resource, and where in the function's policy it stands."""

    function: str
    """Its logical id."""
    action: str
    resource: str
    """As the template names it: JobsTable, JobsTable/index/owner, secret:<stack>/accounts/*, key/*."""
    statement: int
    place: int
    """Of the resource, among the statement's."""

    def __str__(self) -> str:
        return f"{self.function}: {self.what}"

    @property
    def what(self) -> str:
        return f"{self.action} on {self.resource}"


def policy_files(stage: str = LOCAL_STAGE) -> dict[str, str]:
    """The name of each function's policy file, by the function's logical id."""
    functions = json.loads((CHALICE / "config.json").read_text())["stages"][stage]["lambda_functions"]
    return {_logical_id(name): str(settings["iam_policy_file"]) for name, settings in functions.items()}


def rights() -> Iterator[Right]:
    """Every right of every function."""
    for function, file in policy_files().items():
        for number, statement in enumerate(json.loads((CHALICE / file).read_text())["Statement"]):
            for action in _as_list(statement["Action"]):
                for place, resource in enumerate(_as_list(statement["Resource"])):
                    yield Right(function, action, resource_name(resource), number, place)


def without(document: dict[str, Any], right: Right) -> dict[str, Any]:
    """The policy with everything but this one right: of another action the resource stays, and of it the other resources."""
    lesser = copy.deepcopy(document)
    statement = lesser["Statement"].pop(right.statement)
    actions, resources = _as_list(statement["Action"]), _as_list(statement["Resource"])
    others = [action for action in actions if action != right.action]
    elsewhere = [resource for place, resource in enumerate(resources) if place != right.place]
    assert len(others) == len(actions) - 1
    if others:
        lesser["Statement"].append({**statement, "Sid": "OtherActions", "Action": others})
    if elsewhere:
        lesser["Statement"].append({**statement, "Sid": "Elsewhere", "Action": [right.action], "Resource": elsewhere})
    return lesser


def resource_name(resource: Any) -> str:
    """A resource of a policy in few words, without what all ARNs of a stack begin with."""
    if isinstance(resource, str):
        return resource
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    inside = str(resource["Fn::Sub"]).rpartition(FROM_ACCOUNT)[2]
    return re.sub(r"\$\{(\w+)\.Arn\}", r"\1", inside).replace("${AWS::StackName}", "<stack>")


def _logical_id(name: str) -> str:
    """As Chalice makes it of a function's name."""
    return "APIHandler" if name == "api_handler" else "".join(word.capitalize() for word in name.split("_"))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
