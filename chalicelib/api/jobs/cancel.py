"""Cancel a job."""

from chalicelib.api.http.reply import Reply
from chalicelib.api.http.routing import Call
from chalicelib.api.jobs.fetch import job_id_in, one_job
from chalicelib.jobs.cancel import cancel_job


def cancel(call: Call) -> Reply:
    services = call.services
    job = cancel_job(job_id_in(call), call.principal, jobs=services.jobs, queue=services.queue, clock=services.clock)
    return one_job(call, job)
