"""Sign again: the next transaction of an attempt, at the attempt's own nonce, stored before it is sent (invariants 1 and 3)."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chalicelib.errors import ConfigurationError, JobsApiError
from chalicelib.jobs.model import Attempt, Failure, Fees, Job, Purpose, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.ports import Broadcast, Outlook
from chalicelib.jobs.pricing import at_least, cancel_cap, is_taken, replaced
from chalicelib.jobs.reorgs import earlier_to_free, freeing
from chalicelib.jobs.settlement import Sight, is_being_cancelled, is_to_be_cancelled
from chalicelib.jobs.states import with_transaction
from chalicelib.networks import TRANSFER_GAS
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

BLOCKS_WITH_STATE = 100
"""Nodes keep the state of some 128 blocks."""


@dataclass(frozen=True, slots=True)
class Due:
    """A job whose attempt needs another transaction."""

    job: Job
    give_up: Failure | None = None
    """Why a cancel transaction has to free its nonce. The job fails with this, once that is mined."""
    refusal: Broadcast | None = None
    """A node's answer to the latest transaction, which may say what the node asks for."""
    earlier: Attempt | None = None
    """The earlier attempt whose nonce a cancel transaction has to use; None: it is about the last attempt."""

    @property
    def attempt(self) -> Attempt:
        return self.earlier or self.job.attempt


@dataclass(frozen=True, slots=True)
class _Prepared:
    job: Job
    unsigned: UnsignedTransaction
    purpose: Purpose
    give_up: Failure | None
    nonce: int


def with_nonces_to_free(due: Sequence[Due], jobs: Sequence[Job], sight: Sight, ports: WorkerPorts) -> list[Due]:
    """Return what is due. A job with an earlier attempt whose nonce has to be freed after a reorg is due for that first."""

    def is_taken_now(fees: Fees) -> bool:
        return is_taken(fees, sight.base_fee, ports.network.min_priority_fee)

    to_free = [Due(job, earlier=lost) for job in jobs if (lost := earlier_to_free(job, sight.mined, is_taken_now))]
    first = {one.job.job_id for one in to_free}
    return [*to_free, *(one for one in due if one.job.job_id not in first)]


def send_freeing(jobs: Iterable[Job], sight: Sight, ports: WorkerPorts) -> None:
    """Send the cancel transactions at nonces of earlier attempts that a reorg took back. They are stored."""
    transactions = freeing(jobs, sight.mined)
    if transactions:
        ports.chain.broadcast(transactions)


def sign_again(account_id: str, due: Sequence[Due], sight: Sight, ports: WorkerPorts) -> dict[str, Job]:
    """The jobs with their next transaction, signed together and stored in one batch, by job id.

    Jobs for which there is nothing to sign now are left out. Raises nothing for one job's trouble: it is looked at again.
    """
    if not due:
        return {}
    try:
        account = ports.accounts.get(account_id)
        if account is None:
            raise ConfigurationError(f"The account {account_id} is not set up.")
        signer = ports.signers.of(account)
        market = ports.chain.outlook(account.address, [])
        prepared = [one for one in (_prepared_alone(one, market, sight, ports) for one in due) if one is not None]
        if not prepared:
            return {}
        signatures = signer.sign_each([one.unsigned for one in prepared])
    except JobsApiError as error:
        _log_put_off(account_id, error)
        return {}
    signed: list[Job] = []
    for one, signature in zip(prepared, signatures, strict=True):
        if isinstance(signature, Exception):
            _log_put_off(one.job.job_id, signature)
        else:
            signed.append(_with_signature(one, signature, market, ports))
    stored: dict[str, Job] = {}
    for job, outcome in zip(signed, ports.jobs.save_each(signed) if signed else (), strict=True):
        if isinstance(outcome, Exception):  # among them a lost race: the next look sees what is true
            _log_put_off(job.job_id, outcome)
        else:
            stored[job.job_id] = outcome
    return stored


def _prepared_alone(due: Due, market: Outlook, sight: Sight, ports: WorkerPorts) -> _Prepared | None:
    """Whatever is wrong with this one job must not hold back the others: what is stored of it is sent again."""
    try:
        return _prepared(due, market, sight, ports)
    except Exception as error:  # noqa: BLE001
        _log_put_off(due.job.job_id, error)
        return None


def _prepared(due: Due, market: Outlook, sight: Sight, ports: WorkerPorts) -> _Prepared | None:
    """A cancel where one is due, else the same transaction again; fees raised. None at the cap: the latest one is kept."""
    job, give_up = due.job, due.give_up
    cancels = due.earlier is not None or give_up is not None or is_to_be_cancelled(job) or is_being_cancelled(job)
    fees = _fees(due, market, ports, cancels=cancels)
    if fees is None and not cancels and _holds_up_others(job, sight, ports):
        fees, cancels, give_up = _fees(due, market, ports, cancels=True), True, _limit_too_low(job, ports)
    if fees is None:
        log.warning("at the fee cap", extra={"jobId": job.job_id, "txHash": job.attempt.latest.hash})
        return None
    purpose = Purpose.CANCEL if cancels else Purpose.REPLACEMENT
    return _Prepared(job, _unsigned(job, due.attempt, fees, cancels=cancels), purpose, give_up, due.attempt.nonce)


def _fees(due: Due, market: Outlook, ports: WorkerPorts, *, cancels: bool) -> Fees | None:
    job, cap = due.job, ports.network.max_fee_cap
    if cancels:
        cap = cancel_cap(cap)
    elif job.request.max_fee_per_gas is not None:
        cap = min(job.request.max_fee_per_gas, cap)
    offered = market.fees
    if due.refusal is not None:
        offered = at_least(offered, due.refusal.minimum_fee, due.refusal.minimum_tip)
    return replaced(due.attempt.latest.fees, offered, cap)


def _holds_up_others(job: Job, sight: Sight, ports: WorkerPorts) -> bool:
    """The issuer's own limit forbids a higher fee, and for too long no later transaction of the account was mined for it.

    At the network's cap nothing is gained by giving a nonce up: later transactions may not offer more either.
    """
    if job.request.max_fee_per_gas is None or job.request.max_fee_per_gas >= ports.network.max_fee_cap:
        return False
    signed_long_ago = sight.head - job.attempt.latest.signed_at_block >= ports.bounds.unmined_blocks
    if job.attempt.nonce != sight.mined or not signed_long_ago:
        return False
    number = max(0, sight.head - min(ports.bounds.unmined_blocks, BLOCKS_WITH_STATE))
    block = ports.chain.standing_blocks(job.account, [number]).get(number)
    # A node without the state of that block does not tell whether it was the account's next one already.
    return block is None or block.mined is None or block.mined >= job.attempt.nonce


def _limit_too_low(job: Job, ports: WorkerPorts) -> Failure:
    limit, blocks = job.request.max_fee_per_gas, ports.bounds.unmined_blocks
    reason = f"Its maxFeePerGas of {limit} wei was too low for {blocks} blocks, and later transactions waited for it."
    return Failure("FeeLimitTooLow", reason)


def _unsigned(job: Job, attempt: Attempt, fees: Fees, *, cancels: bool) -> UnsignedTransaction:
    request = job.request
    if cancels:
        return UnsignedTransaction(job.chain_id, attempt.nonce, job.account, 0, b"", TRANSFER_GAS, fees)
    return UnsignedTransaction(job.chain_id, attempt.nonce, request.to, request.value, request.data, attempt.gas, fees)


def _with_signature(one: _Prepared, signature: tuple[str, bytes], market: Outlook, ports: WorkerPorts) -> Job:
    now = ports.clock()
    transaction_hash, raw = signature
    transaction = SignedTransaction(transaction_hash, raw, one.unsigned.fees, now, market.head.number, one.purpose)
    return with_transaction(one.job, transaction, now, one.give_up, one.nonce)


def _log_put_off(subject: str, error: Exception) -> None:
    if isinstance(error, JobsApiError):
        log.warning("a replacement was put off", extra={"subject": subject, "code": error.code, "reason": error.message})
    else:
        log.error("a replacement could not be signed", extra={"subject": subject}, exc_info=error)
