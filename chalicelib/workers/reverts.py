"""Close the jobs whose transaction is mined, deep enough, and has reverted.

Only a replay tells why it reverted, and a replay may be slow or large. So all that needs no replay is stored before the first
replay begins, and all replays of a run share one bounded time.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Job
from chalicelib.jobs.next_step import Close, after_replay, closed, without_replay
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.ports import Call
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.settlement import may_be_out_of_gas
from chalicelib.workers.polling import Poll, poll_after_error
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

CHECK_MARGIN = timedelta(seconds=60)
"""How long the nudge of a job that is pending again may take before ReconcileJobs sends another."""


@dataclass(frozen=True, slots=True)
class MinedRevert:
    """A job with the receipt that settles its nonce, and the number of the newest block when the receipt was read."""

    job: Job
    receipt: Receipt
    head: int


def close_reverts(reverts: Sequence[MinedRevert], ports: WorkerPorts, deadline: datetime | None = None) -> list[Poll]:
    """Close each job, or have it signed anew with a higher gas limit. Returns the polls of those that are still open.

    No replay begins after `deadline`.
    """
    polls: list[Poll] = []
    until = ports.clock() + timedelta(seconds=ports.bounds.replay_seconds)
    until = until if deadline is None else min(until, deadline)
    node_answers = True
    for revert in reverts:
        job = revert.job
        try:
            if node_answers and ports.clock() < until:
                _close_by_replay(job, revert.receipt, ports)
                continue
        except ChainUnavailable as error:
            node_answers = False  # do not wait for as many time-outs as there are reverts
            log.warning("a revert could not be replayed", extra={"jobId": job.job_id, "reason": error.message})
        except Exception as error:  # noqa: BLE001 -- an error of one job must not stop the others
            polls.append(poll_after_error(job, error, ports))
            continue
        polls += _without_replay(revert, ports, node_answers=node_answers)
    return polls


def _close_by_replay(job: Job, receipt: Receipt, ports: WorkerPorts) -> None:
    call = replace(Call.of(job.account, job.request), gas=job.attempt.gas)
    reason = None
    if not (may_be_out_of_gas(job, receipt) and ports.chain.passes_with_more_gas(call, receipt.block_number)):
        reason = ports.chain.revert_reason(call, receipt.block_number)
    now, gas_attempts = ports.clock(), ports.bounds.gas_attempts
    moved = after_replay(job, receipt, reason, now, next_check_at=now + CHECK_MARGIN, gas_attempts=gas_attempts)
    save_and_nudge(moved, ports)


def _without_replay(revert: MinedRevert, ports: WorkerPorts, *, node_answers: bool) -> list[Poll]:
    job, most_blocks = revert.job, ports.bounds.unmined_blocks
    try:
        match without_replay(job, revert.receipt, revert.head, node_answers=node_answers, most_blocks=most_blocks):
            case Close(receipt, reason):
                ports.jobs.save(closed(job, receipt, ports.clock(), reason))
                return []
            case later:
                return [Poll(job, (later.blocks or 1) * ports.network.block_seconds)]
    except Exception as error:  # noqa: BLE001 -- as above
        return [poll_after_error(job, error, ports)]


def save_and_nudge(moved: Job, ports: WorkerPorts) -> None:
    """Store a job whose nonce is settled, and ask for its next attempt if it is pending again."""
    moved = ports.jobs.save(moved)
    if moved.is_open:
        nudge_execute(ports.queue, [moved])
