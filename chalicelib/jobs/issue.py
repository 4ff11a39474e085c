"""Issue a job: store it, nudge the execute worker, and answer at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.errors import CorrelationIdReused, NotYourContract, TooManyOpenJobs, ValueNotAllowed
from chalicelib.jobs.accounts import MinedCounts, default_account, named_account
from chalicelib.jobs.admission import Admission
from chalicelib.jobs.custody import BY_ADMIN, Callees, called_directly, require_custody
from chalicelib.jobs.ids import derived_job_id, fingerprint, random_job_id
from chalicelib.jobs.model import Account, Event, Job, Status, TransactionRequest
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.ports import Clock, Queue
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.stores import AccountStore, JobStore


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


def issue_job(
    request: JobRequest,
    principal: Principal,
    *,
    jobs: JobStore,
    accounts: AccountStore,
    queue: Queue,
    clock: Clock,
    mined: MinedCounts | None = None,
    callees: Callees = called_directly,
    admission: Admission | None = None,
) -> Issued:
    """Store a new pending job, or return the one this correlationId already names.

    `mined` tells how busy a pool's accounts are, `callees` which contracts the transaction calls. Raises Forbidden for an
    account the principal may not sign with, InvalidRequest for one this service does not know, NotYourContract and
    ValueNotAllowed for what a shared account does not do, CorrelationIdReused when the correlationId names a job with another
    request, and TooManyOpenJobs.
    """
    if request.sender is None:
        account = default_account(principal, request.network, request.chain_id, jobs=jobs, accounts=accounts, mined=mined)
    else:
        account = named_account(request.sender, principal, request.network, request.chain_id, accounts=accounts)
    signer = principal.default_signer if request.sender is None else account.address
    wish = Wish(request.name, request.network, request.chain_id, request.fingerprint(signer), request.correlation_id)
    prepared = Prepared(account, request.transaction, request.data)
    job = new_job(job_id_of(wish, principal, clock()), wish, prepared, principal, clock(), external_id=request.external_id)
    try:
        require_custody(job.request, job.owner, account, jobs=jobs, callees=callees, by_admin=principal.is_admin)
    except (NotYourContract, ValueNotAllowed):
        existing = None if request.correlation_id is None else jobs.get(job.job_id)
        if existing is None:
            raise
        # What has changed since the first request plays no part in the answer to its repetition.
        return replayed(existing, job.owner, job.fingerprint, queue=queue)
    return put_job(job, jobs=jobs, queue=queue, admission=admission)


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


def put_job(job: Job, *, jobs: JobStore, queue: Queue, admission: Admission | None = None) -> Issued:
    """Store it and nudge, unless its correlationId names a job already. Raises CorrelationIdReused and TooManyOpenJobs."""
    existing = _required_room(job, jobs, admission) or jobs.issue(job)
    if existing is not None:
        return replayed(existing, job.owner, job.fingerprint, queue=queue)
    nudge_execute(queue, [job])
    return Issued(job, replayed=False)


def _required_room(job: Job, jobs: JobStore, admission: Admission | None) -> Job | None:
    """The job that its correlationId names already, where its owner has no room for another. Raises TooManyOpenJobs."""
    if admission is None:
        return None
    try:
        admission.require_room(job.owner)
    except TooManyOpenJobs:
        existing = jobs.get(job.job_id) if job.correlation_id is not None else None
        if existing is None:
            raise
        return existing
    return None


def replayed(existing: Job, owner: str, fingerprint: str, *, queue: Queue) -> Issued:
    """The answer to a request whose correlationId names `existing`. Raises CorrelationIdReused when it was another request."""
    if existing.fingerprint != fingerprint or existing.owner != owner:
        raise CorrelationIdReused(
            f"The correlationId {existing.correlation_id!r} already names job {existing.job_id}, whose request was another one."
        )
    if existing.status is Status.PENDING:
        # Whoever repeats a request may do so because the first one was cut off before its nudge.
        nudge_execute(queue, [existing])
    return Issued(existing, replayed=True)
