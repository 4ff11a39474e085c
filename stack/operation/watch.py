"""Why jobs are open, read from their rows, and the latest errors, read from the logs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.jobs.model import IN_FLIGHT, Job
from stack.operation.tail import Line, key_of, matching, shortened

ERRORS = ("ERROR", '"Task timed out"', '"Runtime exited"')
"""Filter patterns. The service's own lines have a level; the lines of Lambda about a run that it ended have none."""


def why_open(job: Job) -> str:
    """Return what an open job waits for."""
    if job.status in IN_FLIGHT:
        latest = job.attempt.latest
        offered = f"{latest.fees.max_fee_per_gas / 10**9:g} gwei offered"
        return f"nonce {job.attempt.nonce}, {latest.hash} ({latest.purpose.value}, {offered}) is not final"
    return job.waits_because or "not signed yet"


def errors_since(logs: Any, groups: Mapping[str, str], since: datetime) -> list[Line]:
    """Return the errors that the functions have logged since then, in the order of time."""
    found: dict[str, Line] = {}
    for function, group in groups.items():
        for pattern in ERRORS:
            for event in matching(logs, group, since, pattern):
                at = datetime.fromtimestamp(event["timestamp"] / 1_000, UTC)
                found[key_of(group, event)] = Line(at, function, shortened(event["message"]))
    return sorted(found.values(), key=lambda line: line.at)
