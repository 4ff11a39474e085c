"""Sign each job with a new attempt at the next nonce. The nonces are taken when the jobs are stored, not here."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.errors import JobsApiError
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Account, Attempt, Failure, Fees, Job, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.ports import AccountView
from chalicelib.jobs.pricing import limited
from chalicelib.jobs.states import failed, started
from chalicelib.workers.polling import first_poll_seconds
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.storing import save_failed

log = logging.getLogger(__name__)

CHECK_MARGIN = timedelta(seconds=60)
"""How long after the first poll is due ReconcileJobs asks for another one."""


@dataclass(slots=True)
class Signing:
    """What became of the jobs of a round that were to be signed, in their order."""

    signed: list[Job] = field(default_factory=list)
    put_off: list[Job] = field(default_factory=list)
    """The jobs from the first one on that the key did not sign."""
    because: JobsApiError | None = None
    """Why they were put off: an error of the key or its service. None if no job was put off."""
    changed: list[Job] = field(default_factory=list)
    """Jobs whose transaction cannot be built, and that another worker or request has changed meanwhile."""


def sign_jobs(
    accepted: Sequence[tuple[Job, int]], account: Account, first_nonce: int, account_view: AccountView, ports: WorkerPorts
) -> Signing:
    """Sign `accepted`, the jobs with their gas limits, at the nonces from `first_nonce` on.

    A job that cannot be built fails alone, and the nonces after it close up. When the key or its service fails, what was signed
    before is kept. Raises that error when nothing was signed.
    """
    signer = ports.signers.of(account)
    signing = Signing()
    rest = list(accepted)
    while rest:
        nonces = range(first_nonce + len(signing.signed), first_nonce + len(signing.signed) + len(rest))
        transactions = [_unsigned(job, gas, nonce, account_view.fees) for (job, gas), nonce in zip(rest, nonces, strict=True)]
        behind: list[tuple[Job, int]] | None = None
        for (job, gas), transaction, outcome in zip(rest, transactions, signer.sign_each(transactions), strict=True):
            if isinstance(outcome, JobsApiError):
                signing.put_off.append(job)
                signing.because = outcome
            elif isinstance(outcome, Exception):
                _fail(job, outcome, signing.changed, ports)
                behind = behind or []
            elif behind is None:
                signing.signed.append(_with_attempt(job, transaction, outcome, account_view.head.number, ports))
            else:
                behind.append((job, gas))  # it is signed anew, because its nonce has changed
        if signing.because is not None:
            signing.put_off[:0] = [job for job, _ in behind or []]
            break
        rest = behind or []
    if signing.because is not None and not signing.signed:
        raise signing.because
    return signing


def _unsigned(job: Job, gas: int, nonce: int, market: Fees) -> UnsignedTransaction:
    request = job.request
    fees = limited(market, request.max_fee_per_gas)
    return UnsignedTransaction(job.chain_id, nonce, request.to, request.value, request.data, gas, fees)


def _with_attempt(job: Job, unsigned: UnsignedTransaction, signed: tuple[str, bytes], block: int, ports: WorkerPorts) -> Job:
    now = ports.clock()
    transaction_hash, raw = signed
    transaction = SignedTransaction(transaction_hash, raw, unsigned.fees, now, block)
    first_poll = now + timedelta(seconds=first_poll_seconds(ports.network))
    soon = first_poll + CHECK_MARGIN / 2
    next_check_at = job.next_check_at if job.next_check_at and job.next_check_at > soon else first_poll + CHECK_MARGIN
    return started(job, Attempt(unsigned.nonce, unsigned.gas, (transaction,)), now, next_check_at)


def _fail(job: Job, error: Exception, changed: list[Job], ports: WorkerPorts) -> None:
    """Fail this one job, so that it does not hold up the account. Nothing of it is on chain."""
    log.error("a job could not be signed", extra={"jobId": job.job_id}, exc_info=error)
    save_failed(
        failed(job, Failure(FailCode.INTERNAL_ERROR, "The transaction could not be built."), ports.clock()), changed, ports
    )
