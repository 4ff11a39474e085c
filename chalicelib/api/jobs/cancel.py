"""Cancel a job."""

from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.api.jobs.fetch import job_id_in, one_job
from chalicelib.jobs.cancel import cancel_job


def cancel(request: Request) -> Reply:
    return one_job(request, cancel_job(job_id_in(request), request.principal, request.services))
