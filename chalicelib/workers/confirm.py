"""Confirm: read from the chain what became of jobs in flight, and take the next step of each."""

import logging
from collections.abc import Sequence
from datetime import datetime

from chalicelib.jobs.model import IN_FLIGHT, Job, Status
from chalicelib.jobs.settlement import is_reorged
from chalicelib.workers.pending import read_jobs
from chalicelib.workers.polling import send_polls
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.steps import StepRun

log = logging.getLogger(__name__)


def confirm_jobs(job_ids: Sequence[str], ports: WorkerPorts, until: datetime | None = None) -> list[str]:
    """Move each job as far as the chain allows, and ask for another poll of those that are still open.

    The accounts take turns in the order of `job_ids`, and none begins after `until`. Returns the ids of the jobs whose account
    had no turn. Raises ServiceUnavailable when the table or the queue does not answer.
    """
    by_account: dict[str, list[Job]] = {}
    for job in read_jobs(job_ids, ports, unlikely={Status.PENDING}):
        if job.status in IN_FLIGHT or is_reorged(job):
            by_account.setdefault(job.account, []).append(job)
    run = StepRun(ports, until)
    not_reached: list[str] = []
    for address, jobs in by_account.items():
        if run.is_over():
            log.warning("account not reached in time", extra={"account": address})
            not_reached += [job.job_id for job in jobs]
            continue
        for group in ([job for job in jobs if job.status in IN_FLIGHT], [job for job in jobs if job.status not in IN_FLIGHT]):
            if group:
                run.take_next_steps(address, group)
    send_polls(run.polls, ports)  # before the replays, which may take a while
    send_polls(run.close_reverts(), ports)
    return not_reached
