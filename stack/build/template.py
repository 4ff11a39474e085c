"""Completing the template that Chalice makes of app.py and resources.json.

It gets alarms, a dashboard, tags, retained resources, the policy of new KMS keys, and API Gateway's additions.
"""

import json
from collections.abc import Mapping
from typing import Any

from stack import paths
from stack.build.alarms import alarms
from stack.build.dashboard import dashboard
from stack.build.gateway import with_open_gateway
from stack.build.metrics import STACK
from stack.errors import StackError

RETAINED = paths.ROOT / ".chalice" / "retained.json"
"""Merged into every stage but the local one: resources that stay when the stack is deleted, or that are protected."""

KEY_POLICY = paths.ROOT / ".chalice" / "key-policy.json"
"""The policy of every KMS key that the API makes, as text for `Fn::Sub`. The API gets it by its environment."""

STACK_TAG = "jobs-api:stack"
TAGGED_BY_MAP = {"AWS::Serverless::Api", "AWS::Serverless::Function"}
TAGGED_BY_LIST = {
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
}
WITHOUT_TAGS = {
    "AWS::KMS::Key",  # the tag on a key would let the workers sign with it
    "AWS::Lambda::Permission",
    "AWS::SNS::Subscription",
}


def complete(template: Mapping[str, Any], *, local: bool) -> dict[str, Any]:
    """Return the completed template. Raises StackError for a resource type that is in none of the lists of tags above."""
    done = dict(template) if local else merged(template, json.loads(RETAINED.read_text()))
    done = merged(done, with_open_gateway(done))
    done = merged(done, _with_key_policy())
    watching = alarms(done)
    done = merged(done, {"Resources": {**watching, "Dashboard": dashboard(done, watching)}})
    tags = {name: {"Properties": {"Tags": _tags(resource)}} for name, resource in done["Resources"].items()}
    return merged(done, {"Resources": {name: tag for name, tag in tags.items() if tag["Properties"]["Tags"]}})


def _with_key_policy() -> dict[str, Any]:
    policy = json.dumps(json.loads(KEY_POLICY.read_text()), separators=(",", ":"))
    variables = {"KEY_POLICY": {"Fn::Sub": policy}}
    return {"Resources": {"APIHandler": {"Properties": {"Environment": {"Variables": variables}}}}}


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Merge `other` over `one`: objects by their keys; lists and values are replaced."""
    both = {key: merged(one[key], other[key]) for key in one.keys() & other.keys() if isinstance(other[key], Mapping)}
    return {**one, **other, **both}


def _tags(resource: Mapping[str, Any]) -> Any:
    kind = resource["Type"]
    if kind in TAGGED_BY_MAP:
        return {STACK_TAG: STACK}
    if kind in TAGGED_BY_LIST:
        return [{"Key": STACK_TAG, "Value": STACK}]
    if kind in WITHOUT_TAGS:
        return None
    raise StackError(f"No list says how {kind} is tagged: add it to one in {__name__}.")
