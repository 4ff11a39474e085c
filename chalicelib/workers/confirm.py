"""Confirm: look on chain what became of jobs in flight; close them, push them on, or look again later."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from math import ceil

from chalicelib.errors import JobsApiError, VersionConflict
from chalicelib.jobs.model import IN_FLIGHT, Failure, Job, Outcome, Purpose, Receipt, account_id
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.ports import Call
from chalicelib.jobs.states import checked, displaced, failed, reverted, settled
from chalicelib.jobs.verdict import Mined, NonceSettledElsewhere, Settled, Sight, judge
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.push import push

log = logging.getLogger(__name__)

ATTEMPT_LIMIT = 5
"""How many attempts in a row may lose their nonce to another program before the job fails instead of trying again."""
LONGEST_POLL_SECONDS = 60
CHECK_AHEAD = timedelta(seconds=120)
CHECK_MARGIN = timedelta(seconds=60)


def confirm_jobs(job_ids: Sequence[str], ports: WorkerPorts) -> None:
    """Move each job as far as the chain allows; those still open are polled again later.

    Raises ServiceUnavailable when the table or the queue does not answer.
    """
    in_flight = [job for job in ports.jobs.load(job_ids) if job.status in IN_FLIGHT]
    delays: dict[str, float] = {}
    for address, group in groupby(sorted(in_flight, key=lambda job: job.account), key=lambda job: job.account):
        delays |= _follow_account(address, list(group), ports)
    _keep_reconcile_away([job for job in in_flight if job.job_id in delays], ports)
    for delay in sorted(set(delays.values())):
        again = [job_id for job_id, its_delay in delays.items() if its_delay == delay]
        ports.queue.confirm(again, delay_seconds=ceil(delay))


def _follow_account(address: str, jobs: Sequence[Job], ports: WorkerPorts) -> dict[str, float]:
    """Judge the jobs of one account; returns in how many seconds each one that is still open is to be looked at again."""
    try:
        sight = _look(address, jobs, ports)
    except JobsApiError as error:
        log.warning("the chain could not be read", extra={"account": address, "code": error.code, "reason": error.message})
        return {job.job_id: _patience(job, ports) for job in jobs}
    delays: dict[str, float] = {}
    unmined: list[Job] = []
    for job in jobs:
        verdict = judge(job, sight, ports.network.confirmations)
        try:
            match verdict:
                case Settled(receipt):
                    _settle(job, receipt, ports)
                case NonceSettledElsewhere():
                    if not _displace(job, sight, ports):
                        delays[job.job_id] = _patience(job, ports)
                case Mined(blocks_missing):
                    delays[job.job_id] = blocks_missing * ports.network.block_seconds
                case _:
                    unmined.append(job)
        except VersionConflict:
            delays[job.job_id] = ports.network.block_seconds  # lost a race: read again before anything else
        except JobsApiError as error:
            log.warning("a job could not be moved on", extra={"jobId": job.job_id, "code": error.code, "reason": error.message})
            delays[job.job_id] = _patience(job, ports)
        except Exception:
            # Whatever is wrong with this one job must not hold back those that were polled with it.
            log.exception("a job could not be moved on", extra={"jobId": job.job_id})
            delays[job.job_id] = _patience(job, ports)
    push(account_id(jobs[0].chain_id, address), unmined, sight, ports)
    for job in unmined:
        delays[job.job_id] = _patience(job, ports)
    return delays


def _look(address: str, jobs: Sequence[Job], ports: WorkerPorts) -> Sight:
    """Receipts come last: a nonce that was settled before they were read has its receipt by then, unless the node lags."""
    head = ports.chain.head().number
    mined = ports.chain.transaction_count(address)
    settled_count = ports.chain.transaction_count(address, max(0, head - ports.network.confirmations + 1))
    receipts = ports.chain.receipts([hash_ for job in jobs for hash_ in job.attempt.hashes])
    return Sight(head, mined, settled_count, _followed(receipts, head, ports))


def _followed(receipts: Mapping[str, Receipt], head: int, ports: WorkerPorts) -> dict[str, Receipt]:
    """Without those of blocks that the chain, as it is followed now, has replaced: a node may still show them (invariant 8)."""
    deep = {
        receipt.block_number for receipt in receipts.values() if receipt.block_number + ports.network.confirmations - 1 <= head
    }
    hashes = {number: ports.chain.block_hash(number) for number in deep}
    return {
        hash_: receipt
        for hash_, receipt in receipts.items()
        if hashes.get(receipt.block_number, receipt.block_hash) == receipt.block_hash
    }


def _settle(job: Job, receipt: Receipt, ports: WorkerPorts) -> None:
    """Close the job by its receipt (invariant 5)."""
    mined = next(transaction for transaction in job.attempt.transactions if transaction.hash == receipt.hash)
    if receipt.succeeded or mined.purpose is Purpose.CANCEL:
        closed = settled(job, receipt, ports.clock())
    else:
        call = replace(Call.of(job.account, job.request), gas=job.attempt.gas)
        reason = ports.chain.revert_reason(call, receipt.block_number)
        closed = reverted(job, receipt, reason, ports.clock())
    _log_closed(ports.jobs.save(closed), receipt)


def _displace(job: Job, sight: Sight, ports: WorkerPorts) -> bool:
    """Another program's transaction settled the nonce. False when that is not proven yet (invariant 8)."""
    settled_at = sight.head - ports.network.confirmations + 1
    user = ports.chain.user_of_nonce(job.account, job.attempt.nonce, settled_at)
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
    log.warning("displaced", extra={"jobId": job.job_id, "nonce": job.attempt.nonce, "usedBy": user})
    if moved.is_open:
        nudge_execute(ports.queue, [moved])
    return True


def _patience(job: Job, ports: WorkerPorts) -> float:
    """Seconds until the next look at a job that is not mined: a block at first, longer the longer it takes."""
    block = ports.network.block_seconds
    waited = (ports.clock() - job.attempt.latest.signed_at).total_seconds()
    return block * max(1, min(round(waited / 4 / block), LONGEST_POLL_SECONDS // block))


def _keep_reconcile_away(jobs: Sequence[Job], ports: WorkerPorts) -> None:
    """Their polls go on: tell reconcile, so that it does not start a second chain. Short-lived jobs need no such write."""
    now = ports.clock()
    for job in jobs:
        if job.next_check_at is not None and job.next_check_at <= now + CHECK_MARGIN / 2:
            try:
                ports.jobs.save(checked(job, now + CHECK_AHEAD))
            except VersionConflict:
                continue  # it was moved on a moment ago, which serves as well


def _log_closed(job: Job, receipt: Receipt) -> None:
    fields = {
        "jobId": job.job_id,
        "correlationId": job.correlation_id,
        "account": job.account,
        "attempt": job.attempt_count,
        "txHash": receipt.hash,
        "status": job.status.value,
        "blockNumber": receipt.block_number,
        "fee": str(receipt.fee),
    }
    log.info("closed", extra=fields)
