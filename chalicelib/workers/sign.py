"""Sign: each job with a new attempt at the next nonce. Nothing is taken yet: that happens when they are stored."""

import logging
from collections.abc import Sequence
from datetime import timedelta

from chalicelib.jobs.model import Account, Attempt, Failure, Fees, Job, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.ports import Outlook
from chalicelib.jobs.pricing import limited
from chalicelib.jobs.states import failed, started
from chalicelib.workers.delays import first_look_seconds
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.storing import save_failed

log = logging.getLogger(__name__)

CHECK_MARGIN = timedelta(seconds=60)
"""How long after the first look at a transaction reconcile looks, if nobody did."""


def sign_jobs(
    accepted: Sequence[tuple[Job, int]], account: Account, first_nonce: int, outlook: Outlook, ports: WorkerPorts
) -> list[Job]:
    """`accepted` are the jobs with their gas limits. One that cannot be built fails alone, and the nonces after it close up.

    Raises what is wrong with the key or its service; VersionConflict when a job that fails was changed meanwhile.
    """
    signer = ports.signers.of(account)
    signed: list[Job] = []
    rest = list(accepted)
    while rest:
        nonces = range(first_nonce + len(signed), first_nonce + len(signed) + len(rest))
        transactions = [_unsigned(job, gas, nonce, outlook.fees) for (job, gas), nonce in zip(rest, nonces, strict=True)]
        behind: list[tuple[Job, int]] | None = None
        for (job, gas), transaction, outcome in zip(rest, transactions, signer.sign_each(transactions), strict=True):
            if isinstance(outcome, Exception):
                _fail(job, outcome, ports)
                behind = behind or []
            elif behind is None:
                signed.append(_with_attempt(job, transaction, outcome, outlook.head.number, ports))
            else:
                behind.append((job, gas))  # to be signed anew: its nonce is another now
        rest = behind or []
    return signed


def _unsigned(job: Job, gas: int, nonce: int, market: Fees) -> UnsignedTransaction:
    request = job.request
    fees = limited(market, request.max_fee_per_gas)
    return UnsignedTransaction(job.chain_id, nonce, request.to, request.value, request.data, gas, fees)


def _with_attempt(job: Job, unsigned: UnsignedTransaction, signed: tuple[str, bytes], block: int, ports: WorkerPorts) -> Job:
    now = ports.clock()
    transaction_hash, raw = signed
    transaction = SignedTransaction(transaction_hash, raw, unsigned.fees, now, block)
    look = now + timedelta(seconds=first_look_seconds(ports.network))
    soon = look + CHECK_MARGIN / 2
    next_check_at = job.next_check_at if job.next_check_at and job.next_check_at > soon else look + CHECK_MARGIN
    return started(job, Attempt(unsigned.nonce, unsigned.gas, (transaction,)), now, next_check_at)


def _fail(job: Job, error: Exception, ports: WorkerPorts) -> None:
    """Whatever is wrong with this one job must not hold back the account. Nothing of it exists on chain."""
    log.error("a job could not be signed", extra={"jobId": job.job_id}, exc_info=error)
    save_failed(failed(job, Failure("InternalError", "The transaction could not be built."), ports.clock()), ports)
