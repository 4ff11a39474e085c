"""How many runs of the workers fit an AWS account: Lambda's quota is read, and a new stack is given what fits.

SQS goes on receiving when Lambda refuses to run a function, and each refusal uses up one of a message's five receives. So
workers that are allowed more runs than the account has make dead letters of messages that nothing is wrong with.
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
"""What the template takes for a parameter that is empty."""
SOURCES: Mapping[str, int] = {EXECUTE: 1, CONFIRM: 1, DEAD_LETTER: 2}
"""How many queues' triggers a parameter limits, each of them by itself."""
RESERVING = ("ApiConcurrency", "ReconcileConcurrency")
"""What these reserve, the workers cannot have."""
LEAST = 2
"""Lambda accepts no lower MaximumConcurrency of a trigger."""
SMALLEST_QUOTA = 10
"""Of a new AWS account."""
OTHERS_SHARE = 0.4
"""Of the runs, for the API, reconcile, and whatever else is in the account."""
OTHERS_LEAST = 2


@dataclass(frozen=True, slots=True)
class Quota:
    """Of an AWS account in a region."""

    runs: int
    """Executions of all functions at once."""
    unreserved: int
    """Those of them that no function has reserved."""


def quota_of(client: Client) -> Quota | None:
    """None when whoever deploys may not read it (lambda:GetAccountSettings)."""
    try:
        limit = client("lambda").get_account_settings()["AccountLimit"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"AccessDenied", "AccessDeniedException"}:
            raise
        return None
    return Quota(limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"])


def fitting(unreserved: int, given: Mapping[str, str]) -> dict[str, int]:
    """Each worker's concurrency in an account with so many runs. A `given` one stays; the others get at most their default."""
    chosen = {name: int(given[name]) for name in DEFAULTS if given.get(name)}
    chosen.setdefault(DEAD_LETTER, DEFAULTS[DEAD_LETTER])
    left = unreserved - sum(int(given[name]) for name in RESERVING if given.get(name))
    left -= max(ceil(left * OTHERS_SHARE), OTHERS_LEAST) + _total(chosen)
    open_ = [name for name in DEFAULTS if name not in chosen]
    return chosen | {name: min(max(left // len(open_), LEAST), DEFAULTS[name]) for name in open_}


def for_new_stack(client: Client, given: Mapping[str, str], say: Say) -> dict[str, str]:
    """The parameters that a new stack needs so that its workers fit the account; says which they are. Empty when all fit."""
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
    """Say it when the workers of a stack do not fit the account. The stack keeps the values that it has."""
    quota = quota_of(client)
    if quota is not None:
        _warn(quota, {name: int(parameters.get(name) or default) for name, default in DEFAULTS.items()}, say)


def parameters_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """As DescribeStacks has them."""
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
