"""Jobs that were final when the chain replaced the block that had closed them: what is told, and what follows.

Such a job keeps its status while its transaction is sent again: most are mined again and nothing else changes. Where another
outcome is settled in the end, that is the job's.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.jobs.model import Attempt, Failure, Job, Outcome, Purpose, Receipt, SignedTransaction, Status
from chalicelib.jobs.states import failed, reverted, settled, with_event
from chalicelib.jobs.verdict import REORGED, is_taken_back

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
    return failed(opened, Failure("ReorgedAway", reason), now)


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
