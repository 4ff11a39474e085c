"""Store the signed jobs of a round. A job that somebody else has changed, or whose row the table does not take, is left out;
the others are stored (invariant 12).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from chalicelib.errors import JobsChanged, ServiceUnavailable, VersionConflict, WriteRefused
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Account, Failure, Job, WaitCode
from chalicelib.jobs.states import failed, waiting
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts

REFUSED = "the table does not take its row, which is probably too large"
AGAIN_SECONDS = 60
CHECK_MARGIN = timedelta(seconds=60)
LINES_KEPT = 10
"""Of the history of a job whose row is too large to be closed as it is."""


@dataclass(slots=True)
class Stored:
    """What became of the signed jobs of a round."""

    started: list[Job] = field(default_factory=list)
    """Stored with the nonces they were signed at."""
    refused: list[str] = field(default_factory=list)
    """Ids of jobs whose rows are refused. Nothing of them is stored, and their nonces are not taken."""
    changed: list[str] = field(default_factory=list)
    """Ids of jobs that somebody else has changed meanwhile. Nothing of them is stored, and their nonces are not taken."""
    behind: list[str] = field(default_factory=list)
    """Ids of jobs that are not stored either: they were signed behind one that is left out, so their nonces are others now."""


def store_signed(
    account: Account, first_nonce: int, signed: Sequence[Job], ports: WorkerPorts, *, raced: bool = False
) -> Stored:
    """Store jobs that were signed at the nonces from `first_nonce` on, up to the first one that was changed meanwhile or whose
    row is refused.

    DynamoDB tells which row it refuses, or only that it refuses all of them together: then each half is tried.
    When jobs are changed again while those before the first change are stored (`raced`), only the jobs before all those of the
    same owners are tried. So nobody can make this take many writes by changing one job after another.
    Raises VersionConflict when nothing was stored because the account was changed meanwhile.
    """
    ids = [job.job_id for job in signed]
    left_out = Stored()
    try:
        return Stored(ports.jobs.start(account, first_nonce + len(signed), signed))
    except JobsChanged as error:
        left_out.changed = [job_id for job_id in ids if job_id in error.job_ids]
        if not left_out.changed:
            raise
        stops = set(left_out.changed)
        if raced:
            owners = {job.owner for job in signed if job.job_id in stops}
            stops = {job.job_id for job in signed if job.owner in owners}
        raced = True
    except WriteRefused as error:
        left_out.refused = [job_id for job_id in ids if job_id in error.job_ids] or ids * (len(ids) == 1)
        stops = set(left_out.refused)
        for job_id in left_out.refused:
            log_isolated("a signed job could not be stored", job_id, error)
    if stops:
        before = min(map(ids.index, stops))
        head = store_signed(account, first_nonce, signed[:before], ports, raced=raced) if before else Stored()
        return _together(head, left_out, ids)
    half = len(signed) // 2
    head = store_signed(account, first_nonce, signed[:half], ports, raced=raced)
    if len(head.started) < half:
        return replace(head, behind=[*head.behind, *ids[half:]])
    try:
        moved, next_nonce = account.having_signed(first_nonce + half, signed[:half]), first_nonce + half
        tail = store_signed(moved, next_nonce, signed[half:], ports, raced=raced)
    except (VersionConflict, ServiceUnavailable):
        return Stored(head.started, behind=ids[half:])  # what is stored is broadcast now; the next round sees what is true
    return replace(tail, started=[*head.started, *tail.started])


def _together(head: Stored, left_out: Stored, ids: Sequence[str]) -> Stored:
    """What became of jobs of which the first ones were stored alone. Those that are not left out are behind."""
    refused, changed = [*head.refused, *left_out.refused], [*head.changed, *left_out.changed]
    settled = {*(job.job_id for job in head.started), *refused, *changed}
    return Stored(head.started, refused, changed, [job_id for job_id in ids if job_id not in settled])


def put_refused_off(account_id: str, jobs: Sequence[Job], ports: WorkerPorts) -> None:
    """Let pending jobs whose rows were refused wait once, in case the refusal passes. A second time they fail."""
    for job in jobs:
        try:
            if job.waits_code is WaitCode.ROW_REFUSED or not _waits(account_id, job, ports):
                _save_failed(failed(job, Failure(FailCode.ROW_REFUSED, f"It was not signed: {REFUSED}."), ports.clock()), ports)
        except VersionConflict:
            continue  # cancelled meanwhile


def _waits(account_id: str, job: Job, ports: WorkerPorts) -> bool:
    """Write down that the job waits, and come back. False where not even that is taken. Raises VersionConflict."""
    now = ports.clock()
    until = now + timedelta(seconds=AGAIN_SECONDS)
    try:
        ports.jobs.save(waiting(job, now, until, REFUSED, code=WaitCode.ROW_REFUSED, next_check_at=until + CHECK_MARGIN))
    except WriteRefused:
        return False
    ports.queue.execute_later(account_id, [job.job_id], AGAIN_SECONDS)
    return True


def save_failed(job: Job, changed: list[Job], ports: WorkerPorts) -> None:
    """Write a job of a round that has failed with nothing of it on chain. Where somebody else has changed it meanwhile, it is
    added to `changed`: this stops no other job of the round (invariant 12).
    """
    try:
        _save_failed(job, ports)
    except VersionConflict:
        changed.append(job)


def _save_failed(job: Job, ports: WorkerPorts) -> None:
    """Write a job that has failed with nothing of it on chain. Where its row is refused, it is written with less of its past.

    A refusal of that, too, is logged and stops nothing. Raises VersionConflict.
    """
    try:
        ports.jobs.save(job)
    except WriteRefused as error:
        log_isolated("a failed job is stored without its past", job.job_id, error)
        try:
            ports.jobs.save(_shortened(job))
        except WriteRefused as again:
            log_isolated("a failed job could not be stored", job.job_id, again)


def _shortened(job: Job) -> Job:
    """The job with the first line and the latest lines of its history, and its last attempt. What the others cost is kept."""
    dropped = sum(attempt.receipt.fee for attempt in job.attempts[:-1] if attempt.receipt is not None)
    return replace(
        job,
        history=(job.history[0], *job.history[1:][-LINES_KEPT:]),
        attempts=job.attempts[-1:],
        dropped_fees=job.dropped_fees + dropped,
    )
