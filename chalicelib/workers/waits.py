"""Jobs that cannot be signed yet: why they wait, how long each rests, and when it fails instead.

A job rests longer with each wait, whatever the reasons are. The longest rest is a minute. For a job that has waited long it is
a tenth of that time, up to five minutes. So the end of a condition (funds arrive, the base fee falls, an account is resumed) is
noticed within a minute, or within a tenth of the time that the job has waited. A job that waits for a day is written about 300
times. A rest ends at the latest when the job fails, or when more is known.

A job of a shared account that waits for its turn rests for about as many blocks as that takes.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from chalicelib.backoff import doubled
from chalicelib.bounds import Bounds
from chalicelib.errors import ChainUnavailable, ConfigurationError, JobsApiError, SignerUnavailable, VersionConflict
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Failure, Job, WaitCode
from chalicelib.jobs.states import failed, unsigned_since, waiting
from chalicelib.workers.polling import by_delay
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.sign import CHECK_MARGIN

log = logging.getLogger(__name__)

LONGEST_SECONDS_AT_FIRST = 60.0
LONGEST_SECONDS = 300.0
LONGEST_SHARE = 0.1
"""The longest rest, as a part of the time that a job has waited, between the two bounds above."""
BLOCKS_AGAIN = 4
"""The longest rest of a job whose turn it is, but that still cannot be signed: for example because no blocks are made."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A job that cannot be signed now, and why."""

    job: Job
    code: WaitCode
    reason: str
    waits_for_nonce: int | None
    blocks: int | None = None
    """After how many blocks it is probably its turn. None if that is not known: then each rest is longer."""


def put_off(job: Job, code: WaitCode, reason: str, blocks: int | None = None) -> Wait:
    """Return the wait of a job for a reason that says nothing about its estimate. `waits_for_nonce` stays as it is."""
    return Wait(job, code, reason, job.waits_for_nonce, blocks)


def all_put_off(jobs: Sequence[Job], code: WaitCode, reason: str) -> list[Wait]:
    return [put_off(job, code, reason) for job in jobs]


def code_of(error: JobsApiError) -> WaitCode:
    """Return the kind of wait that an error which stops a whole round stands for."""
    match error:
        case ChainUnavailable():
            return WaitCode.CHAIN_UNAVAILABLE
        case SignerUnavailable():
            return WaitCode.SIGNER_UNAVAILABLE
        case ConfigurationError():
            return WaitCode.NOT_CONFIGURED
    return WaitCode.OTHER


def has_waited(job: Job, code: WaitCode, seconds: float, now: datetime) -> bool:
    """True if the job has waited so long for reasons of this kind, without one of another kind in between."""
    return job.waits_code is code and job.waits_since is not None and now - job.waits_since >= timedelta(seconds=seconds)


def postpone(account_id: str, waits: Sequence[Wait], ports: WorkerPorts) -> None:
    """Store why each job waits and until when, and send a delayed nudge. Jobs whose time is over fail instead.

    A job whose row cannot be written is logged, and ReconcileJobs finds it later. Raises ServiceUnavailable when the table did
    not answer, after the nudges of the other jobs are sent.
    """
    if not waits:
        return
    now = ports.clock()
    delays = [_delay_seconds(wait, now, ports) for wait in waits]
    changed = [_changed(wait, now, delay, ports) for wait, delay in zip(waits, delays, strict=True)]
    due: dict[str, int] = {}
    unanswered: JobsApiError | None = None
    for wait, outcome, delay in zip(waits, ports.jobs.save_each(changed), delays, strict=True):
        match outcome:
            case VersionConflict():
                pass  # it was cancelled, or another worker has moved it on
            case JobsApiError(passing=True):
                unanswered = outcome
            case Exception():
                log.error("a wait could not be written", extra={"jobId": wait.job.job_id}, exc_info=outcome)
            case Job(is_open=True):
                due[outcome.job_id] = delay
    for delay_seconds, job_ids in by_delay(due):
        ports.queue.execute_later(account_id, job_ids, delay_seconds)
    if unanswered is not None:
        raise unanswered


def _changed(wait: Wait, now: datetime, delay_seconds: int, ports: WorkerPorts) -> Job:
    failure = _failure(wait, now, ports.bounds)
    if failure is not None:
        return failed(wait.job, failure, now)
    until = now + timedelta(seconds=delay_seconds)
    return waiting(
        wait.job,
        now,
        until,
        wait.reason,
        code=wait.code,
        next_check_at=until + CHECK_MARGIN,
        waits_for_nonce=wait.waits_for_nonce,
    )


def _failure(wait: Wait, now: datetime, bounds: Bounds) -> Failure | None:
    """Return why the job fails instead of waiting on. None if it waits.

    A job fails by its age only if it has waited before: after a halt of the whole stage, each job is tried once more. While an
    operator has paused the account the job does not fail, and its age counts from when the account was resumed.
    """
    job = wait.job
    if wait.code is WaitCode.ESTIMATE_TOO_SLOW and has_waited(job, wait.code, bounds.slow_estimate_seconds, now):
        return Failure(FailCode.ESTIMATE_TOO_SLOW, f"For {_told(bounds.slow_estimate_seconds)}, {wait.reason}.")
    if wait.code is WaitCode.ACCOUNT_PAUSED or job.waits_code in (None, WaitCode.ACCOUNT_PAUSED):
        return None
    if now - unsigned_since(job) >= timedelta(seconds=bounds.unsigned_seconds):
        reason = f"The job could not be signed for {_told(bounds.unsigned_seconds)}: {wait.reason}."
        return Failure(FailCode.CANNOT_BE_SIGNED, reason)
    return None


def _told(seconds: float) -> str:
    hours, rest = divmod(seconds, 3_600)
    return f"{seconds:g} seconds" if rest or not hours else f"{hours:g} hour{'' if hours == 1 else 's'}"


def _delay_seconds(wait: Wait, now: datetime, ports: WorkerPorts) -> int:
    """Return how long the job rests, in whole seconds: at least one."""
    job = wait.job
    waited = (now - (job.pending_since or job.created_at)).total_seconds()
    longest = min(max(LONGEST_SHARE * waited, LONGEST_SECONDS_AT_FIRST), LONGEST_SECONDS)
    earlier_waits = job.checks - 1
    block_seconds = ceil(ports.network.block_seconds)
    if wait.blocks is None:
        delay = doubled(block_seconds, earlier_waits, longest)
    else:
        blocks = max(wait.blocks, doubled(1, earlier_waits, BLOCKS_AGAIN))
        delay = min(block_seconds * blocks, LONGEST_SECONDS)
    ends = [(at - now).total_seconds() for at in _known_ends(wait, now, ports.bounds) if at > now]
    return max(1, ceil(min([delay, *ends])))


def _known_ends(wait: Wait, now: datetime, bounds: Bounds) -> Iterator[datetime]:
    """Yield the times at which the job expires, fails, or has its revert believed."""
    job = wait.job
    if job.request.valid_until is not None:
        yield job.request.valid_until
    if wait.code is not WaitCode.ACCOUNT_PAUSED:
        yield unsigned_since(job) + timedelta(seconds=bounds.unsigned_seconds)
    since = job.waits_since if job.waits_code is wait.code and job.waits_since is not None else now
    match wait.code:
        case WaitCode.ESTIMATE_TOO_SLOW:
            yield since + timedelta(seconds=bounds.slow_estimate_seconds)
        case WaitCode.EARLIER_TRANSACTIONS:
            yield since + timedelta(seconds=bounds.earlier_jobs_seconds)
            yield since + timedelta(seconds=bounds.revert_belief_seconds)
