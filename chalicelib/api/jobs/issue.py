"""Issue a job."""

from typing import TYPE_CHECKING

from chalicelib.api.endpoint import Call
from chalicelib.api.errors import invalid
from chalicelib.api.requests import IssueBody
from chalicelib.api.views import job_view
from chalicelib.api.wire import Reply
from chalicelib.errors import FeeLimitTooLow
from chalicelib.jobs.ids import derived_job_id
from chalicelib.jobs.issue import Issued, issue_job

if TYPE_CHECKING:
    from chalicelib.api.replies import IssuedView


def issue(call: Call) -> Reply:
    services = call.services
    body = IssueBody.parse(call.body)
    request = body.job_request(services.network, services.chain_id)
    if body.valid_until is not None and body.valid_until <= services.clock() and not _already_issued(call, body):
        raise invalid([("validUntil", "validUntil is in the past: nothing was issued.")])
    limit, least = body.max_fee_per_gas, services.parts.settings.network.least_price
    if limit is not None and limit < least and not _already_issued(call, body):
        raise FeeLimitTooLow(limit, least)
    return issued_reply(issue_job(request, call.principal, services))


def issued_reply(issued: Issued) -> Reply:
    """To its owner: 201 with a new job; 200 and `Idempotent-Replayed` with one that was there already."""
    view: IssuedView = {"job": job_view(issued.job, issued.job.owner)}
    return Reply(view, 200, {"Idempotent-Replayed": "true"}) if issued.replayed else Reply(view, 201)


def _already_issued(call: Call, body: IssueBody) -> bool:
    """True if the correlationId names a job: a request repeated because its first answer was lost still has that answer."""
    if body.correlation_id is None:
        return False
    return call.services.jobs.get(derived_job_id(call.principal.owner, body.correlation_id)) is not None
