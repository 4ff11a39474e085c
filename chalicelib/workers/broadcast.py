"""Send stored bytes to the chain, and have the jobs watched."""

import logging
from collections.abc import Sequence
from math import ceil

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Job
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)


def broadcast(jobs: Sequence[Job], ports: WorkerPorts) -> None:
    """Send the latest transaction of each job, then nudge confirm. No answer changes a job here: the chain alone decides.

    Raises ServiceUnavailable when the nudge cannot be sent; the jobs are stored, and reconcile finds them.
    """
    if not jobs:
        return
    send(jobs, ports)
    ports.queue.confirm([job.job_id for job in jobs], delay_seconds=ceil(ports.network.block_seconds))


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
