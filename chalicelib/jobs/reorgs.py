"""Jobs that were final when the chain replaced the block that had closed them: what is told, and what follows.

Such a job keeps its status while its transaction is sent again: most are mined again and nothing else changes. Where another
outcome is settled in the end, that is the job's.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Attempt, Failure, Fees, Job, Outcome, Purpose, Receipt, SignedTransaction, Status
from chalicelib.jobs.settlement import REORGED, is_taken_back
from chalicelib.jobs.states import failed, no_longer_pending, reverted, settled, with_event

REVERTED_AGAIN = "It reverted when it was mined again, after a reorg had replaced its block."


def taken_back_attempts(job: Job, mined: int) -> list[Attempt]:
    """Return the attempts that a mined transaction had settled, although the account has only so many mined transactions."""
    return [attempt for attempt in job.attempts if attempt.receipt is not None and attempt.nonce >= mined]


def is_told(job: Job, receipt: Receipt) -> bool:
    """Whether the history says already that this receipt's block was replaced."""
    return any(event.event == REORGED and _told(receipt) in (event.detail or "") for event in job.history)


def reorged(job: Job, receipt: Receipt, where: str, made: Mapping[str, Any], now: datetime) -> Job:
    """The same status, and a line in the history. `made` is what stands of what it had made."""
    return replace(with_event(job, now, REORGED, f"{_told(receipt)}; {where}"), result=made)


def in_flight_again(job: Job, receipt: Receipt, now: datetime) -> Job:
    """A retried job that is not signed yet, and whose last transaction is not mined any more: that one is its attempt again
    (invariant 3).
    """
    told = with_event(job, now, REORGED, f"{_told(receipt)}; it is in flight again")
    attempt = replace(job.attempt, outcome=None, receipt=None)
    opened = replace(told, status=Status.STARTED, attempts=(*job.attempts[:-1], attempt), next_check_at=now)
    return no_longer_pending(opened)


def settled_again(job: Job, receipt: Receipt, now: datetime) -> Job:
    """A transaction of the attempt is mined once more, deep enough: the job is what this receipt says (invariant 5)."""
    opened = _in_flight_again(job)
    mined = next(transaction for transaction in job.attempt.transactions if transaction.hash == receipt.hash)
    if receipt.succeeded or mined.purpose is Purpose.CANCEL:
        closed = settled(opened, receipt, now)
    else:
        closed = reverted(opened, receipt, job.failure.reason if job.failure else REVERTED_AGAIN, now)
    if job.status is closed.status is Status.FAILED:  # it has failed once, however often its transaction is mined
        return replace(closed, fail_count=job.fail_count, failure=job.failure)
    return closed


def displaced_after_reorg(job: Job, now: datetime) -> Job:
    """Another program's transaction has the nonce now, for good. What had succeeded has not happened, and can be retried."""
    detail = f"after a reorg nonce {job.attempt.nonce} was used by another program"
    if job.status is not Status.SUCCEEDED:  # nothing of it had happened, and nothing has now
        return with_event(job, now, "displaced", detail)
    opened = _in_flight_again(job)
    attempt = replace(opened.attempt, outcome=Outcome.DISPLACED)
    opened = with_event(replace(opened, attempts=(*job.attempts[:-1], attempt)), now, "displaced", detail)
    reason = "The block that it was mined in was replaced after it was final, and another program used its nonce since."
    return failed(opened, Failure(FailCode.REORGED_AWAY, reason), now)


def earlier_to_free(job: Job, mined: int, is_taken: Callable[[Fees], bool]) -> Attempt | None:
    """Return the first earlier attempt whose nonce a reorg took back and needs a cancel transaction that the next block takes.

    The job has a later attempt. So the earlier one's own bytes must not be mined on the new chain: both would take effect.
    """
    return next(
        (
            one
            for one in _earlier_taken_back(job, mined)
            if one.latest.purpose is not Purpose.CANCEL or not one.latest.raw or not is_taken(one.latest.fees)
        ),
        None,
    )


def freeing(jobs: Iterable[Job], mined: int) -> list[SignedTransaction]:
    """Return the cancel transactions at nonces of earlier attempts that a reorg took back."""
    lost = [one for job in jobs for one in _earlier_taken_back(job, mined)]
    return [one.latest for one in lost if one.latest.purpose is Purpose.CANCEL and one.latest.raw]


def _earlier_taken_back(job: Job, mined: int) -> list[Attempt]:
    return [one for one in taken_back_attempts(job, mined) if one.nonce != job.attempt.nonce]


def is_safe_to_send(job: Job, attempt: Attempt, sent: SignedTransaction) -> bool:
    """True unless the transaction, if it is mined again, makes something happen that the job does not tell (invariant 4)."""
    return sent.purpose is Purpose.CANCEL or (attempt.nonce == job.attempt.nonce and job.status is Status.SUCCEEDED)


def to_send_again(attempt: Attempt) -> SignedTransaction | None:
    """Return the newest transaction of a settled attempt whose bytes are kept."""
    return next((sent for sent in reversed(attempt.transactions) if sent.raw), None)


def _in_flight_again(job: Job) -> Job:
    if not is_taken_back(job):
        raise ValueError(f"job {job.job_id} was not taken back by a reorg")
    attempt = replace(job.attempt, outcome=None, receipt=None)
    return replace(job, status=Status.STARTED, attempts=(*job.attempts[:-1], attempt))


def _told(receipt: Receipt) -> str:
    return f"block {receipt.block_number} was replaced after it was final"
