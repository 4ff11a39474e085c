"""Confirm: look on chain what became of jobs in flight; close them, push them on, or look again later."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from chalicelib.errors import JobsApiError, RowTooNew, ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import IN_FLIGHT, Failure, Job, Outcome, Purpose, Receipt, Status, account_id
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.ports import Call, Sighting, StandingBlock
from chalicelib.jobs.results import result_of
from chalicelib.jobs.states import checked, displaced, failed, reverted, seen_mined, settled, taken_back
from chalicelib.jobs.verdict import Mined, NonceSettledElsewhere, Settled, Sight, judge
from chalicelib.workers.backlog import read_jobs
from chalicelib.workers.delays import by_delay, first_look_seconds
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.push import push

log = logging.getLogger(__name__)

ATTEMPT_LIMIT = 5
"""How many attempts in a row may lose their nonce to another program before the job fails instead of trying again."""
LONGEST_POLL_SECONDS = 60
BLOCKS_AT_ONCE = 4
"""With two reads each and those of a round's transactions they fit into one request of a hundred."""
CHECK_AHEAD = timedelta(seconds=120)
CHECK_MARGIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Polled:
    """A job that is still open, and in how many seconds it is to be looked at again."""

    job: Job
    delay: float


def confirm_jobs(job_ids: Sequence[str], ports: WorkerPorts) -> None:
    """Move each job as far as the chain allows; those still open are polled again later.

    Raises ServiceUnavailable when the table or the queue does not answer.
    """
    jobs = read_jobs(job_ids, ports, unlikely={Status.PENDING})
    in_flight = [job for job in jobs if job.status in IN_FLIGHT]
    polled: list[Polled] = []
    for address, group in groupby(sorted(in_flight, key=lambda job: job.account), key=lambda job: job.account):
        polled += _follow_account(address, list(group), ports)
    _keep_reconcile_away(polled, ports)
    for delay_seconds, again in by_delay({poll.job.job_id: poll.delay for poll in polled}):
        ports.queue.confirm(again, delay_seconds)


def _follow_account(address: str, jobs: Sequence[Job], ports: WorkerPorts) -> list[Polled]:
    """Judge the jobs of one account; returns those that are still open, as they are now."""
    try:
        sight = _look(address, jobs, ports)
    except JobsApiError as error:
        log.warning("the chain could not be read", extra={"account": address, "code": error.code, "reason": error.message})
        return [Polled(job, _patience(job, ports)) for job in jobs]
    in_flight = {job.job_id: job for job in jobs}
    polled: list[Polled] = []
    not_mined: list[Job] = []
    closing: list[Job] = []
    for job in jobs:
        verdict = judge(job, sight, ports.network.confirmations)
        try:
            match verdict:
                case Settled(receipt):
                    closing.append(_closed(job, receipt, ports))
                case NonceSettledElsewhere():
                    if not _displace(job, sight, ports):
                        polled.append(Polled(_without_result(job, ports), _patience(job, ports)))
                case Mined(blocks_missing, receipt):
                    polled.append(Polled(_with_result(job, receipt, ports), blocks_missing * ports.network.block_seconds))
                case _:
                    not_mined.append(_without_result(job, ports))
        except Exception as error:  # noqa: BLE001 -- what is wrong with one job must not hold back those polled with it
            polled.append(_again(job, error, ports))
    for job, outcome in zip(closing, ports.jobs.save_each(closing) if closing else (), strict=True):
        if isinstance(outcome, Exception):
            polled.append(_again(in_flight[job.job_id], outcome, ports))
    pushed = push(account_id(jobs[0].chain_id, address), not_mined, sight, ports)
    return [*polled, *(Polled(after, _patience(before, ports)) for before, after in zip(not_mined, pushed, strict=True))]


def _again(job: Job, error: Exception, ports: WorkerPorts) -> Polled:
    """Its step has failed; the next look makes up for it."""
    if isinstance(error, VersionConflict):
        return Polled(job, ports.network.block_seconds)  # lost a race: read again before anything else
    if isinstance(error, JobsApiError):
        log.warning("a job could not be moved on", extra={"jobId": job.job_id, "code": error.code, "reason": error.message})
    else:
        log.error("a job could not be moved on", extra={"jobId": job.job_id}, exc_info=error)
    return Polled(job, _patience(job, ports))


def _look(address: str, jobs: Sequence[Job], ports: WorkerPorts) -> Sight:
    """One request where the transactions are in the blocks that they should be in, else a second one."""
    seen = ports.chain.sighting(address, [hash_ for job in jobs for hash_ in job.attempt.hashes], _expected_in(jobs, ports))
    settled_at = _settled_at(seen.head, ports)
    deep = {receipt.block_number for receipt in seen.receipts.values() if receipt.block_number <= settled_at}
    blocks = dict(seen.blocks)
    if deep - blocks.keys() or _is_unclear(jobs, seen, _settled(blocks, settled_at)):
        blocks |= ports.chain.standing_blocks(address, {*deep, max(0, settled_at)})
    # Not those of blocks that the chain, as it is followed now, has replaced: a node may still show them (invariant 8).
    receipts = {
        hash_: _dated(receipt, blocks)
        for hash_, receipt in seen.receipts.items()
        if receipt.block_number not in deep | blocks.keys()
        or ((block := blocks.get(receipt.block_number)) is not None and block.hash == receipt.block_hash)
    }
    return Sight(seen.head, seen.mined, _settled(blocks, settled_at), receipts)


def _dated(receipt: Receipt, blocks: Mapping[int, StandingBlock]) -> Receipt:
    """With the time of its block, where that was read along."""
    block = blocks.get(receipt.block_number)
    return receipt if block is None else replace(receipt, mined_at=block.at)


def _expected_in(jobs: Sequence[Job], ports: WorkerPorts) -> list[int]:
    """The blocks that follow the signing of those whose first look this is: most are mined in the next or the one after it."""
    first_look = timedelta(seconds=first_look_seconds(ports.network) + 2 * ports.network.block_seconds)
    signed = [job.attempt.latest for job in jobs]
    recent = {one.signed_at_block for one in signed if one.signed_at + first_look >= ports.clock()}
    return sorted({block + blocks for block in recent for blocks in (1, 2)})[:BLOCKS_AT_ONCE]


def _is_unclear(jobs: Sequence[Job], seen: Sighting, settled: int) -> bool:
    """A nonce is used, nobody shows by what, and for all that is known it may be used for good."""
    return any(settled <= job.attempt.nonce < seen.mined and not seen.receipts.keys() & set(job.attempt.hashes) for job in jobs)


def _settled(blocks: Mapping[int, StandingBlock], settled_at: int) -> int:
    """Below which nonce all are used for good, as far as these blocks tell."""
    return max((block.mined or 0 for number, block in blocks.items() if number <= settled_at), default=0)


def _settled_at(head: int, ports: WorkerPorts) -> int:
    """The newest block that is deep enough."""
    return head - ports.network.confirmations + 1


def _with_result(job: Job, receipt: Receipt | None, ports: WorkerPorts) -> Job:
    """What it made is told as soon as it is mined, and corrected when it is mined again elsewhere. Most jobs make nothing."""
    if receipt is None or result_of(job, receipt) == job.result:
        return job
    return ports.jobs.save(seen_mined(job, receipt, ports.clock()))


def _without_result(job: Job, ports: WorkerPorts) -> Job:
    """A reorg has taken back what was told."""
    return ports.jobs.save(taken_back(job, ports.clock())) if job.result else job


def _closed(job: Job, receipt: Receipt, ports: WorkerPorts) -> Job:
    """The job, closed by its receipt (invariant 5)."""
    mined = next(transaction for transaction in job.attempt.transactions if transaction.hash == receipt.hash)
    if receipt.succeeded or mined.purpose is Purpose.CANCEL:
        return settled(job, receipt, ports.clock())
    call = replace(Call.of(job.account, job.request), gas=job.attempt.gas)
    reason = ports.chain.revert_reason(call, receipt.block_number)
    return reverted(job, receipt, reason, ports.clock())


def _displace(job: Job, sight: Sight, ports: WorkerPorts) -> bool:
    """Another program's transaction settled the nonce. False when that is not proven yet (invariant 8)."""
    user = ports.chain.user_of_nonce(job.account, job.attempt.nonce, _settled_at(sight.head, ports))
    if user is None or user in job.attempt.hashes:
        log.warning(
            "a settled nonce without a receipt", extra={"jobId": job.job_id, "nonce": job.attempt.nonce, "usedBy": user}
        )
        return False
    now = ports.clock()
    moved = displaced(job, now, next_check_at=now + CHECK_MARGIN)
    lost = [attempt.outcome is Outcome.DISPLACED for attempt in moved.attempts[-ATTEMPT_LIMIT:]]
    if moved.is_open and len(lost) == ATTEMPT_LIMIT and all(lost):
        failure = Failure("NonceUsedElsewhere", f"Other programs took its nonce {ATTEMPT_LIMIT} times in a row.")
        moved = failed(moved, failure, now)
    moved = ports.jobs.save(moved)
    if moved.is_open:
        nudge_execute(ports.queue, [moved])
    return True


def _patience(job: Job, ports: WorkerPorts) -> float:
    """Seconds until the next look at a job that is not mined: a block at first, longer the longer it takes."""
    block = ports.network.block_seconds
    waited = (ports.clock() - job.attempt.latest.signed_at).total_seconds()
    return block * max(1, min(round(waited / 4 / block), LONGEST_POLL_SECONDS // block))


def _keep_reconcile_away(polled: Sequence[Polled], ports: WorkerPorts) -> None:
    """Their polls go on: tell reconcile, so that it does not start a second chain. Short-lived jobs need no such write."""
    now = ports.clock()
    for job, again in ((poll.job, now + timedelta(seconds=poll.delay)) for poll in polled):
        if job.next_check_at is not None and job.next_check_at <= again + CHECK_MARGIN / 2:
            try:
                ports.jobs.save(checked(job, again + CHECK_AHEAD))
            except (VersionConflict, RowTooNew):
                continue  # it was moved on a moment ago, which serves as well
            except ServiceUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 -- what is wrong with one job must not hold back those polled with it
                log_isolated("a poll could not be noted", job.job_id, error)
