"""Polls: which open jobs confirm looks at again, and when."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.errors import JobsApiError, RowTooNew, ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.states import checked
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.poll_delays import by_delay
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

LONGEST_POLL_SECONDS = 60
CHECK_AHEAD = timedelta(seconds=120)
CHECK_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Polled:
    """A job that is still open, and in how many seconds it is to be looked at again."""

    job: Job
    delay: float


def patience(job: Job, ports: WorkerPorts) -> float:
    """Seconds until the next look at a job that is not mined: a block at first, longer the longer it takes."""
    return patience_after((ports.clock() - job.attempt.latest.signed_at).total_seconds(), ports.network.block_seconds)


def patience_after(waited: float, block_seconds: float) -> float:
    """Seconds until the next look at what has not changed for so many seconds."""
    return block_seconds * max(1, min(round(waited / 4 / block_seconds), LONGEST_POLL_SECONDS // block_seconds))


def after_error(job: Job, error: Exception, ports: WorkerPorts) -> Polled:
    """Its step has failed; the next look makes up for it."""
    if isinstance(error, VersionConflict):
        return Polled(job, ports.network.block_seconds)  # lost a race: read again before anything else
    if isinstance(error, JobsApiError):
        log.warning("a job could not be moved on", extra={"jobId": job.job_id, "code": error.code, "reason": error.message})
    else:
        log.error("a job could not be moved on", extra={"jobId": job.job_id}, exc_info=error)
    return Polled(job, patience(job, ports))


def poll_again(polled: Sequence[Polled], ports: WorkerPorts) -> None:
    """Send the next polls. Raises ServiceUnavailable when the table or the queue does not answer."""
    _keep_reconcile_away(polled, ports)
    for delay_seconds, again in by_delay({poll.job.job_id: poll.delay for poll in polled}):
        ports.queue.confirm(again, delay_seconds)


def _keep_reconcile_away(polled: Sequence[Polled], ports: WorkerPorts) -> None:
    """Their polls go on: tell reconcile, so that it does not start a second chain. Short-lived jobs need no such write."""
    now = ports.clock()
    for job, again in ((poll.job, now + timedelta(seconds=poll.delay)) for poll in polled):
        if job.next_check_at is not None and job.next_check_at <= again + CHECK_MARGIN / 2:
            try:
                ports.jobs.save(checked(job, again + CHECK_AHEAD))
            except (VersionConflict, RowTooNew):
                continue  # it was moved on a moment ago, which serves as well
            except ServiceUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 -- what is wrong with one job must not hold back those polled with it
                log_isolated("a poll could not be noted", job.job_id, error)
