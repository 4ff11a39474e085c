"""Deploy a stage to any AWS endpoint, real or local: package, upload, one change set, wait."""

import hashlib
import json
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from stack import jwt_secret
from stack.artifacts import upload, upload_template
from stack.aws import Client, sentence
from stack.emulator import complete_roles
from stack.errors import StackError
from stack.package import LOCAL_STAGE, Package
from stack.progress import Say

BODY_LIMIT_BYTES = 51_200  # CreateChangeSet's TemplateBody
PROGRESS_SECONDS = 2.0
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
NEVER_CAME_UP = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
Outputs = Mapping[str, str]


def stack_name(stage: str) -> str:
    return f"jobs-api-{stage}"


def deploy(
    built: Package, client: Client, say: Say, *, name: str | None = None, parameters: Mapping[str, str] | None = None
) -> Outputs:
    """Create or update the stack and wait for it. Returns its outputs.

    Parameters that are not given keep the value the stack has, or the template's default.
    Raises StackError: what AWS refused, or the reason of the first resource that failed.
    """
    try:
        return _deploy(built, client, say, name or stack_name(built.stage), parameters or {})
    except (ClientError, BotoCoreError) as error:
        raise sentence(error) from None


def _deploy(built: Package, client: Client, say: Say, name: str, parameters: Mapping[str, str]) -> Outputs:
    template = json.loads(built.template.read_text())
    unknown = sorted(set(parameters) - set(template.get("Parameters", {})))
    if unknown:
        raise StackError(f"The template has no parameter {', '.join(unknown)}.")
    jwt_secret.check_template(template, built.stage)
    existing = _remove_if_it_never_came_up(client, name, say)
    if existing is not None:
        _check_existing_secret(client, existing, built.stage)
    bucket, key = upload(built, client, say)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    before = _event_ids(client, name) if existing is not None else set()
    change = _create_change_set(client, name, template, parameters, existing=existing, say=say)
    if change is not None:
        say(f"{'Updating' if existing else 'Creating'} stack {name}")
        client("cloudformation").execute_change_set(StackName=name, ChangeSetName=change)
        _wait_for_stack(client, name, before, say)
    if built.stage == LOCAL_STAGE:
        complete_roles(client, name)
    outputs = _outputs(_describe(client, name) or {})
    jwt_secret.check(jwt_secret.read(client, outputs["JwtSecretArn"]), built.stage)
    return outputs


def _describe(client: Client, name: str) -> dict[str, Any] | None:
    try:
        stack: dict[str, Any] = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"].get("Message", ""):
            return None
        raise
    return None if stack["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else stack


def _remove_if_it_never_came_up(client: Client, name: str, say: Say) -> dict[str, Any] | None:
    """The stack as it is, or None when there is none. CloudFormation cannot update one whose creation failed."""
    stack = _describe(client, name)
    if stack is None or stack["StackStatus"] not in NEVER_CAME_UP:
        return stack
    say(f"Removing what is left of stack {name} ({stack['StackStatus']})")
    client("cloudformation").delete_stack(StackName=name)
    while _describe(client, name) is not None:
        time.sleep(0.5)
    return None


def _check_existing_secret(client: Client, stack: Mapping[str, Any], stage: str) -> None:
    arn = _outputs(stack).get("JwtSecretArn")
    if arn is not None:
        jwt_secret.check(jwt_secret.read(client, arn), stage)


def _create_change_set(
    client: Client,
    name: str,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    *,
    existing: Mapping[str, Any] | None,
    say: Say,
) -> str | None:
    """The name of a change set that is ready to be executed; None when the stack is already as it should be."""
    cloudformation = client("cloudformation")
    body = json.dumps(template, separators=(",", ":"))
    digest = hashlib.sha256((body + json.dumps(dict(parameters), sort_keys=True)).encode()).hexdigest()
    change = f"deploy-{digest[:12]}-{int(time.time())}"
    known = {parameter["ParameterKey"] for parameter in (existing or {}).get("Parameters", [])}
    kept = [key for key in template.get("Parameters", {}) if key in known and key not in parameters]
    source = (
        {"TemplateBody": body}
        if len(body.encode()) <= BODY_LIMIT_BYTES
        else {"TemplateURL": upload_template(body, digest, client, say)}
    )
    cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=change,
        ChangeSetType="UPDATE" if existing else "CREATE",
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        + [{"ParameterKey": key, "UsePreviousValue": True} for key in kept],
        **source,
    )
    while True:
        state = cloudformation.describe_change_set(StackName=name, ChangeSetName=change)
        if state["Status"] == "CREATE_COMPLETE":
            return change
        if state["Status"] == "FAILED":
            reason = state.get("StatusReason", "")
            cloudformation.delete_change_set(StackName=name, ChangeSetName=change)
            if existing and ("didn't contain changes" in reason or "No updates are to be performed" in reason):
                return None
            raise StackError(f"CloudFormation refuses the template of {name}: {reason}")
        time.sleep(_pause(client))


def _wait_for_stack(client: Client, name: str, before: set[str], say: Say) -> None:
    spoke = time.monotonic()
    while True:
        stack = _describe(client, name)
        status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
        if status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            return
        if not status.endswith("IN_PROGRESS"):
            raise StackError(f"Stack {name} ended as {status}: {_first_failure(client, name, before)}")
        if time.monotonic() - spoke > PROGRESS_SECONDS:
            spoke = time.monotonic()
            say(f"{status.lower().replace('_', ' ')}: {_last_event(client, name, before)}")
        time.sleep(_pause(client))


def _events(client: Client, name: str) -> list[dict[str, Any]]:
    """Newest first."""
    pages = client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
    return [event for page in pages for event in page["StackEvents"]]


def _event_ids(client: Client, name: str) -> set[str]:
    return {event["EventId"] for event in _events(client, name)}


def _last_event(client: Client, name: str, before: set[str]) -> str:
    for event in _events(client, name):
        if event["EventId"] not in before:
            return f"{event['LogicalResourceId']} {event['ResourceStatus'].lower().replace('_', ' ')}"
    return "nothing happened yet"


def _first_failure(client: Client, name: str, before: set[str]) -> str:
    failed = [
        event
        for event in reversed(_events(client, name))
        if event["EventId"] not in before and event["ResourceStatus"].endswith("FAILED")
    ]
    told = [event for event in failed if "cancelled" not in event.get("ResourceStatusReason", "").lower()] or failed
    if not told:
        return "CloudFormation gives no reason."
    return f"{told[0]['LogicalResourceId']}: {told[0].get('ResourceStatusReason', 'no reason given')}"


def _outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _pause(client: Client) -> float:
    """Seconds between two looks: the emulator answers at once, AWS throttles."""
    return 0.1 if "127.0.0.1" in client("cloudformation").meta.endpoint_url else 2.0
