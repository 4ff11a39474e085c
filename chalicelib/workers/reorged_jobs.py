"""Jobs whose block a deep reorg replaced: they are told, and their transactions are sent again and polled.

`chalicelib.jobs.next_step` decides what follows at each poll.
"""

import logging
from collections.abc import Sequence

from chalicelib.errors import JobsApiError, VersionConflict
from chalicelib.jobs.model import FINAL, Attempt, Job, Status
from chalicelib.jobs.reorgs import in_flight_again, is_safe_to_send, is_told, reorged, stored_transaction
from chalicelib.jobs.results import result_of
from chalicelib.workers.pending import JOBS_PER_ROUND
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

POLLED_AGAIN_MINUTES = 10
"""A poll may be lost. So another one is sent this often, while the account's count stays below the job's nonce."""


def send_again(taken_back: Sequence[tuple[Job, Attempt]], ports: WorkerPorts) -> None:
    """Send the transactions of these attempts, tell their jobs, and ask for polls.

    Every later nonce of an account waits for these. So they are sent first, at each call.
    """
    in_order = sorted(taken_back, key=lambda one: one[1].nonce)
    transactions = [
        sent
        for job, attempt in in_order
        if (sent := stored_transaction(attempt)) is not None and is_safe_to_send(job, attempt, sent)
    ]
    if transactions:
        ports.chain.broadcast(transactions)
    told = [tell(job, attempt, "it was sent again", ports) for job, attempt in last_of_each(in_order)]
    poll([job for job in told if job is not None], ports)


def last_of_each(taken_back: Sequence[tuple[Job, Attempt]]) -> list[tuple[Job, Attempt]]:
    """Return each job once, with the last of its attempts: the job is told about the block of that one alone."""
    in_order = sorted(taken_back, key=lambda one: one[1].nonce)
    return list({job.job_id: (job, attempt) for job, attempt in in_order}.values())


def tell(job: Job, attempt: Attempt, where: str, ports: WorkerPorts) -> Job | None:
    """Add the reorg to the job's history, once for each replaced block. Returns the job if it needs a poll."""
    receipt, now = attempt.receipt, ports.clock()
    if receipt is None:
        return None
    if is_told(job, receipt):
        minutes = round((now - job.updated_at).total_seconds() / 60)
        return job if minutes % POLLED_AGAIN_MINUTES == 0 else None
    if job.status is Status.PENDING and attempt == job.attempt and stored_transaction(attempt) is not None:
        return _saved(in_flight_again(job, receipt, now), ports)
    mined_now = ports.chain.receipts([receipt.hash]).get(receipt.hash)
    if mined_now is not None:
        where = f"it is mined in block {mined_now.block_number} now"
    # What it made may be at another address now, or nowhere. A wrong address is worse than none.
    made = result_of(job, mined_now) if mined_now and job.status is Status.SUCCEEDED else {}
    if job.status not in FINAL:
        made = job.result
    return _saved(reorged(job, receipt, where, made, now), ports)


def _saved(job: Job, ports: WorkerPorts) -> Job | None:
    try:
        return ports.jobs.save(job)
    except VersionConflict:
        log.warning("a reorged job was changed at the same time", extra={"jobId": job.job_id})
    except JobsApiError as error:  # the other jobs are told all the same, and this one a minute later
        log.warning("a reorged job was not told", extra={"jobId": job.job_id, "code": error.code, "reason": error.message})
    return None


def poll(jobs: Sequence[Job], ports: WorkerPorts) -> None:
    """Send messages that ask for a poll of these jobs at once. A pending job needs no poll: nothing of it is in flight."""
    ids = [job.job_id for job in jobs if job.status is not Status.PENDING]
    for first in range(0, len(ids), JOBS_PER_ROUND):
        ports.queue.confirm(ids[first : first + JOBS_PER_ROUND], delay_seconds=0)
