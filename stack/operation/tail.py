"""Follow one job: the events in its history and its log lines, in the order of time."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.jobs.ids import JOB_ID
from chalicelib.jobs.model import Job
from chalicelib.jobs.stores import JobStore
from stack.errors import StackError

POLL_SECONDS = 1.0
QUIET_SECONDS = 5.0
"""After this long without a line, a line says that the job is still open."""
LATE_SECONDS = 15
"""CloudWatch may show a line this long after it was written."""
LAST_LOOKS = 3
"""How often the logs are read after the job is final."""
_IN_EVERY_LINE = frozenset(
    {
        *("time", "timestamp", "level", "logger", "message", "location", "service", "stack", "jobId", "correlationId"),
        *("function_name", "function_arn", "function_memory_size", "function_request_id", "cold_start", "xray_trace_id"),
    }
)
_METRIC = "_aws"
"""The key in lines from which CloudWatch makes metrics (the embedded metric format)."""
_LONGEST_FIELD = 120


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    source: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}.{self.at.microsecond // 1000:03}  {self.source:18} {self.text}"


def find(jobs: JobStore, wanted: str) -> Job:
    """Find a job by its id or its correlationId. Raises StackError when no job has it, or jobs of several issuers have it."""
    job = jobs.get(wanted) if JOB_ID.fullmatch(wanted) else None
    found = [job] if job else jobs.find_by_correlation_id(wanted)
    if not found:
        raise StackError(f"There is no job with the id or the correlationId {wanted!r}.")
    if len(found) > 1:
        ids = ", ".join(one.job_id for one in found)
        raise StackError(f"{len(found)} issuers have a job with the correlationId {wanted!r}: {ids}. Give one of the ids.")
    return found[0]


def follow(
    job: Job,
    jobs: JobStore,
    logs: Any,
    log_groups: Mapping[str, str],
    *,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """Return lines to print as they come, until the job is final. `log_groups`: the functions' names → their log groups."""
    yield f"job {job.job_id} of {job.owner} on {job.account} ({job.name}): {job.status.value}"
    seen: set[str] = set()
    since = job.created_at - timedelta(seconds=5)
    spoke, began, looks = monotonic(), monotonic(), 0
    while True:
        looked_at = datetime.now(UTC)
        current = jobs.get(job.job_id) or job
        lines = [*_history(current, seen), *_logged(job.job_id, logs, log_groups, since, seen)]
        since = max(since, looked_at - timedelta(seconds=LATE_SECONDS))
        for line in sorted(lines, key=lambda line: line.at):
            spoke = monotonic()
            yield str(line)
        if not current.is_open:
            looks += 1
            if looks == LAST_LOOKS:
                yield f"job {job.job_id}: {current.status.value}{f' ({current.failure.reason})' if current.failure else ''}"
                return
        elif monotonic() - spoke > QUIET_SECONDS:
            spoke = monotonic()
            why = f": {current.waits_because}" if current.waits_because else ""
            yield f"… still {current.status.value} after {monotonic() - began:.0f} s{why}"
        sleep(POLL_SECONDS)


def _history(job: Job, seen: set[str]) -> Iterator[Line]:
    """Return the new events of the history. They are compared by content: a long history loses events in its middle."""
    for event in job.history:
        key = f"{event.at.isoformat()} {event.event} {event.detail}"
        if key not in seen:
            seen.add(key)
            yield Line(event.at, "history", f"{event.event}{f'  {event.detail}' if event.detail else ''}")


def _logged(job_id: str, logs: Any, groups: Mapping[str, str], since: datetime, seen: set[str]) -> Iterator[Line]:
    for function, group in groups.items():
        for event in matching(logs, group, since, f'"{job_id}"'):
            key = key_of(group, event)
            if key not in seen and f'"{_METRIC}"' not in event["message"]:
                seen.add(key)
                yield Line(datetime.fromtimestamp(event["timestamp"] / 1_000, UTC), function, shortened(event["message"]))


def matching(logs: Any, group: str, since: datetime, pattern: str) -> list[Mapping[str, Any]]:
    """Return the events of a log group that match a filter pattern of CloudWatch; none when the group does not exist yet."""
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(since.timestamp() * 1_000), filterPattern=pattern
    )
    try:
        return [event for page in pages for event in page["events"]]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return []


def key_of(group: str, event: Mapping[str, Any]) -> str:
    """Return what identifies a log event. The emulator gives events no ids."""
    return str(event.get("eventId") or f"{group} {event['logStreamName']} {event['timestamp']} {event['message']}")


def shortened(message: str) -> str:
    """Return the fields of a JSON line that not every line has. A line that is not JSON is returned as it is."""
    try:
        fields = json.loads(message)
    except ValueError:
        return message.strip()
    if not isinstance(fields, dict):
        return message.strip()
    own = {name: value for name, value in fields.items() if name not in _IN_EVERY_LINE and value not in (None, "", [], {})}
    words = [f"{name}={str(value)[:_LONGEST_FIELD]}" for name, value in own.items() if name != "exception"]
    level = fields.get("level", "")
    return "  ".join([f"{'' if level in ('INFO', '') else level + ' '}{fields.get('message', '')}", *words])


def log_groups(client: Any, functions: Mapping[str, str]) -> dict[str, str]:
    """Return logical name → log group of the functions. `client` is Lambda's; `functions`: logical → physical names."""
    groups: dict[str, str] = {}
    for logical, physical in functions.items():
        configuration = client.get_function_configuration(FunctionName=physical)
        groups[logical] = configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{physical}"
    return groups
