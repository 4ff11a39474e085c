"""Issue a job: store it, nudge the execute worker, and answer at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import CorrelationIdReused, Forbidden, InvalidRequest
from chalicelib.jobs.ids import derived_job_id, fingerprint, random_job_id
from chalicelib.jobs.model import Account, Event, Job, Status, TransactionRequest, account_id
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.ports import AccountStore, Clock, JobStore, Queue
from chalicelib.jobs.principal import Principal

FIRST_CHECK = timedelta(seconds=60)
"""How long a nudge may take before reconcile sends another."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A validated wish: one transaction, and the job around it. `sender` None means the token's own account."""

    name: str
    transaction: TransactionRequest
    network: str
    chain_id: int
    sender: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str | None = None
    external_id: str | None = None

    def fingerprint(self, account: str) -> str:
        transaction = self.transaction
        return fingerprint(
            {
                "name": self.name,
                "network": self.network,
                "from": account,
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
) -> Issued:
    """Store a new pending job, or return the one this correlationId already names.

    Raises Forbidden for an account the principal may not sign with, InvalidRequest for one this service does not know, and
    CorrelationIdReused when the correlationId names a job with another request.
    """
    account = _signing_account(request, principal, accounts)
    now = clock()
    job = _new_job(request, principal, account, now)
    existing = jobs.issue(job)
    if existing is None:
        nudge_execute(queue, [job])
        return Issued(job, replayed=False)
    if existing.fingerprint != job.fingerprint or existing.owner != job.owner:
        raise CorrelationIdReused(
            f"The correlationId {request.correlation_id!r} already names job {existing.job_id}, whose request was another one."
        )
    if existing.status is Status.PENDING:
        nudge_execute(
            queue, [existing]
        )  # whoever repeats a request may do so because the first one was cut off before its nudge
    return Issued(existing, replayed=True)


def _signing_account(request: JobRequest, principal: Principal, accounts: AccountStore) -> Account:
    address = request.sender or principal.account_address
    account = accounts.get(account_id(request.chain_id, address))
    if account is not None and principal.may_sign_with(account):
        return account
    if request.sender is None or address == principal.account_address:
        raise InvalidRequest(
            f"The token's account {address} is not set up on {request.network}: ask an administrator to add it."
        )
    raise Forbidden(f"You may not sign with the account {address}.")


def _new_job(request: JobRequest, principal: Principal, account: Account, now: datetime) -> Job:
    correlation_id = request.correlation_id
    return Job(
        job_id=random_job_id(now) if correlation_id is None else derived_job_id(principal.owner, correlation_id),
        owner=principal.owner,
        name=request.name,
        status=Status.PENDING,
        version=1,
        network=request.network,
        chain_id=request.chain_id,
        account=account.address,
        request=request.transaction,
        fingerprint=request.fingerprint(account.address),
        created_at=now,
        updated_at=now,
        data=request.data,
        correlation_id=correlation_id,
        external_id=request.external_id,
        history=(Event(now, "issued"),),
        pending_since=now,
        next_check_at=now + FIRST_CHECK,
    )
