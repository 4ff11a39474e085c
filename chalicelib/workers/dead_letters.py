"""Write into jobs that a message about them became a dead letter. A pending job fails after several dead letters."""

from collections.abc import Sequence

from chalicelib.errors import RowUnreadable, VersionConflict, WriteRefused
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Failure, Job, Status
from chalicelib.jobs.states import failed, with_event
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts

DEAD_LETTERED = "deadLettered"
DEAD_LETTERS_ALLOWED = 3
"""An outage may turn a nudge into a dead letter once or twice. A job with more dead letters is itself the cause."""
LOST_RACES_ALLOWED = 5


def record_dead_letter(job_ids: Sequence[str], reason: str, ports: WorkerPorts) -> None:
    """Add a line to the history of each open job. A pending job fails at its third dead letter, because it is not on chain.

    A job in flight stays open: only the chain can close it (invariant 4), and ReconcileJobs goes on with it. An error that
    another delivery may mend is raised after every job was tried.
    """
    failure: Exception | None = None
    for job_id in job_ids:
        try:
            _record(job_id, reason, ports)
        except (WriteRefused, RowUnreadable) as error:
            log_isolated("a dead letter could not be noted", job_id, error)
        except Exception as error:  # noqa: BLE001 -- an error of one job must not stop the others
            failure = error
    if failure is not None:
        raise failure


def _record(job_id: str, reason: str, ports: WorkerPorts) -> None:
    for _ in range(LOST_RACES_ALLOWED):
        job = ports.jobs.get(job_id)
        if job is None or not job.is_open or _is_noted(job, reason):
            return
        try:
            ports.jobs.save(_noted(job, reason, ports))
        except VersionConflict:
            continue
        return


def _is_noted(job: Job, reason: str) -> bool:
    """True if this dead letter was delivered before, and the worker died after it had noted it."""
    return any(event.event == DEAD_LETTERED and event.detail == reason for event in job.history)


def _noted(job: Job, reason: str, ports: WorkerPorts) -> Job:
    now = ports.clock()
    noted = with_event(job, now, DEAD_LETTERED, reason)
    since_retry = [event.event for event in noted.history]
    if "retried" in since_retry:
        since_retry = since_retry[len(since_retry) - since_retry[::-1].index("retried") :]
    if job.status is Status.PENDING and since_retry.count(DEAD_LETTERED) >= DEAD_LETTERS_ALLOWED:
        return failed(noted, Failure(FailCode.DEAD_LETTERED, reason), now)
    return noted
