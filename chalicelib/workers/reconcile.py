"""Reconcile: nudge again whatever is open and was left behind (invariant 6). Runs every minute."""

import logging
import random
from datetime import timedelta

from chalicelib.errors import VersionConflict
from chalicelib.jobs.model import IN_FLIGHT, Job
from chalicelib.jobs.states import checked
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.sweep import sweep_jobs

log = logging.getLogger(__name__)

JOBS_PER_ROUND = 100
ROUNDS = 20
SHORTEST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 900


def reconcile_jobs(ports: WorkerPorts) -> int:
    """Nudge every open job whose nextCheckAt has passed, each at its own pace, and sweep up those that nobody looks after yet.
    Returns how many were nudged.

    Raises ServiceUnavailable when the table or the queue does not answer; the next minute tries again.
    """
    nudged = 0
    for _ in range(ROUNDS):
        due = ports.jobs.due(ports.clock(), JOBS_PER_ROUND)
        claimed = [job for job in (_claim(job, ports) for job in due) if job is not None]
        ports.queue.execute([job for job in claimed if job.status not in IN_FLIGHT])
        ports.queue.confirm([job.job_id for job in claimed if job.status in IN_FLIGHT], delay_seconds=0)
        nudged += len(claimed)
        if len(due) < JOBS_PER_ROUND:
            break
    nudged += sweep_jobs(ports)
    if nudged:
        log.warning("nudged jobs that were left behind", extra={"count": nudged})
    return nudged


def _claim(job: Job, ports: WorkerPorts) -> Job | None:
    """Put the next look off, exponentially and with jitter: a job that cannot move does not spin. None: lost the race."""
    ceiling = min(SHORTEST_PAUSE_SECONDS * 2 ** min(job.checks, 10), LONGEST_PAUSE_SECONDS)
    pause = timedelta(seconds=random.uniform(ceiling / 2, ceiling))  # nosec B311 # noqa: S311 -- jitter
    try:
        return ports.jobs.save(checked(job, ports.clock() + pause))
    except VersionConflict:
        return None
