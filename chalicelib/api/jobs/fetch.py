"""Fetch one job. Issuers poll here: without models, and so without pydantic, which takes longer to load than to answer."""

from typing import TYPE_CHECKING

from chalicelib.api.endpoint import Call
from chalicelib.api.errors import invalid
from chalicelib.api.values import text
from chalicelib.api.views import job_view
from chalicelib.api.wire import Reply
from chalicelib.errors import InvalidJobId
from chalicelib.jobs import fetch
from chalicelib.jobs.ids import JOB_ID
from chalicelib.jobs.model import Job

if TYPE_CHECKING:
    from chalicelib.api.replies import OneJobView


def fetch_by_id(call: Call) -> Reply:
    return one_job(call, fetch.fetch_job(job_id_in(call), call.principal, call.services))


def fetch_by_correlation_id(call: Call) -> Reply:
    try:
        correlation_id = text(call.path["correlation_id"])
    except ValueError as error:
        raise invalid([("correlationId", str(error))]) from None
    return one_job(call, fetch.fetch_by_correlation_id(correlation_id, call.principal, call.services))


# --- what everything that is about one job shares ----------------------------------------------------------------------


def job_id_in(call: Call) -> str:
    """What cannot be an id is told apart from what is none (404): it is a mistake in the client. Raises InvalidJobId."""
    job_id = call.path["job_id"]
    if not JOB_ID.fullmatch(job_id):
        raise InvalidJobId
    return job_id


def one_job(call: Call, job: Job) -> Reply:
    view: OneJobView = {"data": job_view(job, call.principal.owner)}
    return Reply(view)
