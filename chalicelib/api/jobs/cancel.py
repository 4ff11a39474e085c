"""Cancel a job."""

from chalicelib.api.endpoint import Call
from chalicelib.api.jobs.fetch import job_id_in, one_job
from chalicelib.api.wire import Reply
from chalicelib.jobs.cancel import cancel_job


def cancel(call: Call) -> Reply:
    return one_job(call, cancel_job(job_id_in(call), call.principal, call.services))
