"""Resubmit: sign and broadcast what is due for transactions that are not mined.

Whatever is signed here uses the attempt's own nonce, so at most one of its transactions can ever be mined (invariant 3). It is
stored before it is sent (invariant 1).
"""

import logging
from collections.abc import Sequence

from chalicelib.errors import JobsApiError
from chalicelib.jobs.model import IN_FLIGHT, Job
from chalicelib.jobs.next_step import NewTransaction, Resubmit, after_refusal, next_step, transaction_to_send
from chalicelib.jobs.reorgs import freeing
from chalicelib.jobs.settlement import ChainView
from chalicelib.workers.broadcast import send
from chalicelib.workers.pending import JOBS_PER_ROUND, read_jobs
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.replacements import sign_replacements

log = logging.getLogger(__name__)


def resubmit(account_id: str, steps: Sequence[tuple[Job, Resubmit]], view: ChainView, ports: WorkerPorts) -> list[Job]:
    """Take these steps of one account's jobs. Returns the jobs as they are now.

    When one of them is too cheap for the next block, the account's other jobs in flight that are too cheap are replaced with
    it, and returned, too. An error of one job is logged, and its next poll tries again.
    """
    if any(step.is_too_cheap for _, step in steps):
        steps = [*steps, *_others_too_cheap(account_id, [job for job, _ in steps], view, ports)]
    signed = sign_replacements(account_id, _nonces_of_earlier_attempts_first(steps), view, ports)
    if cancelling := freeing(signed.values(), view.mined_count):
        ports.chain.broadcast(cancelling)
    current = {job.job_id: signed.get(job.job_id, job) for job, _ in steps}
    to_send = [current[job.job_id] for job, step in steps if step.sends or job.job_id in signed]
    answers = send([(job, sent) for job in to_send if (sent := transaction_to_send(job)) is not None], ports)
    refused = [(job, new) for job in to_send if job.job_id in answers and (new := after_refusal(job, answers[job.job_id]))]
    signed_anew = sign_replacements(account_id, refused, view, ports)
    send([(job, job.attempt.latest) for job in signed_anew.values()], ports)
    return list((current | signed_anew).values())


def _nonces_of_earlier_attempts_first(steps: Sequence[tuple[Job, Resubmit]]) -> list[tuple[Job, NewTransaction]]:
    due = [(job, step.new) for job, step in steps if step.new is not None]
    return sorted(due, key=lambda one: one[1].nonce == one[0].attempt.nonce)


def _others_too_cheap(account_id: str, jobs: Sequence[Job], view: ChainView, ports: WorkerPorts) -> list[tuple[Job, Resubmit]]:
    """Return the steps of the account's other jobs in flight that are too cheap: as many as one round holds.

    Returns none of them if the tables do not answer.
    """
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
    steps = [(job, next_step(job, view, ports.network, ports.clock())) for job in others if job.status in IN_FLIGHT]
    return [(job, step) for job, step in steps if isinstance(step, Resubmit) and step.is_too_cheap]
