"""Store the signed jobs of a round.

A job that another worker or request has changed is left out, and so is a job whose row the table refuses. The others are
stored (invariant 12).
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

REFUSED = "the table does not take the job's row, which is probably too large"
AGAIN_SECONDS = 60
CHECK_MARGIN = timedelta(seconds=60)
LINES_KEPT = 10
"""Lines of the history of a job whose row is too large to be closed as it is."""


@dataclass(slots=True)
class Stored:
    """What became of the signed jobs of a round."""

    started: list[Job] = field(default_factory=list)
    """Jobs that are stored with the nonces they were signed at."""
    refused: list[str] = field(default_factory=list)
    """Ids of jobs whose rows are refused. Nothing of them is stored, and their nonces are not taken."""
    changed: list[str] = field(default_factory=list)
    """Ids of jobs that were changed meanwhile. Nothing of them is stored, and their nonces are not taken."""
    behind: list[str] = field(default_factory=list)
    """Ids of jobs that were signed behind a job that is left out. They are not stored, because their nonces have changed."""


def store_signed(
    account: Account, first_nonce: int, signed: Sequence[Job], ports: WorkerPorts, *, raced: bool = False
) -> Stored:
    """Store jobs that were signed at the nonces from `first_nonce` on, up to the first changed job or refused row.

    DynamoDB tells which row it refuses, or only that it refuses all of them together. Then each half is tried.

    After a first change, the jobs before it are tried again (`raced`). When one of these is changed, too, only the jobs before
    all jobs of its owner are tried. So an issuer cannot force many writes by changing one job after another.

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
        return Stored(head.started, behind=ids[half:])  # broadcast what is stored; the next round reads the account again
    return replace(tail, started=[*head.started, *tail.started])


def _together(head: Stored, left_out: Stored, ids: Sequence[str]) -> Stored:
    """Return what became of all jobs, when only the first of them were stored. Those that are not left out are behind."""
    refused, changed = [*head.refused, *left_out.refused], [*head.changed, *left_out.changed]
    known = {*(job.job_id for job in head.started), *refused, *changed}
    return Stored(head.started, refused, changed, [job_id for job_id in ids if job_id not in known])


def put_refused_off(account_id: str, jobs: Sequence[Job], ports: WorkerPorts) -> None:
    """Let pending jobs whose rows were refused wait once, in case the refusal passes. A second time they fail."""
    for job in jobs:
        try:
            if job.waits_code is WaitCode.ROW_REFUSED or not _waits(account_id, job, ports):
                failure = Failure(FailCode.ROW_REFUSED, f"The job was not signed: {REFUSED}.")
                _save_failed(failed(job, failure, ports.clock()), ports)
        except VersionConflict:
            continue  # cancelled meanwhile


def _waits(account_id: str, job: Job, ports: WorkerPorts) -> bool:
    """Store that the job waits, and ask for another try. False if the table refuses that row, too. Raises VersionConflict."""
    now = ports.clock()
    until = now + timedelta(seconds=AGAIN_SECONDS)
    try:
        ports.jobs.save(waiting(job, now, until, REFUSED, code=WaitCode.ROW_REFUSED, next_check_at=until + CHECK_MARGIN))
    except WriteRefused:
        return False
    ports.queue.execute_later(account_id, [job.job_id], AGAIN_SECONDS)
    return True


def save_failed(job: Job, changed: list[Job], ports: WorkerPorts) -> None:
    """Store a job of a round that has failed with nothing of it on chain.

    A job that was changed meanwhile is added to `changed`, and stops no other job of the round (invariant 12).
    """
    try:
        _save_failed(job, ports)
    except VersionConflict:
        changed.append(job)


def _save_failed(job: Job, ports: WorkerPorts) -> None:
    """Store a job that has failed with nothing of it on chain. If the table refuses its row, store a shorter row.

    If the table refuses that row, too, log it and go on. Raises VersionConflict.
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
    """Return the job with the first and latest lines of its history and its last attempt. Fees of other attempts are kept."""
    dropped = sum(attempt.receipt.fee for attempt in job.attempts[:-1] if attempt.receipt is not None)
    return replace(
        job,
        history=(job.history[0], *job.history[1:][-LINES_KEPT:]),
        attempts=job.attempts[-1:],
        dropped_fees=job.dropped_fees + dropped,
    )
