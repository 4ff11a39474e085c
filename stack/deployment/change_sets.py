"""CloudFormation change sets: create, describe in words, execute, discard."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stack.aws import Client
from stack.deployment.artifacts import upload_template
from stack.deployment.waiting import PROGRESS_SECONDS, event_ids, poll_seconds, until_complete
from stack.errors import StackError
from stack.progress import Say

BODY_LIMIT_BYTES = 51_200  # CreateChangeSet's TemplateBody
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
KEEPS_DATA = {
    "AWS::DynamoDB::Table": "table",
    "AWS::SQS::Queue": "queue",
    "AWS::SecretsManager::Secret": "secret",
    "AWS::KMS::Key": "key",
}
"""Resource types with data: a deployment cannot bring the data back. The word is the one for messages."""
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True, slots=True)
class Change:
    """What a change set does to one resource."""

    action: str
    """CloudFormation's: Add, Modify, Remove, Import, Dynamic."""
    resource: str
    kind: str
    replacement: str = "False"
    """True, False, or Conditional, which CloudFormation decides while it executes."""
    kept: bool = False
    """True when the resource that is removed or replaced stays in AWS, outside of the stack."""

    @property
    def loses_data(self) -> bool:
        ends = self.action == "Remove" or self.replacement != "False"
        return self.kind in KEEPS_DATA and ends and not self.kept

    def __str__(self) -> str:
        line = f"{self.action:8} {self.resource}  {self.kind}"
        what = KEEPS_DATA.get(self.kind, "")
        if self.action == "Remove" and what:
            return f"{line}  " + (
                f"(the {what} is kept, outside of the stack)" if self.kept else f"THE {what.upper()} IS DELETED"
            )
        if self.replacement == "False":
            return line
        how = "is replaced" if self.replacement == "True" else "may be replaced"
        if (self.kind, self.replacement) == ("AWS::ApiGateway::RestApi", "True"):
            return f"{line}  THE API IS REPLACED: ITS URL CHANGES"
        if not what:
            return f"{line}  ({how})"
        old = "the old one is kept, outside of the stack" if self.kept else "WHAT THE OLD ONE HOLDS IS LOST"
        return f"{line}  THE {what.upper()} {how.upper()} BY AN EMPTY ONE; {old}"


def lines_of(changes: Sequence[Change]) -> list[str]:
    """Return one line for each change. Those that lose data come last, next to the question, where they are read."""
    return [str(change) for change in sorted(changes, key=lambda change: (change.loses_data, change.replacement != "False"))]


def changes_of(description: Mapping[str, Any]) -> list[Change]:
    """Return the changes in an answer of DescribeChangeSet."""
    found = [change["ResourceChange"] for change in description.get("Changes", []) if "ResourceChange" in change]
    return [
        Change(
            one["Action"],
            one["LogicalResourceId"],
            one["ResourceType"],
            one.get("Replacement") or "False",
            kept="Retain" in (one.get("PolicyAction") or ""),
        )
        for one in found
    ]


def create(
    client: Client,
    name: str,
    template: Mapping[str, Any],
    parameters: Mapping[str, str],
    *,
    existing: Mapping[str, Any] | None,
    say: Say,
    importing: Sequence[Mapping[str, Any]] = (),
) -> str | None:
    """Create a change set and wait until it can be executed. Returns its name, or None when nothing changes.

    Parameters that are not given keep the value that the stack has. Raises StackError with CloudFormation's reason.
    """
    cloudformation = client("cloudformation")
    body = json.dumps(template, separators=(",", ":"))
    digest = hashlib.sha256((body + json.dumps(dict(parameters), sort_keys=True)).encode()).hexdigest()
    change = f"deploy-{digest[:12]}-{time.time_ns()}"
    known = {parameter["ParameterKey"] for parameter in (existing or {}).get("Parameters", [])}
    kept = [key for key in template.get("Parameters", {}) if key in known and key not in parameters]
    source: dict[str, Any] = (
        {"TemplateBody": body}
        if len(body.encode()) <= BODY_LIMIT_BYTES
        else {"TemplateURL": upload_template(body, digest, client, say)}
    )
    if importing:
        source["ResourcesToImport"] = list(importing)
    cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=change,
        ChangeSetType="IMPORT" if importing else "UPDATE" if existing else "CREATE",
        Capabilities=CAPABILITIES,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
        + [{"ParameterKey": key, "UsePreviousValue": True} for key in kept],
        **source,
    )
    spoke = time.monotonic()
    while True:
        state = cloudformation.describe_change_set(StackName=name, ChangeSetName=change)
        refused = state["Status"] == "FAILED" or state.get("ExecutionStatus") == "UNAVAILABLE"
        if state["Status"] == "CREATE_COMPLETE" and not refused:
            return change
        if refused and not state["Status"].endswith(("PENDING", "IN_PROGRESS")):
            reason = state.get("StatusReason", "")
            discard(client, name, change, existing=existing)
            if existing and any(words in reason for words in _NO_CHANGES):
                return None
            raise StackError(f"CloudFormation refuses the template of {name}: {reason}")
        if time.monotonic() - spoke > PROGRESS_SECONDS:
            spoke = time.monotonic()
            say("CloudFormation is comparing")
        time.sleep(poll_seconds(client))


def describe(client: Client, name: str, change: str) -> list[Change]:
    """Return all changes of a change set."""
    cloudformation = client("cloudformation")
    found: list[Change] = []
    more: dict[str, str] = {}
    while True:
        page = cloudformation.describe_change_set(StackName=name, ChangeSetName=change, **more)
        found += changes_of(page)
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


def discard(client: Client, name: str, change: str, *, existing: Mapping[str, Any] | None) -> None:
    """Delete a change set that is not executed. A stack that consists of it alone is deleted too; an existing stack stays."""
    cloudformation = client("cloudformation")
    cloudformation.delete_change_set(StackName=name, ChangeSetName=change)
    if existing is not None or cloudformation.list_change_sets(StackName=name)["Summaries"]:
        return
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    if stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        cloudformation.delete_stack(StackName=name)


def execute(client: Client, name: str, change: str, *, say: Say) -> None:
    """Execute a change set and wait for it. Raises OperationFailed with the reason of the first resource that failed."""
    before = event_ids(client, name)
    client("cloudformation").execute_change_set(StackName=name, ChangeSetName=change)
    until_complete(client, name, before, say)
