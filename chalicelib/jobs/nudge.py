"""Send the nudge of a job that was just stored.

ReconcileJobs finds every stored job (invariant 6). So a nudge that cannot be sent delays the job and is logged, and the request
has not failed.
"""

import logging
from collections.abc import Sequence

from chalicelib.jobs.model import Job
from chalicelib.jobs.ports import Queue

log = logging.getLogger(__name__)


def nudge_execute(queue: Queue, jobs: Sequence[Job]) -> None:
    try:
        queue.execute(jobs)
    except Exception:  # noqa: BLE001 -- whatever the queue's client raises
        _log_lost(jobs)


def nudge_confirm(queue: Queue, jobs: Sequence[Job]) -> None:
    try:
        queue.confirm([job.job_id for job in jobs], delay_seconds=0)
    except Exception:  # noqa: BLE001 -- whatever the queue's client raises
        _log_lost(jobs)


def _log_lost(jobs: Sequence[Job]) -> None:
    job_ids = [job.job_id for job in jobs]
    log.warning("a nudge could not be sent; ReconcileJobs will send another", extra={"jobIds": job_ids}, exc_info=True)
