"""Broadcast stored transactions, and ask for the first poll of their jobs."""

import logging
from collections.abc import Sequence

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Job, SignedTransaction
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.jobs.results import makes_something
from chalicelib.workers.polling import by_delay, first_poll_seconds
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)


def broadcast(jobs: Sequence[Job], ports: WorkerPorts) -> None:
    """Send the latest transaction of each job, then ask ConfirmJobs to poll it. The node's answers change no job.

    Raises ServiceUnavailable when the queue does not answer. The jobs are stored, so ReconcileJobs finds them.
    """
    answers = send([(job, job.attempt.latest) for job in jobs], ports)
    for delay_seconds, sent in by_delay({job.job_id: _first_poll_delay(job, answers[job.job_id], ports) for job in jobs}):
        ports.queue.confirm(sent, delay_seconds)


def send(stored: Sequence[tuple[Job, SignedTransaction]], ports: WorkerPorts) -> dict[str, Broadcast]:
    """Send these transactions, which are stored in their jobs. Returns the node's answers by job id."""
    if not stored:
        return {}
    try:
        answers = ports.chain.broadcast([transaction for _, transaction in stored])
    except ChainUnavailable as error:
        answers = [Broadcast(BroadcastStatus.UNKNOWN, error.message)] * len(stored)
    for (job, transaction), answer in zip(stored, answers, strict=True):
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
    return {job.job_id: answer for (job, _), answer in zip(stored, answers, strict=True)}


def _first_poll_delay(job: Job, answer: Broadcast, ports: WorkerPorts) -> float:
    """Return the seconds until the first poll.

    An accepted transaction is polled when it can be deep enough. It is polled after one block if the node did not accept it, or
    if it makes a contract, whose address the issuer waits for. No poll is later than `validUntil`, or a block after that.
    """
    one_block, until_deep = ports.network.block_seconds, first_poll_seconds(ports.network)
    if answer.status is not BroadcastStatus.ACCEPTED or makes_something(job):
        return one_block
    if job.request.valid_until is None:
        return until_deep
    return min(max((job.request.valid_until - ports.clock()).total_seconds(), one_block), until_deep)
