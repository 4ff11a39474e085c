"""Sign: each job with a new attempt at the next nonce. Nothing is taken yet: that happens when they are stored."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.errors import JobsApiError
from chalicelib.jobs.model import Account, Attempt, Failure, Fees, Job, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.ports import AccountView
from chalicelib.jobs.pricing import limited
from chalicelib.jobs.states import failed, started
from chalicelib.workers.polling import first_poll_seconds
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.storing import save_failed

log = logging.getLogger(__name__)

CHECK_MARGIN = timedelta(seconds=60)
"""How long after the first look at a transaction reconcile looks, if nobody did."""


@dataclass(slots=True)
class Signing:
    """What became of the jobs of a round that were to be signed, in their order."""

    signed: list[Job] = field(default_factory=list)
    put_off: list[Job] = field(default_factory=list)
    """Those from the first one on whose signature could not be had."""
    because: JobsApiError | None = None
    """Why they were put off: an error of the key or its service. None when none was."""
    changed: list[Job] = field(default_factory=list)
    """Those that cannot be built, and that somebody else has changed meanwhile."""


def sign_jobs(
    accepted: Sequence[tuple[Job, int]], account: Account, first_nonce: int, outlook: AccountView, ports: WorkerPorts
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
        transactions = [_unsigned(job, gas, nonce, outlook.fees) for (job, gas), nonce in zip(rest, nonces, strict=True)]
        behind: list[tuple[Job, int]] | None = None
        for (job, gas), transaction, outcome in zip(rest, transactions, signer.sign_each(transactions), strict=True):
            if isinstance(outcome, JobsApiError):
                signing.put_off.append(job)
                signing.because = outcome
            elif isinstance(outcome, Exception):
                _fail(job, outcome, signing.changed, ports)
                behind = behind or []
            elif behind is None:
                signing.signed.append(_with_attempt(job, transaction, outcome, outlook.head.number, ports))
            else:
                behind.append((job, gas))  # to be signed anew: its nonce is another now
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
    look = now + timedelta(seconds=first_poll_seconds(ports.network))
    soon = look + CHECK_MARGIN / 2
    next_check_at = job.next_check_at if job.next_check_at and job.next_check_at > soon else look + CHECK_MARGIN
    return started(job, Attempt(unsigned.nonce, unsigned.gas, (transaction,)), now, next_check_at)


def _fail(job: Job, error: Exception, changed: list[Job], ports: WorkerPorts) -> None:
    """Whatever is wrong with this one job must not hold back the account. Nothing of it exists on chain."""
    log.error("a job could not be signed", extra={"jobId": job.job_id}, exc_info=error)
    save_failed(failed(job, Failure("InternalError", "The transaction could not be built."), ports.clock()), changed, ports)
