"""Issue a job."""

from typing import TYPE_CHECKING

from chalicelib.api.http.errors import invalid
from chalicelib.api.http.reply import Reply
from chalicelib.api.http.request import Request
from chalicelib.api.jobs.bodies import IssueBody
from chalicelib.api.jobs.views import job_view
from chalicelib.errors import FeeLimitTooLow
from chalicelib.jobs.ids import derived_job_id
from chalicelib.jobs.issue import Issued, NewJob, issue_job, signing_account

if TYPE_CHECKING:
    from chalicelib.api.jobs.replies import IssuedView

TRANSACTION_JOB = "transaction"
"""The name of the jobs issued here."""


def issue(request: Request) -> Reply:
    services = request.services
    body = IssueBody.parse(request.body)
    transaction = body.transaction(services.network)
    if body.valid_until is not None and body.valid_until <= services.clock() and not _already_issued(request, body):
        raise invalid([("validUntil", "validUntil is in the past: send a later time. Nothing was issued.")])
    limit, least = body.max_fee_per_gas, services.parts.settings.network.least_price
    if limit is not None and limit < least and not _already_issued(request, body):
        raise FeeLimitTooLow(limit, least)
    account = signing_account(body.sender, request.principal, services.network, services.chain_id, services)
    new = NewJob(
        TRANSACTION_JOB,
        services.network,
        account,
        transaction,
        correlation_id=body.correlation_id,
        external_id=body.external_id,
    )
    return issued_reply(issue_job(new, request.principal, services, names_sender=body.sender is not None))


def issued_reply(issued: Issued) -> Reply:
    """Answer 201 with a new job, or 200 and `Idempotent-Replayed` with the job of the same earlier request."""
    view: IssuedView = {"job": job_view(issued.job, issued.job.owner)}
    return Reply(view, 200, {"Idempotent-Replayed": "true"}) if issued.replayed else Reply(view, 201)


def _already_issued(request: Request, body: IssueBody) -> bool:
    """Return True if the correlationId names a job already. Then a repeated request still gets its first answer."""
    if body.correlation_id is None:
        return False
    return request.services.jobs.get(derived_job_id(request.principal.owner, body.correlation_id)) is not None
