"""Final jobs whose block a deep reorg replaced: pure functions.

Such a job is reorged. It keeps its status while its transaction is sent again, because most are mined again and nothing else
changes. The job gets another status only when its nonce is settled in another way.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.jobs.endings import confirmed
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Attempt, Failure, Fees, Job, Outcome, Purpose, SignedTransaction, Status
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.settlement import REORGED, is_reorged
from chalicelib.jobs.states import failed, no_longer_pending, with_event

REVERTED_AGAIN = "The transaction reverted when it was mined again, after a reorg had replaced its block."


def reorged_attempts(job: Job, mined_count: int) -> list[Attempt]:
    """Return the attempts that a mined transaction had settled, although the account has only so many mined transactions."""
    return [attempt for attempt in job.attempts if attempt.receipt is not None and attempt.nonce >= mined_count]


def is_told(job: Job, receipt: Receipt) -> bool:
    """True if the history already says that this receipt's block was replaced."""
    return any(event.event == REORGED and _replaced(receipt) in (event.detail or "") for event in job.history)


def reorged(job: Job, receipt: Receipt, where: str, made: Mapping[str, Any], now: datetime) -> Job:
    """Add a line to the history: the receipt's block was replaced, and `where` the transaction is now.

    The status stays. `made` is what the job's transaction has made on the chain as it is now.
    """
    return replace(with_event(job, now, REORGED, f"{_replaced(receipt)}; {where}"), result=made)


def in_flight_again(job: Job, receipt: Receipt, now: datetime) -> Job:
    """pending → started: a retried job is not signed yet, and its last transaction is not mined any more.

    That transaction may be mined again, so it is the job's attempt again (invariant 3).
    """
    told = with_event(job, now, REORGED, f"{_replaced(receipt)}; it is in flight again")
    attempt = replace(job.attempt, outcome=None, receipt=None)
    opened = replace(told, status=Status.STARTED, attempts=(*job.attempts[:-1], attempt), next_check_at=now)
    return no_longer_pending(opened)


def confirmed_again(job: Job, receipt: Receipt, now: datetime, revert_reason: str | None = None) -> Job:
    """Return a reorged job as this receipt ends it: a transaction of its attempt is mined again, deep enough (invariant 5)."""
    ended = confirmed(_opened(job), receipt, now, revert_reason or REVERTED_AGAIN)
    if job.status is ended.status is Status.FAILED:  # it has failed once, however often its transaction is mined
        return replace(ended, fail_count=job.fail_count, failure=job.failure)
    return ended


def displaced_after_reorg(job: Job, now: datetime) -> Job:
    """Return a reorged job whose nonce another program's transaction has settled. A job that had succeeded has failed now."""
    detail = f"after a reorg nonce {job.attempt.nonce} was used by another program"
    if job.status is not Status.SUCCEEDED:  # nothing of it had happened, and nothing has now
        return with_event(job, now, "displaced", detail)
    opened = _opened(job)
    attempt = replace(opened.attempt, outcome=Outcome.DISPLACED)
    opened = with_event(replace(opened, attempts=(*job.attempts[:-1], attempt)), now, "displaced", detail)
    reason = "A reorg replaced the final block with the job's transaction. Then another program used its nonce."
    return failed(opened, Failure(FailCode.REORGED_AWAY, reason), now)


def earlier_to_free(job: Job, mined_count: int, is_taken: Callable[[Fees], bool]) -> Attempt | None:
    """Return the first earlier attempt whose nonce a reorg took back and that needs a new cancel transaction.

    The job has a later attempt. So the earlier attempt's own transactions must not be mined again: both would take effect. It
    needs none if its latest transaction is a stored cancel transaction whose fees `is_taken` accepts.
    """
    return next(
        (
            one
            for one in _earlier_reorged(job, mined_count)
            if one.latest.purpose is not Purpose.CANCEL or not one.latest.raw or not is_taken(one.latest.fees)
        ),
        None,
    )


def freeing(jobs: Iterable[Job], mined_count: int) -> list[SignedTransaction]:
    """Return the stored cancel transactions at nonces of earlier attempts that a reorg took back."""
    lost = [one for job in jobs for one in _earlier_reorged(job, mined_count)]
    return [one.latest for one in lost if one.latest.purpose is Purpose.CANCEL and one.latest.raw]


def _earlier_reorged(job: Job, mined_count: int) -> list[Attempt]:
    return [one for one in reorged_attempts(job, mined_count) if one.nonce != job.attempt.nonce]


def is_safe_to_send(job: Job, attempt: Attempt, sent: SignedTransaction) -> bool:
    """True unless the transaction, mined again, would do something that the job's status does not say (invariant 4)."""
    return sent.purpose is Purpose.CANCEL or (attempt.nonce == job.attempt.nonce and job.status is Status.SUCCEEDED)


def stored_transaction(attempt: Attempt) -> SignedTransaction | None:
    """Return the newest transaction of a settled attempt whose raw bytes are still stored."""
    return next((sent for sent in reversed(attempt.transactions) if sent.raw), None)


def _opened(job: Job) -> Job:
    if not is_reorged(job):
        raise ValueError(f"job {job.job_id} was not reorged")
    attempt = replace(job.attempt, outcome=None, receipt=None)
    return replace(job, status=Status.STARTED, attempts=(*job.attempts[:-1], attempt))


def _replaced(receipt: Receipt) -> str:
    return f"block {receipt.block_number} was replaced after it was final"
