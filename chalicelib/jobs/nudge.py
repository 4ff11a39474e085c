"""Nudges sent by whoever has just written a job. The write is what counts (invariant 9): from it on, reconcile finds the job,
so a nudge that cannot be sent is a delay in the log, never a reason to answer that the request failed.
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
    log.warning(
        "a nudge could not be sent; reconcile will send it", extra={"jobIds": [job.job_id for job in jobs]}, exc_info=True
    )
