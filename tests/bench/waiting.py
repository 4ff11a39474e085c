"""Wait for jobs to be final, by asking the API as their issuer would; nothing of it is counted."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.bench.api import Api

FINAL = frozenset({"succeeded", "failed", "cancelled"})
LOOK_SECONDS = 0.05


class NotInTime(RuntimeError):
    """What was waited for did not come."""


def until(what: str, condition: Callable[[], bool], seconds: float, pause: float = LOOK_SECONDS) -> None:
    """Raises NotInTime."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:.0f} s")
        time.sleep(pause)


def all_final(api: Api, jobs: Sequence[tuple[str, str]], seconds: float, pause: float = LOOK_SECONDS) -> list[dict[str, Any]]:
    """The jobs of (token, id), once each is final. Those issued last are asked for first: they are the last to be final."""
    final: dict[str, dict[str, Any]] = {}
    deadline = time.monotonic() + seconds
    for token, job_id in reversed(jobs):
        while (job := api.job(token, job_id))["status"] not in FINAL:
            if time.monotonic() > deadline:
                raise NotInTime(f"job {job_id} is {job['status']} after {seconds:.0f} s: {job['history']}")
            time.sleep(pause)
        final[job_id] = job
    return [final[job_id] for _, job_id in jobs]


def finished_at(job: Mapping[str, Any]) -> datetime:
    """When its final state was written, to the millisecond."""
    return datetime.fromisoformat(job["lastFinishedAt"])


def require_succeeded(jobs: Sequence[dict[str, Any]]) -> None:
    """A figure of jobs that failed says nothing. Raises RuntimeError with the first reason."""
    failed = [job for job in jobs if job["status"] != "succeeded"]
    if failed:
        why = failed[0].get("failReason", failed[0]["status"])
        raise RuntimeError(f"{len(failed)} of {len(jobs)} jobs did not succeed: {why}")
