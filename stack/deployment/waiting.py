"""Waiting for an operation of CloudFormation on a stack, by the stack's events.

The stack's status does not tell whether an operation has begun. For some seconds it may be that of the operation before, such
as UPDATE_COMPLETE or DELETE_FAILED, or REVIEW_IN_PROGRESS of a new stack. So the events are read: the first new one begins the
operation, and a new event of the stack itself ends it.
"""

import time
from collections.abc import Collection, Mapping
from typing import Any

from botocore.exceptions import ClientError

from stack.aws import Client
from stack.errors import StackError
from stack.progress import Say

PROGRESS_SECONDS = 2.0
BEGIN_SECONDS = 300.0
"""CloudFormation usually begins within seconds. After this long without an event, waiting ends with an error."""
SUCCEEDED = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
STACK = "AWS::CloudFormation::Stack"
DELETE_SKIPPED = "DELETE_SKIPPED"
"""The status of a resource that a rollback or a deletion leaves where it is, because its DeletionPolicy says so."""

Event = Mapping[str, Any]
"""An event as DescribeStackEvents has it."""


class OperationFailed(StackError):
    """The operation failed. `left` has the resources that it made and that are now outside of the stack: logical → physical
    ids.
    """

    def __init__(self, message: str, left: Mapping[str, str]) -> None:
        super().__init__(message)
        self.left = left


def stack_of(client: Client, name: str) -> dict[str, Any] | None:
    """Return the stack as CloudFormation describes it; None when it does not exist or consists of change sets alone."""
    stack = _described(client, name)
    return None if stack is None or stack["StackStatus"] in {"REVIEW_IN_PROGRESS", "DELETE_COMPLETE"} else stack


def event_ids(client: Client, name: str) -> set[str]:
    """Return the ids of the stack's events so far; empty when the stack does not exist."""
    return {event["EventId"] for event in _events(client, name, ())}


def until_complete(client: Client, name: str, before: Collection[str], say: Say) -> None:
    """Wait until the operation that was asked for after the events `before` has succeeded, and the stack's status says so.

    Raises OperationFailed with the reason of the first resource that failed.
    """
    progress = _Progress(client, say)
    while True:
        events = _events(client, name, before)
        status = _status(events)
        if status in SUCCEEDED:
            stack = _described(client, name)  # the status and the outputs may lag behind the event
            if stack is not None and stack["StackStatus"] in SUCCEEDED:
                return
        elif status is not None and not status.endswith("IN_PROGRESS"):
            raise OperationFailed(f"Stack {name} ended as {status}: {_first_failure(events)}", _left(events))
        progress.pause(status, events)


def until_gone(client: Client, stack_id: str, before: Collection[str], say: Say) -> None:
    """Wait until the stack whose deletion was asked for after the events `before` does not exist.

    `stack_id` is not its name: CloudFormation finds a deleted stack by its id alone. Raises OperationFailed with the reason
    when the deletion failed.
    """
    progress = _Progress(client, say)
    while stack_of(client, stack_id) is not None:
        events = _events(client, stack_id, before)
        status = _status(events)
        if status == "DELETE_FAILED":
            raise OperationFailed(f"The stack could not be deleted: {_first_failure(events)}", _left(events))
        progress.pause(status, events)


def poll_seconds(client: Client) -> float:
    """Return the seconds between two polls: few for the emulator, which answers at once, more for AWS, which throttles."""
    return 0.1 if "127.0.0.1" in client("cloudformation").meta.endpoint_url else 2.0


class _Progress:
    """Waits between two polls, and says every few seconds what CloudFormation did last."""

    def __init__(self, client: Client, say: Say) -> None:
        self._client = client
        self._say = say
        self._began = self._spoke = time.monotonic()

    def pause(self, status: str | None, events: list[Event]) -> None:
        now = time.monotonic()
        if not events and now - self._began > BEGIN_SECONDS:
            raise StackError(f"CloudFormation has accepted this, but done nothing for {BEGIN_SECONDS:.0f} s: see its console.")
        if now - self._spoke > PROGRESS_SECONDS:
            self._spoke = now
            last = [f"{event['LogicalResourceId']} {_words(event['ResourceStatus'])}" for event in events[:1]]
            self._say(f"{_words(status or 'asked for')}: {last[0] if last else 'nothing has happened yet'}")
        time.sleep(poll_seconds(self._client))


def _described(client: Client, name: str) -> dict[str, Any] | None:
    try:
        stack: dict[str, Any] = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if _does_not_exist(error):
            return None
        raise
    return stack


def _events(client: Client, name: str, before: Collection[str]) -> list[Event]:
    """Return the events that are not in `before`, newest first; empty when the stack does not exist."""
    found: list[Event] = []
    try:
        for page in client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name):
            found += [event for event in page["StackEvents"] if event["EventId"] not in before]
            if any(event["EventId"] in before for event in page["StackEvents"]):
                break
    except ClientError as error:
        if not _does_not_exist(error):
            raise
    return found


def _does_not_exist(error: ClientError) -> bool:
    return "does not exist" in error.response["Error"].get("Message", "")


def _status(events: list[Event]) -> str | None:
    """Return the status in the newest event of the stack itself; None when it has no event yet."""
    own = (one for one in events if one["ResourceType"] == STACK and one["LogicalResourceId"] == one["StackName"])
    newest = next(own, None)
    return None if newest is None else str(newest["ResourceStatus"])


def _first_failure(events: list[Event]) -> str:
    failed = [event for event in reversed(events) if event["ResourceStatus"].endswith("FAILED")]
    first = [event for event in failed if "cancelled" not in event.get("ResourceStatusReason", "").lower()] or failed
    if not first:
        return "CloudFormation gives no reason."
    return f"{first[0]['LogicalResourceId']}: {first[0].get('ResourceStatusReason', 'no reason given')}"


def _left(events: list[Event]) -> dict[str, str]:
    skipped = (one for one in reversed(events) if one["ResourceStatus"] == DELETE_SKIPPED and one.get("PhysicalResourceId"))
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in skipped}


def _words(status: str) -> str:
    return status.lower().replace("_", " ")
