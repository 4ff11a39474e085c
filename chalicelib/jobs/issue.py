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
class JobRequest:
    """A validated wish: one transaction, and the job around it. `sender` None means the token's pool, or its own account."""

    name: str
    transaction: TransactionRequest
    network: str
    chain_id: int
    sender: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str | None = None
    external_id: str | None = None

    def fingerprint(self, signer: str) -> str:
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


def issue_job(request: JobRequest, principal: Principal, ports: ApiPorts) -> Issued:
    """Store a new pending job, or return the one this correlationId already names.

    Raises Forbidden for an account the principal may not sign with, InvalidRequest for one this service does not know,
    NotYourContract and ValueNotAllowed for what a shared account does not do, CorrelationIdReused when the correlationId names
    a job with another request, and TooManyOpenJobs.
    """
    if request.sender is None:
        account = default_account(principal, request.network, request.chain_id, ports)
    else:
        account = named_account(request.sender, principal, request.network, request.chain_id, ports)
    signer = principal.default_signer if request.sender is None else account.address
    wish = Wish(request.name, request.network, request.chain_id, request.fingerprint(signer), request.correlation_id)
    prepared = Prepared(account, request.transaction, request.data)
    job_id = job_id_of(wish, principal, ports.clock())
    job = new_job(job_id, wish, prepared, principal, ports.clock(), external_id=request.external_id)
    try:
        by_admin = principal.is_admin
        require_custody(job.request, job.owner, account, jobs=ports.jobs, callees=ports.callees, by_admin=by_admin)
    except (NotYourContract, ValueNotAllowed):
        existing = None if request.correlation_id is None else ports.jobs.get(job.job_id)
        if existing is None:
            raise
        # What has changed since the first request plays no part in the answer to its repetition.
        return replayed(existing, job.owner, job.fingerprint, ports)
    return put_job(job, ports)


# --- what every kind of job is issued by -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wish:
    """What identifies a request: the same wish under the same correlationId is the same job."""

    name: str
    network: str
    chain_id: int
    fingerprint: str
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """What becomes of a wish: who signs, the transaction, and what the job tells of it. `subject` is `Job.subject`."""

    account: Account
    transaction: TransactionRequest
    data: Mapping[str, Any] = field(default_factory=dict)
    subject: str | None = None


def job_id_of(wish: Wish, principal: Principal, now: datetime) -> str:
    """By its correlationId, or a new one."""
    if wish.correlation_id is None:
        return random_job_id(now)
    return derived_job_id(principal.owner, wish.correlation_id)


def new_job(
    job_id: str, wish: Wish, prepared: Prepared, principal: Principal, now: datetime, *, external_id: str | None = None
) -> Job:
    return Job(
        job_id=job_id,
        owner=principal.owner,
        name=wish.name,
        status=Status.PENDING,
        version=1,
        network=wish.network,
        chain_id=wish.chain_id,
        account=prepared.account.address,
        request=prepared.transaction,
        fingerprint=wish.fingerprint,
        created_at=now,
        updated_at=now,
        data={**prepared.data, BY_ADMIN: True} if principal.is_admin and prepared.account.is_shared else prepared.data,
        subject=prepared.subject,
        correlation_id=wish.correlation_id,
        external_id=external_id,
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
