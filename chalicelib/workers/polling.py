"""Polling: when a job in flight is read again, and the delayed messages that ask for it.

A poll reads from the chain what became of a job's transactions. The first poll is due when the transaction can be deep enough.
Later polls come a block apart at first, and further apart the longer nothing changes.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from chalicelib.errors import JobsApiError, RowTooNew, ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.settlement import is_reorged
from chalicelib.jobs.states import with_next_check
from chalicelib.networks import Network
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

LONGEST_POLL_SECONDS = 60
CHECK_AHEAD = timedelta(seconds=120)
CHECK_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Poll:
    """A job that is still open, and the seconds until its next poll."""

    job: Job
    delay_seconds: float


def first_poll_seconds(network: Network) -> float:
    """Return the seconds after which a sent transaction can be deep enough or, where that is sooner, counts as stuck."""
    return min(network.confirmations, network.stuck_after_blocks) * network.block_seconds


def poll_when_due(job: Job, ports: WorkerPorts) -> Poll:
    """Return the next poll of a job that is not mined. A job polls less often the longer nothing changes."""
    return Poll(job, _delay_seconds(job, ports.clock(), ports.network.block_seconds))


def _delay_seconds(job: Job, now: datetime, block_seconds: float) -> float:
    """Return a quarter of the time for which nothing changed: at least one block, at most LONGEST_POLL_SECONDS."""
    changed_at = job.updated_at if is_reorged(job) else job.attempt.latest.signed_at
    waited = (now - changed_at).total_seconds()
    return block_seconds * max(1, min(round(waited / 4 / block_seconds), LONGEST_POLL_SECONDS // block_seconds))


def poll_after_error(job: Job, error: Exception, ports: WorkerPorts) -> Poll:
    """Log the error of this job's step, and return the poll that tries again."""
    if isinstance(error, VersionConflict):
        return Poll(job, ports.network.block_seconds)  # another worker wrote the job: read it again soon
    if isinstance(error, JobsApiError):
        log.warning("a job could not be moved on", extra={"jobId": job.job_id, "code": error.code, "reason": error.message})
    else:
        log.error("a job could not be moved on", extra={"jobId": job.job_id}, exc_info=error)
    return poll_when_due(job, ports)


def send_polls(polls: Sequence[Poll], ports: WorkerPorts) -> None:
    """Send the messages of the next polls. Raises ServiceUnavailable when the table or the queue does not answer."""
    _move_next_checks(polls, ports)
    for delay_seconds, job_ids in by_delay({poll.job.job_id: poll.delay_seconds for poll in polls}):
        ports.queue.confirm(job_ids, delay_seconds)


def by_delay(delays: Mapping[str, float]) -> Iterator[tuple[int, list[str]]]:
    """Yield (whole seconds, job ids), the shortest delay first: jobs with the same delay share a message."""
    seconds = {job_id: ceil(delay) for job_id, delay in delays.items()}
    for delay in sorted(set(seconds.values())):
        yield delay, [job_id for job_id, its_delay in seconds.items() if its_delay == delay]


def _move_next_checks(polls: Sequence[Poll], ports: WorkerPorts) -> None:
    """Move the next check of each job behind its next poll, so that ReconcileJobs does not start a second chain of polls.

    A fresh job has no next check, and needs no such write.
    """
    now = ports.clock()
    for job, polled_at in ((poll.job, now + timedelta(seconds=poll.delay_seconds)) for poll in polls):
        if job.next_check_at is not None and job.next_check_at <= polled_at + CHECK_MARGIN / 2:
            try:
                ports.jobs.save(with_next_check(job, polled_at + CHECK_AHEAD))
            except (VersionConflict, RowTooNew):
                continue  # another worker moved the job on a moment ago, which serves as well
            except ServiceUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 -- an error of one job must not stop the jobs that are polled with it
                log_isolated("a poll could not be noted", job.job_id, error)
