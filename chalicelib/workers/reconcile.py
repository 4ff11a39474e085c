"""Reconcile: nudge open jobs that no message is on its way for (invariant 6). Runs every minute."""

import logging
import random
from datetime import timedelta

from chalicelib.backoff import doubled
from chalicelib.errors import RowTooNew, ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import IN_FLIGHT, Job
from chalicelib.jobs.states import with_next_check
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.sweep import sweep_jobs

log = logging.getLogger(__name__)

JOBS_PER_ROUND = 100
ROUNDS = 20
SHORTEST_PAUSE_SECONDS = 60
LONGEST_PAUSE_SECONDS = 900


def reconcile_jobs(ports: WorkerPorts) -> int:
    """Nudge every open job whose nextCheckAt has passed, and sweep the jobs that have none. Returns how many were nudged.

    Raises ServiceUnavailable when the table or the queue does not answer. The next minute tries again.
    """
    nudged = 0
    unwritable: set[str] = set()
    for _ in range(ROUNDS):
        limit = JOBS_PER_ROUND + len(unwritable)  # these stay due: the jobs behind them have a turn, too
        due = ports.jobs.due(ports.clock(), limit)
        claimed = [job for job in due if job.job_id not in unwritable and _claim(job, unwritable, ports)]
        ports.queue.execute([job for job in claimed if job.status not in IN_FLIGHT])
        ports.queue.confirm([job.job_id for job in claimed if job.status in IN_FLIGHT], delay_seconds=0)
        nudged += len(claimed)
        if len(due) < limit:
            break
    nudged += sweep_jobs(ports)
    if nudged:
        log.warning("nudged jobs that were left behind", extra={"count": nudged})
    return nudged


def _claim(job: Job, unwritable: set[str], ports: WorkerPorts) -> bool:
    """Move the job's next check, with exponential back-off and jitter. False if another worker has written the job.

    A job whose row cannot be written is nudged each minute, because its step may end it.
    """
    ceiling = doubled(SHORTEST_PAUSE_SECONDS, job.checks, LONGEST_PAUSE_SECONDS)
    pause = timedelta(seconds=random.uniform(ceiling / 2, ceiling))  # nosec B311 # noqa: S311 -- jitter
    try:
        ports.jobs.save(with_next_check(job, ports.clock() + pause))
    except VersionConflict:
        return False
    except ServiceUnavailable as error:
        if not isinstance(error, RowTooNew):
            raise
        return False  # a newer version of this service has written it
    except Exception as error:  # noqa: BLE001 -- an error of one job must not stop the others (invariant 12)
        log_isolated("a job could not be claimed", job.job_id, error)
        unwritable.add(job.job_id)
    return True
