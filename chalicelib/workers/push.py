"""Push: what is done for transactions that are not mined. Sent again, replaced with higher fees, or replaced by a cancel.

Whatever is signed here uses the attempt's own nonce, so at most one of its transactions can ever be mined (invariant 3), and is
stored before it is sent (invariant 1).
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime

from chalicelib.errors import ConfigurationError, JobsApiError
from chalicelib.jobs.model import Failure, Fees, Job, Purpose, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.ports import Broadcast, BroadcastStatus, Outlook, Signer
from chalicelib.jobs.pricing import replaced
from chalicelib.jobs.states import with_transaction
from chalicelib.jobs.verdict import Sight, is_being_cancelled, is_to_be_cancelled
from chalicelib.workers.broadcast import send
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

CANCEL_GAS = 21_000
"""A plain transfer of nothing to itself."""


def push(account_id: str, jobs: Sequence[Job], sight: Sight, ports: WorkerPorts) -> list[Job]:
    """One step for each job of the account that is not mined; returns them as they are now. Raises nothing for one job's
    trouble: it is looked at again.
    """
    now = ports.clock()
    due = {job.job_id: _reason_to_give_up(job, now) for job in jobs if _needs_signing(job, sight, now, ports)}
    signed = _sign_again(account_id, [job for job in jobs if job.job_id in due], due, ports)
    current = [signed.get(job.job_id, job) for job in jobs]
    # A fresh one has just been sent by whoever signed it: it gets a block's time before it is sent again.
    answers = send([job for job in current if job.job_id in signed or sight.head > job.attempt.latest.signed_at_block], ports)
    hopeless = {job.job_id: failure for job in current if (failure := _rejected_for_good(job, answers.get(job.job_id)))}
    given_up = _sign_again(account_id, [job for job in current if job.job_id in hopeless], hopeless, ports)
    send(list(given_up.values()), ports)
    return [given_up.get(job.job_id, job) for job in current]


def _needs_signing(job: Job, sight: Sight, now: datetime, ports: WorkerPorts) -> bool:
    if (is_to_be_cancelled(job) or _is_expired(job, now)) and not is_being_cancelled(job):
        return True
    # Whoever stands behind another of the account waits for that one, not for a better price.
    is_next = job.attempt.nonce <= sight.mined
    return is_next and sight.head - job.attempt.latest.signed_at_block >= ports.network.stuck_after_blocks


def _is_expired(job: Job, now: datetime) -> bool:
    return job.request.valid_until is not None and job.request.valid_until <= now


def _reason_to_give_up(job: Job, now: datetime) -> Failure | None:
    if _is_expired(job, now) and not is_to_be_cancelled(job):
        return Failure("Expired", "It was signed in time, but not mined by its validUntil.")
    return None


def _rejected_for_good(job: Job, answer: Broadcast | None) -> Failure | None:
    """A transaction no node will ever take holds up every later nonce of its account: the nonce has to be freed."""
    if answer is None or answer.status is not BroadcastStatus.NEVER_VALID or is_being_cancelled(job):
        return None
    return Failure("TransactionRejected", f"No node will take the transaction: {answer.message}.")


def _sign_again(
    account_id: str, jobs: Sequence[Job], give_up: Mapping[str, Failure | None], ports: WorkerPorts
) -> dict[str, Job]:
    """The next transaction of each job's attempt, stored. Jobs for which there is none to sign now are left out."""
    if not jobs:
        return {}
    signed: dict[str, Job] = {}
    try:
        account = ports.accounts.get(account_id)
        if account is None:
            raise ConfigurationError(f"The account {account_id} is not set up.")
        signer = ports.signers.of(account)
        market = ports.chain.outlook(account.address, [])
        for job in jobs:
            try:
                replacement = _sign_one(job, give_up[job.job_id], signer, market, ports)
            except JobsApiError as error:  # among them a lost race: the next look sees what is true
                _log_put_off(job.job_id, error)
            except Exception:
                # Whatever is wrong with this one job must not hold back the others: what is stored of it is sent again.
                log.exception("a replacement could not be signed", extra={"jobId": job.job_id})
            else:
                if replacement is not None:
                    signed[job.job_id] = replacement
    except JobsApiError as error:
        _log_put_off(account_id, error)
    return signed


def _sign_one(job: Job, give_up: Failure | None, signer: Signer, market: Outlook, ports: WorkerPorts) -> Job | None:
    """A cancel where one is due, else the same transaction again; fees raised. None at the cap: the latest one is kept."""
    cancels = give_up is not None or is_to_be_cancelled(job) or is_being_cancelled(job)
    limit = None if cancels else job.request.max_fee_per_gas
    cap = ports.network.max_fee_cap if limit is None else min(limit, ports.network.max_fee_cap)
    fees = replaced(job.attempt.latest.fees, market.fees, cap)
    if fees is None:
        log.warning("at the fee cap", extra={"jobId": job.job_id, "txHash": job.attempt.latest.hash})
        return None
    transaction_hash, raw = signer.sign(_unsigned(job, fees, cancels=cancels))
    now = ports.clock()
    purpose = Purpose.CANCEL if cancels else Purpose.REPLACEMENT
    transaction = SignedTransaction(transaction_hash, raw, fees, now, market.head.number, purpose)
    return ports.jobs.save(with_transaction(job, transaction, now, give_up))


def _unsigned(job: Job, fees: Fees, *, cancels: bool) -> UnsignedTransaction:
    request, attempt = job.request, job.attempt
    if cancels:
        return UnsignedTransaction(job.chain_id, attempt.nonce, job.account, 0, b"", CANCEL_GAS, fees)
    return UnsignedTransaction(job.chain_id, attempt.nonce, request.to, request.value, request.data, attempt.gas, fees)


def _log_put_off(subject: str, error: JobsApiError) -> None:
    log.warning("a replacement was put off", extra={"subject": subject, "code": error.code, "reason": error.message})
