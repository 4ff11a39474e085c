"""Send stored bytes to the chain, and have the jobs watched."""

import logging
from collections.abc import Sequence

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Job
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.jobs.results import makes_something
from chalicelib.workers.poll_delays import by_delay, first_look_seconds
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)


def broadcast(jobs: Sequence[Job], ports: WorkerPorts) -> None:
    """Send the latest transaction of each job, then nudge confirm. No answer changes a job here: the chain alone decides.

    Raises ServiceUnavailable when the nudge cannot be sent; the jobs are stored, and reconcile finds them.
    """
    answers = send(jobs, ports)
    for delay_seconds, sent in by_delay({job.job_id: _until_first_look(job, answers[job.job_id], ports) for job in jobs}):
        ports.queue.confirm(sent, delay_seconds)


def send(jobs: Sequence[Job], ports: WorkerPorts) -> dict[str, Broadcast]:
    """Send the latest transaction of each job: the node's answer by job id."""
    if not jobs:
        return {}
    transactions = [job.attempt.latest for job in jobs]
    try:
        answers = ports.chain.broadcast(transactions)
    except ChainUnavailable as error:
        answers = [Broadcast(BroadcastStatus.UNKNOWN, error.message)] * len(jobs)
    for job, transaction, answer in zip(jobs, transactions, answers, strict=True):
        fields = {
            "jobId": job.job_id,
            "correlationId": job.correlation_id,
            "account": job.account,
            "attempt": job.attempt_count,
            "nonce": job.attempt.nonce,
            "txHash": transaction.hash,
            "purpose": transaction.purpose.value,
            "answer": answer.status.value,
            "nodeMessage": answer.message,
        }
        log.info("broadcast", extra=fields)
    return {job.job_id: answer for job, answer in zip(jobs, answers, strict=True)}


def _until_first_look(job: Job, answer: Broadcast, ports: WorkerPorts) -> float:
    """Seconds. What was taken is looked for when it can be deep enough; what a node did not take, or somebody waits to see in a
    block, after one block; and nothing much later than its time is up.
    """
    a_block, until_deep = ports.network.block_seconds, first_look_seconds(ports.network)
    if answer.status is not BroadcastStatus.ACCEPTED or makes_something(job):
        return a_block
    if job.request.valid_until is None:
        return until_deep
    return min(max((job.request.valid_until - ports.clock()).total_seconds(), a_block), until_deep)
