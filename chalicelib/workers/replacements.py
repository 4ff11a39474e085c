"""Sign the next transaction of an attempt, at the attempt's own nonce. It is stored before it is sent (invariants 1 and 3)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.errors import ConfigurationError, JobsApiError
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Attempt, Failure, Fees, Job, Purpose, SignedTransaction, UnsignedTransaction
from chalicelib.jobs.next_step import NewTransaction
from chalicelib.jobs.ports import AccountView
from chalicelib.jobs.pricing import at_least, cancel_cap, replaced
from chalicelib.jobs.settlement import ChainView
from chalicelib.jobs.states import with_transaction
from chalicelib.networks import TRANSFER_GAS
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

BLOCKS_WITH_STATE = 100
"""Nodes keep the state of some 128 blocks."""


@dataclass(frozen=True, slots=True)
class _Unsigned:
    """A replacement transaction, ready to be signed."""

    job: Job
    transaction: UnsignedTransaction
    purpose: Purpose
    give_up: Failure | None


def sign_replacements(
    account_id: str, due: Sequence[tuple[Job, NewTransaction]], view: ChainView, ports: WorkerPorts
) -> dict[str, Job]:
    """Sign the new transactions that are due, and store them. Returns the jobs with their new transactions, by job id.

    Jobs with nothing to sign now are left out. An error is logged, and the next poll of its jobs tries again.
    """
    if not due:
        return {}
    try:
        account = ports.accounts.get(account_id)
        if account is None:
            raise ConfigurationError(f"The account {account_id} is not set up.")
        signer = ports.signers.of(account)
        account_view = ports.chain.account_view(account.address, [])
        unsigned = [one for job, new in due if (one := _isolated(job, new, account_view, view, ports)) is not None]
        if not unsigned:
            return {}
        signatures = signer.sign_each([one.transaction for one in unsigned])
    except JobsApiError as error:
        _log_put_off(account_id, error)
        return {}
    signed: list[Job] = []
    for one, signature in zip(unsigned, signatures, strict=True):
        if isinstance(signature, Exception):
            _log_put_off(one.job.job_id, signature)
        else:
            signed.append(_with_signature(one, signature, account_view, ports))
    stored: dict[str, Job] = {}
    for job, outcome in zip(signed, ports.jobs.save_each(signed) if signed else (), strict=True):
        if isinstance(outcome, Exception):  # VersionConflict, too: the next poll reads what another worker wrote
            _log_put_off(job.job_id, outcome)
        else:
            stored[job.job_id] = outcome
    return stored


def _isolated(
    job: Job, new: NewTransaction, account_view: AccountView, view: ChainView, ports: WorkerPorts
) -> _Unsigned | None:
    """Build one transaction. An error of this job must not stop the others: its stored transaction is sent again."""
    try:
        return _unsigned(job, new, account_view, view, ports)
    except Exception as error:  # noqa: BLE001
        _log_put_off(job.job_id, error)
        return None


def _unsigned(
    job: Job, new: NewTransaction, account_view: AccountView, view: ChainView, ports: WorkerPorts
) -> _Unsigned | None:
    """Return the new transaction with raised fees. None when the fees would cross the cap: the latest one is kept."""
    attempt = next(one for one in job.attempts if one.nonce == new.nonce)
    cancels, give_up = new.cancels, new.give_up
    fees = _fees(job, attempt, new, account_view, ports, cancels=cancels)
    if fees is None and not cancels and _holds_up_others(job, view, ports):
        fees, cancels, give_up = _fees(job, attempt, new, account_view, ports, cancels=True), True, _limit_too_low(job, ports)
    if fees is None:
        log.warning("at the fee cap", extra={"jobId": job.job_id, "txHash": job.attempt.latest.hash})
        return None
    if cancels:
        transaction = UnsignedTransaction(job.chain_id, attempt.nonce, job.account, 0, b"", TRANSFER_GAS, fees)
        return _Unsigned(job, transaction, Purpose.CANCEL, give_up)
    request = job.request
    transaction = UnsignedTransaction(job.chain_id, attempt.nonce, request.to, request.value, request.data, attempt.gas, fees)
    return _Unsigned(job, transaction, Purpose.REPLACEMENT, give_up)


def _fees(
    job: Job, attempt: Attempt, new: NewTransaction, account_view: AccountView, ports: WorkerPorts, *, cancels: bool
) -> Fees | None:
    cap = ports.network.max_fee_cap
    if cancels:
        cap = cancel_cap(cap)
    elif job.request.max_fee_per_gas is not None:
        cap = min(job.request.max_fee_per_gas, cap)
    offered = account_view.fees
    if new.refusal is not None:
        offered = at_least(offered, new.refusal.minimum_fee, new.refusal.minimum_tip)
    return replaced(attempt.latest.fees, offered, cap)


def _holds_up_others(job: Job, view: ChainView, ports: WorkerPorts) -> bool:
    """True if the issuer's own limit forbids a higher fee, and the job has held its account's next nonce for too long.

    At the network's cap nothing is gained when a nonce is given up: later transactions may not offer more either.
    """
    if job.request.max_fee_per_gas is None or job.request.max_fee_per_gas >= ports.network.max_fee_cap:
        return False
    signed_long_ago = view.head - job.attempt.latest.signed_at_block >= ports.bounds.unmined_blocks
    if job.attempt.nonce != view.mined_count or not signed_long_ago:
        return False
    number = max(0, view.head - min(ports.bounds.unmined_blocks, BLOCKS_WITH_STATE))
    block = ports.chain.canonical_blocks(job.account, [number]).get(number)
    # A node without the state of that block does not tell whether the nonce was the account's next one by then.
    return block is None or block.mined_count is None or block.mined_count >= job.attempt.nonce


def _limit_too_low(job: Job, ports: WorkerPorts) -> Failure:
    limit, blocks = job.request.max_fee_per_gas, ports.bounds.unmined_blocks
    reason = f"The job's maxFeePerGas of {limit} wei was too low for {blocks} blocks. Later transactions waited for it."
    return Failure(FailCode.FEE_LIMIT_TOO_LOW, reason)


def _with_signature(one: _Unsigned, signature: tuple[str, bytes], account_view: AccountView, ports: WorkerPorts) -> Job:
    now = ports.clock()
    transaction_hash, raw = signature
    block = account_view.head.number
    signed = SignedTransaction(transaction_hash, raw, one.transaction.fees, now, block, one.purpose)
    return with_transaction(one.job, signed, now, one.give_up, one.transaction.nonce)


def _log_put_off(subject: str, error: Exception) -> None:
    if isinstance(error, JobsApiError):
        log.warning("a replacement was put off", extra={"subject": subject, "code": error.code, "reason": error.message})
    else:
        log.error("a replacement could not be signed", extra={"subject": subject}, exc_info=error)
