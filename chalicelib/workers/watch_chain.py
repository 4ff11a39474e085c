"""Watch for reorgs deeper than the confirmations: they take back what was final.

Every minute the newest final block is stored as a checkpoint, and the checkpoint before it is compared with the chain. A block
hash that has changed proves a deep reorg. Then the jobs closed since are told, and an error is logged for the alarm.
"""

import logging
from dataclasses import dataclass

from chalicelib.errors import ServiceUnavailable
from chalicelib.jobs.model import Job
from chalicelib.jobs.stores import Checkpoint
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.reorged_jobs import poll, send_again, tell

log = logging.getLogger(__name__)

CHECKPOINTS_KEPT = 30
PAGE = 100


@dataclass(frozen=True, slots=True)
class DeepReorg:
    """Blocks after `last_good` were replaced although they were final."""

    last_good: Checkpoint | None
    first_bad: Checkpoint


def watch_chain(ports: WorkerPorts) -> DeepReorg | None:
    """Compare the checkpoints, tell the jobs of a deep reorg, store a new checkpoint. Returns the reorg if there was one.

    Raises ServiceUnavailable and ChainUnavailable. The next minute tries again.
    """
    chain_id = ports.network.chain_id
    known = ports.checkpoints.read(chain_id)
    final_block = ports.chain.head().number - ports.network.confirmations + 1
    reorg = _compare(known, final_block, ports)
    if reorg is not None:
        log.error("deep reorg", extra={"chainId": chain_id, "firstReplacedBlock": reorg.first_bad.number})
        _tell_jobs(reorg, ports)
        known = [checkpoint for checkpoint in known if checkpoint.number < reorg.first_bad.number]
    hash_ = ports.chain.block_hash(final_block) if final_block >= 0 else None
    if hash_ is not None and (not known or known[-1].number < final_block):
        now = ports.clock()
        ports.checkpoints.write(chain_id, [*known, Checkpoint(final_block, hash_, now)][-CHECKPOINTS_KEPT:])
    return reorg


def _compare(known: list[Checkpoint], final_block: int, ports: WorkerPorts) -> DeepReorg | None:
    """Return the reorg, if the newest checkpoint has changed: go back to the first checkpoint that has not."""
    first_bad = None
    for checkpoint in reversed(known):
        if checkpoint.number > final_block:
            continue  # the node lags behind the checkpoint, and proves nothing
        hash_ = ports.chain.block_hash(checkpoint.number)
        if hash_ is None:
            continue  # the node does not have the block, and proves nothing (invariant 8)
        if hash_ == checkpoint.block_hash:
            return None if first_bad is None else DeepReorg(checkpoint, first_bad)
        first_bad = checkpoint
    return None if first_bad is None else DeepReorg(None, first_bad)


def _tell_jobs(reorg: DeepReorg, ports: WorkerPorts) -> None:
    """Tell every job that a block after the last good checkpoint closed. Jobs are read from the newest to the oldest."""
    good_number = reorg.last_good.number if reorg.last_good else -1
    since = reorg.last_good.at if reorg.last_good else None
    cursor = None
    while True:
        page = ports.jobs.list_jobs(None, None, None, PAGE, cursor)
        for job in page.jobs:
            if _closed_after(job, good_number):
                try:
                    _tell(job, ports)
                except ServiceUnavailable:
                    raise
                except Exception as error:  # noqa: BLE001 -- an error of one job must not stop the others
                    log_isolated("a job could not be told of a reorg", job.job_id, error)
        cursor = page.cursor
        finished = [job.last_finished_at for job in page.jobs if job.last_finished_at is not None]
        if cursor is None or (since is not None and finished and max(finished) < since):
            return


def _closed_after(job: Job, block_number: int) -> bool:
    return bool(job.attempts) and job.attempt.receipt is not None and job.attempt.receipt.block_number > block_number


def _tell(job: Job, ports: WorkerPorts) -> None:
    receipt = job.attempt.receipt
    if receipt is None or ports.chain.block_hash(receipt.block_number) == receipt.block_hash:
        return
    if receipt.hash in ports.chain.receipts([receipt.hash]):
        told = tell(job, job.attempt, "it is mined elsewhere now", ports)
        poll([told] if told else [], ports)
    else:
        send_again([(job, job.attempt)], ports)
