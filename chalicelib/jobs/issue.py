"""Issue a job: store it, nudge the execute worker, and answer at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.errors import CorrelationIdReused, NotYourContract, TooManyOpenJobs, ValueNotAllowed
from chalicelib.jobs.accounts import default_account, named_account
from chalicelib.jobs.api_ports import ApiPorts
from chalicelib.jobs.custody import BY_ADMIN, require_custody
from chalicelib.jobs.ids import derived_job_id, fingerprint, random_job_id
from chalicelib.jobs.model import Account, Event, Job, Status, TransactionRequest
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.principal import Principal


@dataclass(frozen=True, slots=True)
class NewJob:
    """The account, the transaction and the public data of a new job."""

    name: str
    network: str
    account: Account
    transaction: TransactionRequest
    data: Mapping[str, Any] = field(default_factory=dict)
    """Clients see it in the job."""
    subject: str | None = None
    """See `Job.subject`."""
    correlation_id: str | None = None
    external_id: str | None = None

    def fingerprint(self, signer: str) -> str:
        """Return the hash of what was asked for. `signer` is the account that the request named, or the default signer."""
        transaction = self.transaction
        return fingerprint(
            {
                "name": self.name,
                "network": self.network,
                "from": signer,
                "to": transaction.to,
                "value": str(transaction.value),
                "data": transaction.data.hex(),
                "gas": transaction.gas,
                "maxFeePerGas": transaction.max_fee_per_gas,
                "validUntil": transaction.valid_until.isoformat() if transaction.valid_until else None,
                "externalId": self.external_id,
                "details": dict(self.data),
            }
        )


@dataclass(frozen=True, slots=True)
class Issued:
    job: Job
    replayed: bool


def signing_account(sender: str | None, principal: Principal, network: str, chain_id: int, ports: ApiPorts) -> Account:
    """Return the account that a request names as its sender, or the one that signs by default where `sender` is None.

    Raises Forbidden for an account that the principal may not sign with, and InvalidRequest for an account that this service
    does not have.
    """
    if sender is None:
        return default_account(principal, network, chain_id, ports)
    return named_account(sender, principal, network, chain_id, ports)


def issue_job(new: NewJob, principal: Principal, ports: ApiPorts, *, names_sender: bool = False) -> Issued:
    """Store a new pending job, or return the job that its correlationId already names.

    `names_sender` is true where the request named the account: then another account is another request.

    Raises NotYourContract and ValueNotAllowed for what a shared account does not do, CorrelationIdReused when the correlationId
    names a job with another request, and TooManyOpenJobs.
    """
    asked = new.fingerprint(new.account.address if names_sender else principal.default_signer)
    job = job_of(new, job_id_of(new.correlation_id, principal, ports.clock()), asked, principal, ports.clock())
    try:
        by_admin = principal.is_admin
        require_custody(job.request, job.owner, new.account, jobs=ports.jobs, callees=ports.callees, by_admin=by_admin)
    except (NotYourContract, ValueNotAllowed):
        existing = None if new.correlation_id is None else ports.jobs.get(job.job_id)
        if existing is None:
            raise
        # What has changed since the first request plays no part in the answer to its repetition.
        return replayed(existing, job.owner, job.fingerprint, ports)
    return put_job(job, ports)


# --- what every kind of job is issued by -------------------------------------------------------------------------------


def job_id_of(correlation_id: str | None, principal: Principal, now: datetime) -> str:
    """Return the job id that belongs to the owner's correlationId, or a new one."""
    return random_job_id(now) if correlation_id is None else derived_job_id(principal.owner, correlation_id)


def job_of(new: NewJob, job_id: str, asked: str, principal: Principal, now: datetime) -> Job:
    """Return the pending job, not stored yet. `asked` is the fingerprint of the request."""
    return Job(
        job_id=job_id,
        owner=principal.owner,
        name=new.name,
        status=Status.PENDING,
        version=1,
        network=new.network,
        chain_id=new.account.chain_id,
        account=new.account.address,
        request=new.transaction,
        fingerprint=asked,
        created_at=now,
        updated_at=now,
        data={**new.data, BY_ADMIN: True} if principal.is_admin and new.account.is_shared else new.data,
        subject=new.subject,
        correlation_id=new.correlation_id,
        external_id=new.external_id,
        history=(Event(now, "issued"),),
        pending_since=now,
    )


def put_job(job: Job, ports: ApiPorts) -> Issued:
    """Store it and nudge, unless its correlationId names a job already. Raises CorrelationIdReused and TooManyOpenJobs."""
    existing = _required_room(job, ports) or ports.jobs.issue(job)
    if existing is not None:
        return replayed(existing, job.owner, job.fingerprint, ports)
    nudge_execute(ports.queue, [job])
    return Issued(job, replayed=False)


def _required_room(job: Job, ports: ApiPorts) -> Job | None:
    """Take room for one more open job. If there is no room, return the job that the correlationId names already.

    Raises TooManyOpenJobs if there is no such job either.
    """
    try:
        ports.admission.require_room(job.owner)
    except TooManyOpenJobs:
        existing = ports.jobs.get(job.job_id) if job.correlation_id is not None else None
        if existing is None:
            raise
        return existing
    return None


def replayed(existing: Job, owner: str, fingerprint: str, ports: ApiPorts) -> Issued:
    """The answer to a request whose correlationId names `existing`. Raises CorrelationIdReused when it was another request."""
    if existing.fingerprint != fingerprint or existing.owner != owner:
        raise CorrelationIdReused(
            f"The correlationId {existing.correlation_id!r} already names job {existing.job_id}, whose request was another one."
        )
    if existing.status is Status.PENDING:
        # A client may repeat its request because the first one was cut off before its nudge.
        nudge_execute(ports.queue, [existing])
    return Issued(existing, replayed=True)
