"""Leftovers: a stack whose creation failed, and resources that are outside of any stack afterwards."""

from collections.abc import Mapping
from typing import Any

from stack.aws import Client
from stack.deployment.consent import Consent
from stack.deployment.waiting import OperationFailed, event_ids, stack_of, until_gone
from stack.errors import StackError
from stack.progress import Say

NEVER_CAME_UP = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}
IDENTIFIERS = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::SecretsManager::Secret": "Id",
    "AWS::KMS::Key": "KeyId",
    "AWS::Logs::LogGroup": "LogGroupName",
}
"""Resource type → the property by which CloudFormation identifies a resource to import."""


def delete(client: Client, stack: Mapping[str, Any], say: Say) -> None:
    """Delete a stack, given as DescribeStacks has it, and wait until it is gone. Raises OperationFailed with the reason."""
    stack_id = str(stack["StackId"])
    before = event_ids(client, stack_id)
    client("cloudformation").delete_stack(StackName=stack_id)
    until_gone(client, stack_id, before, say)


def delete_failed_creation(client: Client, name: str, say: Say, consent: Consent | None) -> dict[str, Any] | None:
    """Delete the stack when its creation failed, because CloudFormation cannot update such a stack.

    Returns the stack that exists, or None. Raises OperationFailed with the reason when it cannot be deleted.
    """
    stack = stack_of(client, name)
    if stack is None or stack["StackStatus"] not in NEVER_CAME_UP:
        return stack
    if consent is not None:
        consent(f"Stack {name} never came up ({stack['StackStatus']}): remove what is left of it?")
    say(f"Removing what is left of stack {name} ({stack['StackStatus']})")
    delete(client, stack, say)
    return None


def adopt_words(left: Mapping[str, str]) -> str:
    """Return logical and physical ids as `make deploy ADOPT="…"` takes them."""
    return " ".join(f"{logical}={physical}" for logical, physical in left.items())


def error_with_leftovers(error: OperationFailed, stage: str, template: Mapping[str, Any], *, existing: bool) -> StackError:
    """Return the error of a deployment, with the resources that it left outside of the stack and the command that adopts them.

    `existing`: whether the stack existed before the deployment.
    """
    left = {one: id_ for one, id_ in error.left.items() if template["Resources"].get(one, {}).get("Type") in IDENTIFIERS}
    if not left:
        return error
    message = str(error) if str(error).endswith(".") else f"{error}."
    if existing:
        return StackError(f"{message} It left these behind, outside of the stack: {adopt_words(left)}.")
    return StackError(
        f"{message} It left {', '.join(left)} behind. To go on with what is there, mend the cause and: "
        f'make deploy STAGE={stage} ADOPT="{adopt_words(left)}"'
    )
