"""Cancel a job: at once while nothing is signed; afterwards by asking for a cancel transaction at its nonce."""

from chalicelib.errors import JobNotCancellable, VersionConflict
from chalicelib.jobs.fetch import fetch_job
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.nudge import nudge_confirm
from chalicelib.jobs.ports import Clock, Queue
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.states import cancel_requested, cancelled
from chalicelib.jobs.stores import JobStore

LOST_RACES_ALLOWED = 5


def cancel_job(job_id: str, principal: Principal, *, jobs: JobStore, queue: Queue, clock: Clock) -> Job:
    """pending → cancelled; started → cancelRequested, decided by what is mined; asked again, the same answer.

    Raises JobNotFound, and JobNotCancellable for a job that succeeded or failed.
    """
    for _ in range(LOST_RACES_ALLOWED):
        job = fetch_job(job_id, principal, jobs=jobs)
        try:
            if job.status is Status.PENDING:
                return jobs.save(cancelled(job, clock()))
            if job.status is Status.STARTED:
                job = jobs.save(cancel_requested(job, clock()))
                nudge_confirm(queue, [job])
                return job
        except VersionConflict:
            continue  # a worker was faster: what is true now decides
        if job.status in (Status.CANCELLED, Status.CANCEL_REQUESTED):
            return job
        raise JobNotCancellable(f"Only a pending or started job can be cancelled; this one is {job.status}.")
    raise JobNotCancellable("The job is changing too fast to be cancelled just now: try again.")
