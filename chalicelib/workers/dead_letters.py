"""Dead letters: what could not be handled is written into the jobs it was about, and, where that is safe, ends them."""

from collections.abc import Sequence

from chalicelib.errors import RowUnreadable, VersionConflict, WriteRefused
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Failure, Job, Status
from chalicelib.jobs.states import failed, with_event
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts

DEAD_LETTERED = "deadLettered"
DEAD_LETTERS_ALLOWED = 3
"""An outage may dead-letter a nudge once or twice, and reconcile sends another; a job that does it again is poison itself."""
LOST_RACES_ALLOWED = 5


def record_dead_letter(job_ids: Sequence[str], reason: str, ports: WorkerPorts) -> None:
    """Note it in the history of each job that is still open. A pending one that keeps doing it fails: it is not on chain.

    One in flight stays open, whatever happens: only the chain can close it (invariant 4), and reconcile goes on with it.
    Raises what another delivery may mend, after every job was tried.
    """
    failure: Exception | None = None
    for job_id in job_ids:
        try:
            _record(job_id, reason, ports)
        except (WriteRefused, RowUnreadable) as error:
            log_isolated("a dead letter could not be noted", job_id, error)
        except Exception as error:  # noqa: BLE001 -- what is wrong with one job must not keep the others from being told
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
    """The same dead letter, delivered again: the worker died after it had noted it."""
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
