"""The concurrency of the workers: how many runs of them fit into the quota of an AWS account.

SQS goes on receiving while Lambda refuses to run a function, and each refusal uses up one of a message's five receives. So
workers that may run more often than the account allows turn good messages into dead letters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from botocore.exceptions import ClientError

from stack.aws import Client
from stack.progress import Say

EXECUTE, CONFIRM, DEAD_LETTER = "ExecuteConcurrency", "ConfirmConcurrency", "DeadLetterConcurrency"
DEFAULTS: Mapping[str, int] = {EXECUTE: 10, CONFIRM: 10, DEAD_LETTER: 2}
"""The template's values for parameters that are empty."""
SOURCES: Mapping[str, int] = {EXECUTE: 1, CONFIRM: 1, DEAD_LETTER: 2}
"""How many event source mappings have each parameter as their limit."""
RESERVING = ("ApiConcurrency", "ReconcileConcurrency")
"""Parameters that reserve runs for other functions."""
LEAST = 2
"""The lowest MaximumConcurrency that Lambda accepts for an event source mapping."""
SMALLEST_QUOTA = 10
"""Runs at once in a new AWS account."""
OTHERS_SHARE = 0.4
"""The part of the runs that is left to the API, to ReconcileJobs, and to other functions of the account."""
OTHERS_LEAST = 2


@dataclass(frozen=True, slots=True)
class Quota:
    """Lambda's quota of an AWS account in a region."""

    runs: int
    """How many functions may run at once."""
    unreserved: int
    """How many of these runs no function has reserved."""


def quota_of(client: Client) -> Quota | None:
    """Return the quota, or None when the caller may not read it (lambda:GetAccountSettings)."""
    try:
        limit = client("lambda").get_account_settings()["AccountLimit"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        return None
    return Quota(limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"])


def fitting(unreserved: int, given: Mapping[str, str]) -> dict[str, int]:
    """Return each worker's concurrency for `unreserved` runs. Values in `given` stay; others get at most their default."""
    chosen = {name: int(given[name]) for name in DEFAULTS if given.get(name)}
    chosen.setdefault(DEAD_LETTER, DEFAULTS[DEAD_LETTER])
    left = unreserved - sum(int(given[name]) for name in RESERVING if given.get(name))
    left -= max(ceil(left * OTHERS_SHARE), OTHERS_LEAST) + _total(chosen)
    open_ = [name for name in DEFAULTS if name not in chosen]
    return chosen | {name: min(max(left // len(open_), LEAST), DEFAULTS[name]) for name in open_}


def for_new_stack(client: Client, given: Mapping[str, str], say: Say) -> dict[str, str]:
    """Return the parameters that make the workers of a new stack fit the account; empty when the defaults fit. Says which."""
    quota = quota_of(client)
    chosen = fitting(quota.unreserved if quota else SMALLEST_QUOTA, given)
    found = {name: str(value) for name, value in chosen.items() if not given.get(name) and value != DEFAULTS[name]}
    if quota is None:
        say(f"Lambda's quota may not be read (lambda:GetAccountSettings), so the smallest is assumed: {SMALLEST_QUOTA} runs")
    if found:
        runs = quota.unreserved if quota else SMALLEST_QUOTA
        words = ", ".join(f"{name}={value}" for name, value in found.items())
        say(f"This AWS account has {runs} runs of functions at once for all that reserve none, so this stack gets {words}")
    if quota is not None:
        _warn(quota, chosen, say)
    return found


def check_existing(client: Client, parameters: Mapping[str, str], say: Say) -> None:
    """Warn when the workers of an existing stack do not fit the account. The stack keeps its values."""
    quota = quota_of(client)
    if quota is not None:
        _warn(quota, {name: int(parameters.get(name) or default) for name, default in DEFAULTS.items()}, say)


def parameters_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of a stack as DescribeStacks has it."""
    return {one["ParameterKey"]: one["ParameterValue"] for one in stack.get("Parameters", [])}


def _warn(quota: Quota, chosen: Mapping[str, int], say: Say) -> None:
    if _total(chosen) + OTHERS_LEAST <= quota.unreserved:
        return
    words = ", ".join(f"{name}={value}" for name, value in chosen.items())
    say(
        f"The workers may run {_total(chosen)} times at once ({words}), and the API needs {OTHERS_LEAST} runs, but this AWS "
        f"account has {quota.unreserved} left: raise Lambda's quota (Service Quotas console), or give lower ones by PARAMETERS"
    )


def _total(chosen: Mapping[str, int]) -> int:
    return sum(value * SOURCES[name] for name, value in chosen.items())
