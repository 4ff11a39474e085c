"""Reopen: a job whose nonce is settled although nothing of the job has happened waits for another attempt."""

import logging
from datetime import timedelta

from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Failure, Job, Outcome, Receipt
from chalicelib.jobs.nudge import nudge_execute
from chalicelib.jobs.settlement import Sight
from chalicelib.jobs.states import displaced, failed, in_a_row, out_of_gas
from chalicelib.workers.look import settled_block
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

ATTEMPT_LIMIT = 5
"""How many attempts in a row may lose their nonce to another program before the job fails instead of trying again."""
CHECK_MARGIN = timedelta(seconds=60)


def displace(job: Job, sight: Sight, ports: WorkerPorts) -> bool:
    """Another program's transaction settled the nonce. False when that is not proven yet (invariant 8)."""
    user = ports.chain.user_of_nonce(job.account, job.attempt.nonce, settled_block(sight.head, ports))
    if user is None or user in job.attempt.hashes:
        log.warning(
            "a settled nonce without a receipt", extra={"jobId": job.job_id, "nonce": job.attempt.nonce, "usedBy": user}
        )
        return False
    now = ports.clock()
    moved = displaced(job, now, next_check_at=now + CHECK_MARGIN)
    if moved.is_open and in_a_row(moved, Outcome.DISPLACED) >= ATTEMPT_LIMIT:
        failure = Failure(FailCode.NONCE_USED_ELSEWHERE, f"Other programs took its nonce {ATTEMPT_LIMIT} times in a row.")
        moved = failed(moved, failure, now)
    _save(moved, ports)
    return True


def sign_anew_with_more_gas(job: Job, receipt: Receipt, ports: WorkerPorts) -> None:
    """The gas limit that this service had estimated was too low: the job is estimated anew, a bounded number of times."""
    now = ports.clock()
    moved = out_of_gas(job, receipt, now, next_check_at=now + CHECK_MARGIN)
    attempts = in_a_row(moved, Outcome.OUT_OF_GAS)
    if moved.is_open and attempts >= ports.bounds.gas_attempts:
        reason = (
            f"It ran out of gas in {attempts} attempts in a row, each estimated anew. "
            f"The last gas limit was {job.attempt.gas}, and it used {receipt.gas_used}."
        )
        moved = failed(moved, Failure(FailCode.OUT_OF_GAS, reason), now)
    _save(moved, ports)


def _save(moved: Job, ports: WorkerPorts) -> None:
    moved = ports.jobs.save(moved)
    if moved.is_open:
        nudge_execute(ports.queue, [moved])
