"""Fetch one job. Issuers poll here, so this module uses no models: importing pydantic takes longer than answering."""

from typing import TYPE_CHECKING

from chalicelib.api.http.errors import invalid
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.api.http.values import text
from chalicelib.api.jobs.views import job_view
from chalicelib.errors import InvalidJobId
from chalicelib.jobs import fetch
from chalicelib.jobs.ids import JOB_ID
from chalicelib.jobs.model import Job

if TYPE_CHECKING:
    from chalicelib.api.jobs.replies import OneJobView


def fetch_by_id(request: Request) -> Reply:
    return one_job(request, fetch.fetch_job(job_id_in(request), request.principal, request.services))


def fetch_by_correlation_id(request: Request) -> Reply:
    try:
        correlation_id = text(request.path["correlation_id"])
    except ValueError as error:
        raise invalid([("correlationId", str(error))]) from None
    return one_job(request, fetch.fetch_by_correlation_id(correlation_id, request.principal, request.services))


# --- shared by every route about one job -------------------------------------------------------------------------------


def job_id_in(request: Request) -> str:
    """Return the job id in the path. Raises InvalidJobId for a text that cannot be one: a mistake of the client, not a 404."""
    job_id = request.path["job_id"]
    if not JOB_ID.fullmatch(job_id):
        raise InvalidJobId
    return job_id


def one_job(request: Request, job: Job) -> Reply:
    view: OneJobView = {"data": job_view(job, request.principal.owner)}
    return Reply(view)
