"""Push: what is done for transactions that are not mined. Sent again, replaced with higher fees, or replaced by a cancel.

Whatever is signed here uses the attempt's own nonce, so at most one of its transactions can ever be mined (invariant 3), and is
stored before it is sent (invariant 1).
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from chalicelib.errors import JobsApiError
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import IN_FLIGHT, Failure, Job
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.jobs.pricing import is_taken
from chalicelib.jobs.settlement import Sight, is_being_cancelled, is_to_be_cancelled
from chalicelib.workers.broadcast import send
from chalicelib.workers.pending import JOBS_PER_ROUND, read_jobs
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.resign import Due, send_freeing, sign_again, with_nonces_to_free

log = logging.getLogger(__name__)


def push(account_id: str, jobs: Sequence[Job], sight: Sight, ports: WorkerPorts) -> list[Job]:
    """One step for each job of the account that is not mined; returns them as they are now. Raises nothing for one job's
    trouble: it is looked at again.

    When one of them offers too little for the next block, the account's other jobs in flight that offer too little are
    replaced in the same round, and returned, too.
    """
    now = ports.clock()
    if any(_is_too_cheap(job, sight, ports) for job in jobs):
        jobs = [*jobs, *_others_too_cheap(account_id, jobs, sight, ports)]
    due = [Due(job, _reason_to_give_up(job, now)) for job in jobs if _needs_signing(job, sight, now, ports)]
    signed = sign_again(account_id, with_nonces_to_free(due, jobs, sight, ports), sight, ports)
    send_freeing(signed.values(), sight, ports)
    current = {job.job_id: signed.get(job.job_id, job) for job in jobs}
    # A fresh one has just been sent by whoever signed it: it gets a block's time before it is sent again.
    to_send = [job for job in current.values() if job.job_id in signed or sight.head > job.attempt.latest.signed_at_block]
    answers = send(to_send, ports)
    refused = [one for one in (_after_refusal(job, answers[job.job_id]) for job in to_send) if one is not None]
    signed_anew = sign_again(account_id, refused, sight, ports)
    send(list(signed_anew.values()), ports)
    return list((current | signed_anew).values())


def _needs_signing(job: Job, sight: Sight, now: datetime, ports: WorkerPorts) -> bool:
    if (is_to_be_cancelled(job) or _is_expired(job, now)) and not is_being_cancelled(job):
        return True
    if _is_too_cheap(job, sight, ports):
        return True
    # Whoever stands behind another of the account waits for that one, not for a better price.
    is_next = job.attempt.nonce <= sight.mined
    return is_next and sight.head - job.attempt.latest.signed_at_block >= ports.network.stuck_after_blocks


def _is_too_cheap(job: Job, sight: Sight, ports: WorkerPorts) -> bool:
    """A block came after it was signed, and one like it does not take the transaction."""
    latest = job.attempt.latest
    return sight.head > latest.signed_at_block and not is_taken(latest.fees, sight.base_fee, ports.network.min_priority_fee)


def _others_too_cheap(account_id: str, jobs: Sequence[Job], sight: Sight, ports: WorkerPorts) -> list[Job]:
    """Jobs in flight that were not polled now, as many as one round holds. None where the tables do not answer."""
    polled = {job.job_id for job in jobs}
    try:
        account = ports.accounts.get(account_id, consistent=False)
        if account is None or account.signed_to is None:
            return []
        newest = ports.jobs.issued_until(account_id, account.signed_to, JOBS_PER_ROUND + len(polled))
        others = read_jobs([job_id for _, job_id in newest if job_id not in polled][:JOBS_PER_ROUND], ports)
    except JobsApiError as error:
        log.warning("other jobs could not be read", extra={"account": account_id, "code": error.code, "reason": error.message})
        return []
    return [
        job
        for job in others
        if job.status in IN_FLIGHT and job.attempt.nonce >= sight.mined and _is_too_cheap(job, sight, ports)
    ]


def _is_expired(job: Job, now: datetime) -> bool:
    return job.request.valid_until is not None and job.request.valid_until <= now


def _reason_to_give_up(job: Job, now: datetime) -> Failure | None:
    if _is_expired(job, now) and not is_to_be_cancelled(job):
        return Failure(FailCode.EXPIRED, "It was signed in time, but not mined by its validUntil.")
    return None


def _after_refusal(job: Job, answer: Broadcast) -> Due | None:
    """What a node's answer asks for at once."""
    if answer.status is BroadcastStatus.UNDERPRICED:
        return Due(job, refusal=answer)
    if answer.status is BroadcastStatus.NEVER_VALID and not is_being_cancelled(job):
        # It would hold up every later nonce of its account: the nonce has to be freed.
        return Due(job, Failure(FailCode.TRANSACTION_REJECTED, f"No node will take the transaction: {answer.message}."))
    return None
