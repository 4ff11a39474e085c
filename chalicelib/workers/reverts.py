"""Reverts: close the jobs whose transaction is mined, deep enough, and has reverted.

Only a replay tells why, and a replay may be slow or large. So all that needs no replay is stored before the first one is made,
and all replays of a run share one bounded time.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Job, Receipt
from chalicelib.jobs.ports import Call
from chalicelib.jobs.settlement import may_be_out_of_gas
from chalicelib.jobs.states import reverted
from chalicelib.workers.polls import Polled, after_error
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.reopen import sign_anew_with_more_gas

log = logging.getLogger(__name__)

NOT_READ = "reverted; the reason could not be read from the node in time"


@dataclass(frozen=True, slots=True)
class MinedRevert:
    """A job with the receipt that settles it, and the newest block when that was seen."""

    job: Job
    receipt: Receipt
    head: int


def close_reverts(reverts: Sequence[MinedRevert], ports: WorkerPorts, deadline: datetime | None = None) -> list[Polled]:
    """Close each, or have it signed anew where our estimate of its gas was too low. Returns those to be looked at again.

    No replay begins after the run's `deadline`.
    """
    polled: list[Polled] = []
    until = ports.clock() + timedelta(seconds=ports.bounds.replay_seconds)
    until = until if deadline is None else min(until, deadline)
    answers = True
    for revert in reverts:
        try:
            if answers and ports.clock() < until:
                _replay(revert, ports)
                continue
        except ChainUnavailable as error:
            answers = False  # nor will it answer for the next one: do not wait for as many time-outs
            log.warning("a revert could not be replayed", extra={"jobId": revert.job.job_id, "reason": error.message})
        except Exception as error:  # noqa: BLE001 -- what is wrong with one job must not hold back the others
            polled.append(after_error(revert.job, error, ports))
            continue
        polled += _without_replay(revert, answers, ports)
    return polled


def _replay(revert: MinedRevert, ports: WorkerPorts) -> None:
    job, receipt = revert.job, revert.receipt
    call = replace(Call.of(job.account, job.request), gas=job.attempt.gas)
    if may_be_out_of_gas(job, receipt) and ports.chain.passes_with_more_gas(call, receipt.block_number):
        sign_anew_with_more_gas(job, receipt, ports)
    else:
        _close(revert, ports.chain.revert_reason(call, receipt.block_number), ports)


def _without_replay(revert: MinedRevert, answers: bool, ports: WorkerPorts) -> list[Polled]:
    """Look again in the next block while a replay may still tell more: for a bounded time, and not for a reason alone."""
    waits_for_replay = not answers or may_be_out_of_gas(revert.job, revert.receipt)
    if waits_for_replay and revert.head - revert.receipt.block_number < ports.bounds.unmined_blocks:
        return [Polled(revert.job, ports.network.block_seconds)]
    try:
        _close(revert, NOT_READ, ports)
    except Exception as error:  # noqa: BLE001 -- as above
        return [after_error(revert.job, error, ports)]
    return []


def _close(revert: MinedRevert, reason: str, ports: WorkerPorts) -> None:
    ports.jobs.save(reverted(revert.job, revert.receipt, reason, ports.clock()))
