"""Stop a stack and start it again, without a deployment. A halted stack accepts, signs and confirms nothing."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from stack.deployment.deploy import deployed_template
from stack.deployment.waiting import PROGRESS_SECONDS, poll_seconds
from stack.operation.target import Target
from stack.progress import Say

MAPPING = "AWS::Lambda::EventSourceMapping"
RULE = "AWS::Events::Rule"
API = "APIHandler"


def halt(target: Target, say: Say) -> None:
    """Stop the stack, and return when none of its functions runs. Accepted jobs stay in the tables and queues."""
    functions = target.client("lambda")
    say("The API answers 5xx from now on")
    functions.put_function_concurrency(FunctionName=target.resource(API), ReservedConcurrentExecutions=0)
    _set_schedule(target, enabled=False)
    _set_mappings(target, "Disabled", say)
    longest = max(
        functions.get_function_configuration(FunctionName=name)["Timeout"]
        for name in target.of_type("AWS::Lambda::Function").values()
    )
    say(f"What runs already has {longest} s at most")
    until = time.monotonic() + longest
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, PROGRESS_SECONDS))
        if left > PROGRESS_SECONDS:
            say(f"{left - PROGRESS_SECONDS:.0f} s")
    say(f"{target.name} has come to a stop: `make resume` sets it going again")


def resume(target: Target, say: Say) -> None:
    """Start the stack: set everything that `halt` changed to what the template says."""
    functions = target.client("lambda")
    reserved = _reserved(target)
    if reserved is None:
        functions.delete_function_concurrency(FunctionName=target.resource(API))
    else:
        functions.put_function_concurrency(FunctionName=target.resource(API), ReservedConcurrentExecutions=reserved)
    _set_mappings(target, "Enabled", say)
    _set_schedule(target, enabled=True)
    say(f"{target.name} goes on")


def is_halted(target: Target) -> bool:
    """Return true when no queue triggers a function and the API may not run."""
    functions = target.client("lambda")
    states = {functions.get_event_source_mapping(UUID=id_)["State"] for id_ in target.of_type(MAPPING).values()}
    reserved = functions.get_function_concurrency(FunctionName=target.resource(API)).get("ReservedConcurrentExecutions")
    return states <= {"Disabled"} and reserved == 0


def _set_mappings(target: Target, state: str, say: Say) -> None:
    functions = target.client("lambda")
    ids = target.of_type(MAPPING).values()
    for id_ in ids:
        functions.update_event_source_mapping(UUID=id_, Enabled=state == "Enabled")
    spoke = time.monotonic()
    while any(functions.get_event_source_mapping(UUID=id_)["State"] != state for id_ in ids):
        if time.monotonic() - spoke > PROGRESS_SECONDS:
            spoke = time.monotonic()
            say(f"The queues are being {'connected' if state == 'Enabled' else 'cut off'}")
        time.sleep(poll_seconds(target.client))


def _set_schedule(target: Target, *, enabled: bool) -> None:
    events = target.client("events")
    for rule in target.of_type(RULE).values():
        (events.enable_rule if enabled else events.disable_rule)(Name=rule.rpartition("|")[2])


def _reserved(target: Target) -> int | None:
    """Return the runs that the template reserves for the API, or None where it reserves none."""
    resource: dict[str, Any] = deployed_template(target.client, target.name)["Resources"].get(API, {})
    reserved = resource.get("Properties", {}).get("ReservedConcurrentExecutions")
    stack = target.client("cloudformation").describe_stacks(StackName=target.name)["Stacks"][0]
    given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in stack.get("Parameters", [])}
    return reserved_by(reserved, given)


def reserved_by(expression: Any, given: Mapping[str, str]) -> int | None:
    """Return the number that a template's expression gives with these parameters, or None when it gives no number."""
    value = next((found for found in _values(expression, given) if found), "")
    return int(value) if value else None


def _values(expression: Any, given: Mapping[str, str]) -> Iterator[str]:
    """Return the values that an expression may give. Example: If(condition, Ref(parameter), NoValue)."""
    match expression:
        case int() | str():
            yield str(expression) if str(expression).isdecimal() else ""
        case {"Ref": name}:
            yield given.get(str(name), "")
        case {"Fn::If": [_, *branches]}:
            for branch in branches:
                yield from _values(branch, given)
