"""The state machine: every transition a job can make, as functions from a job to the next one (design: section 6).

They are pure. A transition that is not allowed from the job's state raises IllegalTransition: callers guard first, this is
the second lock. Writing the result, once, at the job's version, is the store's part.
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
    """Add a line to the history. The first line and the latest ones are kept: retries do not let it grow without bound."""
    happened = Event(now, event, detail)
    history = (*job.history, happened)
    if len(history) > HISTORY_LIMIT:
        history = (history[0], *history[1 - HISTORY_LIMIT :])
    return replace(job, history=history, unsaved=(*job.unsaved, happened), updated_at=now)


def started(job: Job, attempt: Attempt, now: datetime, next_check_at: datetime) -> Job:
    """pending → started: the attempt's signed transaction is stored with the nonce it uses, in one write (invariant 2).

    A fresh job stays without a next check: most are final before anybody has to look.
    """
    require_status(job, {Status.PENDING}, "started")
    if any(earlier.outcome is None for earlier in job.attempts):  # invariant 3, whatever the caller believes
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
    """Return the job without what only a pending one tells: since when it is pending, and what it waits for."""
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
    """Keep a pending job waiting: it tells the reason, the reason's kind `code`, and until when it rests.

    `reason` may hold amounts that change, so the kind alone decides whether the job still waits for the same thing. The history
    has one line for each kind, however often the job comes back to it before it is signed. `checks` counts every wait.
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
    """True if the history has a line about a wait of this kind since the job was issued, retried or last signed."""
    for event in reversed(job.history):
        if event.event in _BEGINNINGS:
            return False
        if event.event == WAITING and (event.detail or "").startswith(f"{code}: "):
            return True
    return False


def unsigned_since(job: Job) -> datetime:
    """Return the time from which a pending job's age counts: since it became pending, or since an operator resumed its account.

    While an operator has paused the account, nobody could sign: that time does not count.
    """
    resumed = [event.at for event in job.history if event.event == RESUMED]
    return max([job.pending_since or job.created_at, *resumed])


def is_resting(job: Job, now: datetime) -> bool:
    """It waits, and whoever made it wait has seen to it that it is looked at again later."""
    return job.waits_until is not None and job.waits_until > now


def with_next_check(job: Job, next_check_at: datetime) -> Job:
    """Somebody looks after this open job: reconcile need not before `next_check_at`."""
    require_status(job, set(Status) - FINAL, "checked")
    return replace(job, next_check_at=next_check_at, checks=job.checks + 1)


def with_transaction(
    job: Job, transaction: SignedTransaction, now: datetime, abandoned: Failure | None = None, nonce: int | None = None
) -> Job:
    """Another transaction of the attempt in flight, or of one that a reorg has taken back: same nonce, higher fees. Stored
    before it is broadcast (invariant 1).
    """
    if not is_reorged(job):
        require_status(job, IN_FLIGHT, "replaced")
    at = next((n for n, one in enumerate(job.attempts) if one.nonce == nonce), len(job.attempts) - 1)
    attempt = job.attempts[at]
    # Only the latest is ever sent again; of the earlier ones hashes and fees are watched. Rows hold 400 KB.
    earlier = (replace(sent, raw=b"") for sent in attempt.transactions)
    attempt = replace(attempt, transactions=(*earlier, transaction), abandoned=abandoned or attempt.abandoned)
    job = replace(job, attempts=(*job.attempts[:at], attempt, *job.attempts[at + 1 :]))
    event = "cancelSigned" if transaction.purpose is Purpose.CANCEL else "replaced"
    return with_event(job, now, event, transaction.hash)


def seen_mined(job: Job, receipt: Receipt, now: datetime) -> Job:
    """In flight still: mined, but not deep enough. What it made is shown already; a reorg may take it back."""
    require_status(job, IN_FLIGHT, "shown as mined")
    job = replace(job, result=result_of(job, receipt))
    return with_event(job, now, "mined", f"block {receipt.block_number}, {receipt.hash}")


def seen_unmined(job: Job, now: datetime) -> Job:
    """In flight still: the block it was mined in is no more, and so is what it had made."""
    require_status(job, IN_FLIGHT, "shown as not mined")
    return with_event(replace(job, result={}), now, "unmined")


def failed(job: Job, failure: Failure, now: datetime) -> Job:
    """→ failed: nothing of this job can happen on chain any more (invariant 4)."""
    require_status(job, {Status.PENDING, *IN_FLIGHT}, "failed")
    _require_settled(job, "failed")
    job = with_final_status(job, Status.FAILED, now)
    job = replace(job, failure=failure, failed_at=now, fail_count=job.fail_count + 1)
    return with_event(job, now, "failed", f"{failure.code}: {failure.reason}")


def cancel_requested(job: Job, now: datetime) -> Job:
    """started → cancelRequested: decided by whichever transaction of the nonce is mined."""
    require_status(job, {Status.STARTED}, "asked to cancel")
    return with_event(replace(job, status=Status.CANCEL_REQUESTED), now, "cancelRequested")


def cancelled(job: Job, now: datetime, by_hash: str | None = None) -> Job:
    """→ cancelled: nothing of this job can happen on chain any more (invariant 4)."""
    require_status(job, {Status.PENDING, Status.CANCEL_REQUESTED, Status.STARTED}, "cancelled")
    _require_settled(job, "cancelled")
    return with_event(with_final_status(job, Status.CANCELLED, now), now, "cancelled", by_hash)


def retried(job: Job, now: datetime, next_check_at: datetime) -> Job:
    """failed | cancelled → pending: the same job and id; its next attempt is appended when it is signed."""
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
    """Invariant 4: a job is never closed or retried over an attempt that could still be mined."""
    if job.attempts and job.attempt.outcome is None:
        raise IllegalTransition(job, f"{transition} while its nonce {job.attempt.nonce} is not settled")


def with_final_status(job: Job, status: Status, now: datetime) -> Job:
    """Without a result: only a job that succeeds has one, by its last receipt."""
    return replace(
        no_longer_pending(job),
        status=status,
        result={},
        last_finished_at=now,
        next_check_at=None,
    )
