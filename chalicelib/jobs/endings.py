"""What becomes of a job in flight once the nonce of its attempt is settled: pure transitions (design: section 6)."""

from dataclasses import replace
from datetime import datetime

from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import IN_FLIGHT, Failure, Job, Outcome, Purpose, Status
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.results import effect_missing, result_of
from chalicelib.jobs.states import IllegalTransition, cancelled, failed, require_status, with_event, with_final_status


def confirmed(job: Job, receipt: Receipt, now: datetime, revert_reason: str | None = None) -> Job:
    """in flight → final, by the receipt of the attempt's transaction that is mined, deep enough (invariants 4 and 5).

    The cancel transaction cancels the job, or fails it if this service had given the attempt up. Another transaction fails the
    job if it reverted, for `revert_reason`, or if it had no effect. Otherwise the job has succeeded.
    """
    require_status(job, IN_FLIGHT, "confirmed")
    if job.attempt.transaction(receipt.hash).purpose is Purpose.CANCEL:
        job = _with_outcome(job, Outcome.CANCELLED, receipt)
        if job.attempt.abandoned is not None:
            return failed(job, job.attempt.abandoned, now)
        return cancelled(job, now, receipt.hash)
    if not receipt.succeeded:
        if revert_reason is None:
            raise IllegalTransition(job, "closed by a revert without its reason")
        return failed(_with_outcome(job, Outcome.REVERTED, receipt), Failure(FailCode.TRANSACTION_REVERTED, revert_reason), now)
    job = _with_outcome(job, Outcome.CONFIRMED, receipt)
    missing = effect_missing(job, receipt)
    if missing is not None:
        return failed(job, missing, now)
    job = replace(with_final_status(job, Status.SUCCEEDED, now), result=result_of(job, receipt))
    return with_event(job, now, "succeeded", f"block {receipt.block_number}, {receipt.hash}")


def out_of_gas(job: Job, receipt: Receipt, now: datetime, next_check_at: datetime) -> Job:
    """in flight → pending: the transaction is mined, deep enough, and its estimated gas limit was too low.

    The transaction has reverted, so its nonce is settled and nothing of the job has happened (invariants 3 and 4).
    """
    require_status(job, IN_FLIGHT, "signed anew with more gas")
    asked_to_cancel = job.status is Status.CANCEL_REQUESTED
    job = _with_outcome(job, Outcome.OUT_OF_GAS, receipt)
    detail = f"nonce {job.attempt.nonce}: the estimated gas limit was {job.attempt.gas}, {receipt.gas_used} was used"
    return _pending_again(with_event(job, now, "outOfGas", detail), asked_to_cancel, now, next_check_at)


def displaced(job: Job, now: datetime, next_check_at: datetime) -> Job:
    """in flight → pending: another program's transaction settled the nonce, so none of ours can be mined any more."""
    require_status(job, IN_FLIGHT, "displaced")
    asked_to_cancel = job.status is Status.CANCEL_REQUESTED
    job = _with_outcome(job, Outcome.DISPLACED, None)
    job = with_event(job, now, "displaced", f"nonce {job.attempt.nonce} was used by another program")
    return _pending_again(job, asked_to_cancel, now, next_check_at)


def in_a_row(job: Job, outcome: Outcome) -> int:
    """Return the number of the job's latest attempts since it was issued or retried that all ended with this outcome."""
    count = 0
    for attempt in reversed(job.attempts):
        if attempt.outcome is not outcome or attempt.transactions[0].signed_at < job.open_since:
            break
        count += 1
    return count


def _pending_again(job: Job, asked_to_cancel: bool, now: datetime, next_check_at: datetime) -> Job:
    """Return the job, pending for its next attempt.

    A job whose cancellation was asked for is cancelled instead, because nothing of it is on chain. A job whose attempt this
    service had given up fails for that reason.
    """
    if job.attempt.abandoned is not None:
        return failed(job, job.attempt.abandoned, now)
    if asked_to_cancel:
        return cancelled(job, now)
    # It keeps its place among the account's jobs (invariant 11): later jobs may need what it does.
    return replace(job, status=Status.PENDING, result={}, pending_since=job.open_since, next_check_at=next_check_at, checks=0)


def _with_outcome(job: Job, outcome: Outcome, receipt: Receipt | None) -> Job:
    """Settle the attempt in flight. Only the mined transaction keeps its raw bytes: after a deep reorg they are sent again."""
    mined = receipt.hash if receipt else None
    transactions = tuple(sent if sent.hash == mined else replace(sent, raw=b"") for sent in job.attempt.transactions)
    attempt = replace(job.attempt, outcome=outcome, receipt=receipt, transactions=transactions)
    return replace(job, attempts=(*job.attempts[:-1], attempt))
