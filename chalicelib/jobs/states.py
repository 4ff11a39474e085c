"""The state machine: each transition is a function from a job to the next one (design: section 6).

They are pure; the store writes their results. A transition that the job's status does not allow raises IllegalTransition.
Callers check the status first, so that is a bug. `chalicelib.jobs.endings` has what follows when a nonce is settled.
"""

from dataclasses import replace
from datetime import datetime

from chalicelib.jobs.model import (
    FINAL,
    IN_FLIGHT,
    RETRYABLE,
    Attempt,
    Event,
    Failure,
    Job,
    Purpose,
    SignedTransaction,
    Status,
    WaitCode,
)
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.results import result_of
from chalicelib.jobs.settlement import is_reorged

HISTORY_LIMIT = 50
WAITING = "waiting"
RESUMED = "resumed"
_BEGINNINGS = frozenset({"issued", "retried", "signed"})
"""Events after which a pending job begins to wait anew."""
ATTEMPTS_KEPT = 10


class IllegalTransition(Exception):
    """A bug: a transition was applied to a job whose state does not allow it."""

    def __init__(self, job: Job, transition: str) -> None:
        super().__init__(f"job {job.job_id} is {job.status}: it cannot be {transition}")


def with_event(job: Job, now: datetime, event: str, detail: str | None = None) -> Job:
    """Add a line to the history. The first line and the latest lines are kept, so that retries do not make it grow for ever."""
    happened = Event(now, event, detail)
    history = (*job.history, happened)
    if len(history) > HISTORY_LIMIT:
        history = (history[0], *history[1 - HISTORY_LIMIT :])
    return replace(job, history=history, unsaved=(*job.unsaved, happened), updated_at=now)


def started(job: Job, attempt: Attempt, now: datetime, next_check_at: datetime) -> Job:
    """pending → started: the attempt's signed transaction is stored with the nonce it uses, in one write (invariant 2).

    A fresh job stays without a next check, because most jobs are final before one is due.
    """
    require_status(job, {Status.PENDING}, "started")
    if any(earlier.outcome is None for earlier in job.attempts):  # invariant 3
        raise IllegalTransition(job, "signed anew while an earlier attempt is not settled")
    dropped, kept = job.attempts[: -ATTEMPTS_KEPT + 1], job.attempts[-ATTEMPTS_KEPT + 1 :]
    job = replace(
        job,
        status=Status.STARTED,
        attempts=(*kept, attempt),
        dropped_fees=job.dropped_fees + sum(old.receipt.fee for old in dropped if old.receipt is not None),
        attempt_count=job.attempt_count + 1,
        next_check_at=None if job.is_fresh else next_check_at,
    )
    job = no_longer_pending(job)
    return with_event(job, now, "signed", f"nonce {attempt.nonce}, {attempt.latest.hash}")


def no_longer_pending(job: Job) -> Job:
    """Return the job without the fields of a pending job: since when it is pending, and what it waits for."""
    return replace(
        job,
        pending_since=None,
        waits_because=None,
        waits_code=None,
        waits_since=None,
        waits_until=None,
        waits_for_nonce=None,
        checks=0,
    )


def waiting(
    job: Job,
    now: datetime,
    until: datetime,
    reason: str,
    *,
    code: WaitCode = WaitCode.OTHER,
    next_check_at: datetime,
    waits_for_nonce: int | None = None,
) -> Job:
    """Let a pending job wait: it shows the reason, the reason's code, and until when it rests.

    `reason` may hold amounts that change, so only the code decides whether the job still waits for the same thing. The history
    has one line for each code until the job is signed. `checks` counts every wait.
    """
    require_status(job, {Status.PENDING}, "kept waiting")
    if job.waits_code is WaitCode.ACCOUNT_PAUSED and code is not WaitCode.ACCOUNT_PAUSED:
        job = with_event(job, now, RESUMED, "the account is no longer paused")
    if not _has_told(job, code):
        job = with_event(job, now, WAITING, f"{code}: {reason}")
    return replace(
        job,
        waits_because=reason,
        waits_code=code,
        waits_since=job.waits_since if job.waits_code is code and job.waits_since is not None else now,
        waits_until=until,
        waits_for_nonce=waits_for_nonce,
        next_check_at=next_check_at,
        checks=job.checks + 1,
    )


def _has_told(job: Job, code: WaitCode) -> bool:
    """True if the history has a line with this code since the job was issued, retried or last signed."""
    for event in reversed(job.history):
        if event.event in _BEGINNINGS:
            return False
        if event.event == WAITING and (event.detail or "").startswith(f"{code}: "):
            return True
    return False


def unsigned_since(job: Job) -> datetime:
    """Return the time from which a pending job's age counts: since it became pending, or since an operator resumed its account.

    The time for which an operator has paused the account does not count.
    """
    resumed = [event.at for event in job.history if event.event == RESUMED]
    return max([job.pending_since or job.created_at, *resumed])


def is_resting(job: Job, now: datetime) -> bool:
    """True if it waits and its rest is not over. A nudge arrives when it is."""
    return job.waits_until is not None and job.waits_until > now


def with_next_check(job: Job, next_check_at: datetime) -> Job:
    """Move the next check of an open job: ReconcileJobs does not nudge it before `next_check_at`."""
    require_status(job, set(Status) - FINAL, "given a next check")
    return replace(job, next_check_at=next_check_at, checks=job.checks + 1)


def with_transaction(
    job: Job, transaction: SignedTransaction, now: datetime, abandoned: Failure | None = None, nonce: int | None = None
) -> Job:
    """Add a replacement transaction to the attempt with this nonce: the last attempt, if `nonce` is None.

    The job is in flight or reorged. The result is stored before the transaction is broadcast (invariant 1).
    """
    if not is_reorged(job):
        require_status(job, IN_FLIGHT, "replaced")
    at = next((n for n, one in enumerate(job.attempts) if one.nonce == nonce), len(job.attempts) - 1)
    attempt = job.attempts[at]
    # Only the latest is sent again, so the earlier ones lose their raw bytes: a row holds at most 400 KB.
    earlier = (replace(sent, raw=b"") for sent in attempt.transactions)
    attempt = replace(attempt, transactions=(*earlier, transaction), abandoned=abandoned or attempt.abandoned)
    job = replace(job, attempts=(*job.attempts[:at], attempt, *job.attempts[at + 1 :]))
    event = "cancelSigned" if transaction.purpose is Purpose.CANCEL else "replaced"
    return with_event(job, now, event, transaction.hash)


def seen_mined(job: Job, receipt: Receipt, now: datetime) -> Job:
    """Show what the transaction made, as soon as it is mined. The job stays in flight, because a reorg may undo it."""
    require_status(job, IN_FLIGHT, "shown as mined")
    job = replace(job, result=result_of(job, receipt))
    return with_event(job, now, "mined", f"block {receipt.block_number}, {receipt.hash}")


def seen_unmined(job: Job, now: datetime) -> Job:
    """Show no longer what the transaction made: a reorg has replaced its block. The job stays in flight."""
    require_status(job, IN_FLIGHT, "shown as not mined")
    return with_event(replace(job, result={}), now, "unmined")


def failed(job: Job, failure: Failure, now: datetime) -> Job:
    """→ failed. Nothing of this job can happen on chain any more (invariant 4)."""
    require_status(job, {Status.PENDING, *IN_FLIGHT}, "failed")
    _require_settled(job, "failed")
    job = with_final_status(job, Status.FAILED, now)
    job = replace(job, failure=failure, failed_at=now, fail_count=job.fail_count + 1)
    return with_event(job, now, "failed", f"{failure.code}: {failure.reason}")


def cancel_requested(job: Job, now: datetime) -> Job:
    """started → cancelRequested. The transaction of the nonce that is mined decides how the job ends."""
    require_status(job, {Status.STARTED}, "asked to cancel")
    return with_event(replace(job, status=Status.CANCEL_REQUESTED), now, "cancelRequested")


def cancelled(job: Job, now: datetime, by_hash: str | None = None) -> Job:
    """→ cancelled. Nothing of this job can happen on chain any more (invariant 4)."""
    require_status(job, {Status.PENDING, Status.CANCEL_REQUESTED, Status.STARTED}, "cancelled")
    _require_settled(job, "cancelled")
    return with_event(with_final_status(job, Status.CANCELLED, now), now, "cancelled", by_hash)


def retried(job: Job, now: datetime, next_check_at: datetime) -> Job:
    """failed | cancelled → pending. The next attempt is added when the job is signed."""
    require_status(job, RETRYABLE, "retried")
    _require_settled(job, "retried")
    job = replace(
        job,
        status=Status.PENDING,
        result={},
        pending_since=now,
        next_check_at=next_check_at,
        checks=0,
    )
    return with_event(job, now, "retried")


def require_status(job: Job, allowed: set[Status] | frozenset[Status], transition: str) -> None:
    if job.status not in allowed:
        raise IllegalTransition(job, transition)


def _require_settled(job: Job, transition: str) -> None:
    """Raise IllegalTransition if the last attempt could still be mined (invariant 4)."""
    if job.attempts and job.attempt.outcome is None:
        raise IllegalTransition(job, f"{transition} while its nonce {job.attempt.nonce} is not settled")


def with_final_status(job: Job, status: Status, now: datetime) -> Job:
    """Return the job with a final status and no result: only a job that succeeds has one, from its last receipt."""
    return replace(
        no_longer_pending(job),
        status=status,
        result={},
        last_finished_at=now,
        next_check_at=None,
    )
