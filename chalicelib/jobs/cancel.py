"""Cancel a job: at once while it is pending, and by a cancel transaction at its nonce afterwards."""

from chalicelib.errors import JobNotCancellable, VersionConflict
from chalicelib.jobs.api_ports import ApiPorts
from chalicelib.jobs.fetch import fetch_job
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.nudge import nudge_confirm
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.states import cancel_requested, cancelled

LOST_RACES_ALLOWED = 5


def cancel_job(job_id: str, principal: Principal, ports: ApiPorts) -> Job:
    """pending → cancelled; started → cancelRequested, and the chain decides. A repeated request has the same answer.

    Raises JobNotFound, and JobNotCancellable for a job that succeeded or failed.
    """
    for _ in range(LOST_RACES_ALLOWED):
        job = fetch_job(job_id, principal, ports)
        try:
            if job.status is Status.PENDING:
                return ports.jobs.save(cancelled(job, ports.clock()))
            if job.status is Status.STARTED:
                job = ports.jobs.save(cancel_requested(job, ports.clock()))
                nudge_confirm(ports.queue, [job])
                return job
        except VersionConflict:
            continue  # a worker was faster: read the job again
        if job.status in (Status.CANCELLED, Status.CANCEL_REQUESTED):
            return job
        raise JobNotCancellable(f"Only a pending or started job can be cancelled; this one is {job.status}.")
    raise JobNotCancellable("The job is changing too fast to be cancelled just now: try again.")
