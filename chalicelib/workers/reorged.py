"""Reorged: a final job whose block was replaced is told, and its transaction is sent again until its nonce is settled again."""

import logging
from collections.abc import Sequence
from typing import Protocol

from chalicelib.errors import JobsApiError, VersionConflict
from chalicelib.jobs.model import FINAL, Attempt, Job, Status, account_id
from chalicelib.jobs.ports import Chain, Clock, Queue
from chalicelib.jobs.pricing import is_taken
from chalicelib.jobs.reorgs import (
    displaced_after_reorg,
    in_flight_again,
    is_safe_to_send,
    is_told,
    reorged,
    settled_again,
    to_send_again,
)
from chalicelib.jobs.results import result_of
from chalicelib.jobs.settlement import Mined, NonceSettledElsewhere, Settled, Sight, Unread, judge
from chalicelib.jobs.stores import JobStore
from chalicelib.workers.broadcast import send
from chalicelib.workers.look import look, settled_block
from chalicelib.workers.pending import JOBS_PER_ROUND
from chalicelib.workers.polls import Polled, after_error, patience_after
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.resign import Due, send_freeing, sign_again, with_nonces_to_free

log = logging.getLogger(__name__)

POLLED_AGAIN_MINUTES = 10
"""A poll may be lost: another one begins so often, for as long as the account's count stays below the job's nonce."""


class TellPorts(Protocol):
    @property
    def jobs(self) -> JobStore: ...

    @property
    def chain(self) -> Chain: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def clock(self) -> Clock: ...


def send_again(taken_back: Sequence[tuple[Job, Attempt]], ports: TellPorts) -> None:
    """Send the transactions of these attempts, tell their jobs, and have them polled.

    Every later nonce of an account waits for them. So they are sent first, and each time this is asked for.
    """
    in_order = sorted(taken_back, key=lambda one: one[1].nonce)
    transactions = [
        sent
        for job, attempt in in_order
        if (sent := to_send_again(attempt)) is not None and is_safe_to_send(job, attempt, sent)
    ]
    if transactions:
        ports.chain.broadcast(transactions)
    told = [tell(job, attempt, "it was sent again", ports) for job, attempt in last_of_each(in_order)]
    poll([job for job in told if job is not None], ports)


def last_of_each(taken_back: Sequence[tuple[Job, Attempt]]) -> list[tuple[Job, Attempt]]:
    """Return each job once, with the last of its attempts: a job is told of that one's block alone."""
    in_order = sorted(taken_back, key=lambda one: one[1].nonce)
    return list({job.job_id: (job, attempt) for job, attempt in in_order}.values())


def tell(job: Job, attempt: Attempt, where: str, ports: TellPorts) -> Job | None:
    """Note it in the job, once for each block that was replaced. Returns the job where it needs a poll."""
    receipt, now = attempt.receipt, ports.clock()
    if receipt is None:
        return None
    if is_told(job, receipt):
        minutes = round((now - job.updated_at).total_seconds() / 60)
        return job if minutes % POLLED_AGAIN_MINUTES == 0 else None
    if job.status is Status.PENDING and attempt == job.attempt and to_send_again(attempt) is not None:
        return _saved(in_flight_again(job, receipt, now), ports)
    mined_now = ports.chain.receipts([receipt.hash]).get(receipt.hash)
    if mined_now is not None:
        where = f"it is mined in block {mined_now.block_number} now"
    # What it made may stand elsewhere now, or nowhere: an address that is not there is worse than none.
    made = result_of(job, mined_now) if mined_now and job.status is Status.SUCCEEDED else {}
    if job.status not in FINAL:
        made = job.result
    return _saved(reorged(job, receipt, where, made, now), ports)


def _saved(job: Job, ports: TellPorts) -> Job | None:
    try:
        return ports.jobs.save(job)
    except VersionConflict:
        log.warning("a reorged job was changed at the same time", extra={"jobId": job.job_id})
    except JobsApiError as error:  # the other jobs are told all the same, and this one a minute later
        log.warning("a reorged job was not told", extra={"jobId": job.job_id, "code": error.code, "reason": error.message})
    return None


def poll(jobs: Sequence[Job], ports: TellPorts) -> None:
    """Send polls for these jobs. A pending one needs none: nothing of it is in flight."""
    ids = [job.job_id for job in jobs if job.status is not Status.PENDING]
    for first in range(0, len(ids), JOBS_PER_ROUND):
        ports.queue.confirm(ids[first : first + JOBS_PER_ROUND], delay_seconds=0)


def follow(address: str, jobs: Sequence[Job], ports: WorkerPorts) -> list[Polled]:
    """Judge final jobs of one account that a reorg has taken back; returns those whose nonce is not settled again yet."""
    try:
        sight = look(address, jobs, ports)
    except JobsApiError as error:
        log.warning("the chain could not be read", extra={"account": address, "code": error.code, "reason": error.message})
        return [Polled(job, _patience(job, ports)) for job in jobs]
    polled: list[Polled] = []
    not_mined: list[Job] = []
    for job in jobs:
        try:
            match judge(job, sight, ports.network.confirmations):
                case Settled(receipt):
                    ports.jobs.save(settled_again(job, receipt, ports.clock()))
                case Unread():
                    polled.append(Polled(job, _patience(job, ports)))
                case NonceSettledElsewhere():
                    if not _displace(job, sight, ports):
                        polled.append(Polled(job, _patience(job, ports)))
                case Mined(blocks_missing):
                    polled.append(Polled(job, blocks_missing * ports.network.block_seconds))
                case _:
                    not_mined.append(job)
        except Exception as error:  # noqa: BLE001 -- what is wrong with one job must not hold back the others
            polled.append(after_error(job, error, ports))
    signed = _push(account_id(jobs[0].chain_id, address), not_mined, sight, ports)
    current = [signed.get(job.job_id, job) for job in not_mined]
    return [*polled, *(Polled(job, _patience(job, ports)) for job in current)]


def _displace(job: Job, sight: Sight, ports: WorkerPorts) -> bool:
    user = ports.chain.user_of_nonce(job.account, job.attempt.nonce, settled_block(sight.head, ports))
    if user is None or user in job.attempt.hashes:
        return False
    ports.jobs.save(displaced_after_reorg(job, ports.clock()))
    return True


def _patience(job: Job, ports: WorkerPorts) -> float:
    """Seconds until the next look: a block at first, longer the longer nothing changes."""
    return patience_after((ports.clock() - job.updated_at).total_seconds(), ports.network.block_seconds)


def _push(account: str, jobs: Sequence[Job], sight: Sight, ports: WorkerPorts) -> dict[str, Job]:
    """Send them again; one that the next block does not take, or whose bytes are gone, is replaced at the same nonce.

    Nothing of a job that failed or was cancelled may happen now: its replacement is a cancel transaction.
    """
    due = [
        Due(job, give_up=job.failure if job.status is Status.FAILED else None)
        for job in jobs
        if _needs_signing(job, sight, ports)
    ]
    signed = sign_again(account, with_nonces_to_free(due, jobs, sight, ports), sight, ports)
    send_freeing(signed.values(), sight, ports)
    safe = [job for job in signed.values() if is_safe_to_send(job, job.attempt, job.attempt.latest)]
    send([job for job in safe if job.attempt.latest.raw], ports)
    kept = [(job, to_send_again(job.attempt)) for job in jobs if job.job_id not in signed]
    transactions = [sent for job, sent in kept if sent is not None and is_safe_to_send(job, job.attempt, sent)]
    if transactions:
        ports.chain.broadcast(transactions)
    return signed


def _needs_signing(job: Job, sight: Sight, ports: WorkerPorts) -> bool:
    sent = to_send_again(job.attempt)
    if sent is None or not is_safe_to_send(job, job.attempt, sent):
        return True
    return sight.head > sent.signed_at_block and not is_taken(sent.fees, sight.base_fee, ports.network.min_priority_fee)
