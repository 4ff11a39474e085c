"""Confirm: look on chain what became of jobs in flight; close them, push them on, or look again later."""

import logging
from collections.abc import Sequence
from datetime import datetime

from chalicelib.errors import JobsApiError
from chalicelib.jobs.model import IN_FLIGHT, Job, Purpose, Receipt, Status, account_id
from chalicelib.jobs.results import result_of
from chalicelib.jobs.settlement import Mined, NonceSettledElsewhere, Settled, Unread, is_taken_back, judge
from chalicelib.jobs.states import seen_mined, settled, taken_back
from chalicelib.workers.look import look
from chalicelib.workers.pending import read_jobs
from chalicelib.workers.polls import Polled, after_error, patience, poll_again
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.reopen import displace
from chalicelib.workers.reorged import follow
from chalicelib.workers.resubmit import push
from chalicelib.workers.reverts import MinedRevert, close_reverts

log = logging.getLogger(__name__)


def confirm_jobs(job_ids: Sequence[str], ports: WorkerPorts, until: datetime | None = None) -> list[str]:
    """Move each job as far as the chain allows; those still open are polled again later.

    Returns the ids of jobs that were not looked at, because `until` had passed before the turn of their account. The accounts
    take turns in the order of `job_ids`. Raises ServiceUnavailable when the table or the queue does not answer.
    """
    by_account: dict[str, list[Job]] = {}
    for job in read_jobs(job_ids, ports, unlikely={Status.PENDING}):
        if job.status in IN_FLIGHT or is_taken_back(job):
            by_account.setdefault(job.account, []).append(job)
    polled: list[Polled] = []
    reverts: list[MinedRevert] = []
    not_reached: list[str] = []
    for address, of_account in by_account.items():
        if _is_over(until, ports):
            log.warning("account not reached in time", extra={"account": address})
            not_reached += [job.job_id for job in of_account]
            continue
        if in_flight := [job for job in of_account if job.status in IN_FLIGHT]:
            polled += _follow_account(address, in_flight, reverts, ports, until)
        if taken_back := [job for job in of_account if job.status not in IN_FLIGHT]:
            polled += follow(address, taken_back, ports)
    poll_again(polled, ports)  # first: replays may take a while
    poll_again(close_reverts(reverts, ports, until), ports)
    return not_reached


def _follow_account(
    address: str, jobs: Sequence[Job], reverts: list[MinedRevert], ports: WorkerPorts, until: datetime | None
) -> list[Polled]:
    """Judge the jobs of one account; returns those that are still open, as they are now. Adds to `reverts` what is left.

    After `until` nobody asks what used a nonce, which takes several requests for each job: the next poll does.
    """
    try:
        sight = look(address, jobs, ports)
    except JobsApiError as error:
        log.warning("the chain could not be read", extra={"account": address, "code": error.code, "reason": error.message})
        return [Polled(job, patience(job, ports)) for job in jobs]
    in_flight = {job.job_id: job for job in jobs}
    polled: list[Polled] = []
    not_mined: list[Job] = []
    closing: list[Job] = []
    for job in jobs:
        verdict = judge(job, sight, ports.network.confirmations)
        try:
            match verdict:
                case Settled(receipt) if _is_revert(job, receipt):
                    reverts.append(MinedRevert(job, receipt, sight.head))
                case Settled(receipt):
                    closing.append(settled(job, receipt, ports.clock()))
                case Unread():
                    polled.append(Polled(job, patience(job, ports)))
                case NonceSettledElsewhere():
                    if _is_over(until, ports) or not displace(job, sight, ports):
                        polled.append(Polled(_without_result(job, ports), patience(job, ports)))
                case Mined(blocks_missing, receipt):
                    polled.append(Polled(_with_result(job, receipt, ports), blocks_missing * ports.network.block_seconds))
                case _:
                    not_mined.append(_without_result(job, ports))
        except Exception as error:  # noqa: BLE001 -- what is wrong with one job must not hold back those polled with it
            polled.append(after_error(job, error, ports))
    for job, outcome in zip(closing, ports.jobs.save_each(closing) if closing else (), strict=True):
        if isinstance(outcome, Exception):
            polled.append(after_error(in_flight[job.job_id], outcome, ports))
    pushed = push(account_id(jobs[0].chain_id, address), not_mined, sight, ports)
    return [*polled, *(Polled(job, patience(job, ports)) for job in pushed)]


def _is_over(until: datetime | None, ports: WorkerPorts) -> bool:
    return until is not None and ports.clock() >= until


def _is_revert(job: Job, receipt: Receipt) -> bool:
    """A cancel transaction frees its nonce whatever its status is."""
    mined = next(transaction for transaction in job.attempt.transactions if transaction.hash == receipt.hash)
    return not receipt.succeeded and mined.purpose is not Purpose.CANCEL


def _with_result(job: Job, receipt: Receipt | None, ports: WorkerPorts) -> Job:
    """What it made is told as soon as it is mined, and corrected when it is mined again elsewhere. Most jobs make nothing."""
    if receipt is None or result_of(job, receipt) == job.result:
        return job
    return ports.jobs.save(seen_mined(job, receipt, ports.clock()))


def _without_result(job: Job, ports: WorkerPorts) -> Job:
    """A reorg has taken back what was told."""
    return ports.jobs.save(taken_back(job, ports.clock())) if job.result else job
