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


def signing_account(
    sender: str | None,
    principal: Principal,
    network: str,
    chain_id: int,
    *,
    jobs: JobStore,
    accounts: AccountStore,
    mined: MinedCounts | None = None,
) -> Account:
    """Return the account that a request names as its sender, or the one that signs by default where `sender` is None.

    `mined` tells how busy a pool's accounts are. Raises Forbidden for an account that the principal may not sign with, and
    InvalidRequest for an account that this service does not have.
    """
    if sender is None:
        return default_account(principal, network, chain_id, jobs=jobs, accounts=accounts, mined=mined)
    return named_account(sender, principal, network, chain_id, accounts=accounts)


def issue_job(
    new: NewJob,
    principal: Principal,
    *,
    jobs: JobStore,
    queue: Queue,
    clock: Clock,
    names_sender: bool = False,
    callees: Callees = called_directly,
    admission: Admission | None = None,
) -> Issued:
    """Store a new pending job, or return the job that its correlationId already names.

    `names_sender` is true where the request named the account: then another account is another request. `callees` tells which
    contracts the transaction calls. Raises NotYourContract and ValueNotAllowed for what a shared account does not do,
    CorrelationIdReused when the correlationId names a job with another request, and TooManyOpenJobs.
    """
    asked = new.fingerprint(new.account.address if names_sender else principal.default_signer)
    job = job_of(new, job_id_of(new.correlation_id, principal, clock()), asked, principal, clock())
    try:
        require_custody(job.request, job.owner, new.account, jobs=jobs, callees=callees, by_admin=principal.is_admin)
    except (NotYourContract, ValueNotAllowed):
        existing = None if new.correlation_id is None else jobs.get(job.job_id)
        if existing is None:
            raise
        # What has changed since the first request plays no part in the answer to its repetition.
        return replayed(existing, job.owner, job.fingerprint, queue=queue)
    return put_job(job, jobs=jobs, queue=queue, admission=admission)


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
