"""Sweep: read every issued job twice, so that none is forgotten (invariant 6).

A fresh job is in no index of open jobs, because most jobs are final before that index would be read. Instead a watermark moves
along each account's jobs in the order they were issued, a minute behind the newest. A job that it finds open gets a next check,
and ReconcileJobs finds it by that from then on. So every job behind the watermark is final or has a next check. A second
watermark follows a quarter of an hour behind, for jobs that a lagging index did not show the first time.
"""

import logging
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from chalicelib.errors import JobsApiError, RowTooNew, RowUnreadable, VersionConflict, WriteRefused
from chalicelib.jobs.model import Account, Job, Status
from chalicelib.jobs.states import with_next_check
from chalicelib.jobs.stores import Sweep
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

BEHIND: Mapping[Sweep, timedelta] = {Sweep.FIRST: timedelta(seconds=60), Sweep.SECOND: timedelta(minutes=15)}
"""How old a job is when it is swept. By the first time, its own nudges should have been enough."""
JOBS_PER_PAGE = 100
PAGES = 400
MARKED_AT_MOST = 1_000
"""What one run may read and write, beside one page of each account. The next minute goes on from there."""
PENDING_PAUSE = timedelta(seconds=60)
"""A pending job is nudged at once. This is how long that nudge may take."""
IN_FLIGHT_PAUSE = timedelta(seconds=45)
"""Most jobs in flight are being polled. Their next poll has this long to move the next check, or they are polled twice."""
LOST_RACES_ALLOWED = 5


@dataclass(slots=True)
class Walk:
    """One sweep of one account, and how far it has come."""

    account: Account
    sweep: Sweep
    reached: str | None


class NotSeen(Exception):
    """A job changed at each try to write it, or a newer version of this service wrote it.

    The next minute tries again. The watermark of its account does not pass it before.
    """


def sweep_jobs(ports: WorkerPorts) -> int:
    """Move both watermarks of every account, in turns, as far as one run may. Returns how many jobs were nudged.

    Raises ServiceUnavailable when the table or the queue does not answer. The next minute goes on.
    """
    walks = deque(_walks(ports))
    pages = marked = nudged = 0
    while walks and pages < PAGES and marked < MARKED_AT_MOST:
        walk = walks.popleft()
        try:
            page = ports.jobs.issued_on(
                walk.account.account_id, walk.reached, JOBS_PER_PAGE, before=ports.clock() - BEHIND[walk.sweep]
            )
            if not page:
                continue
            pages += 1
            found, is_done = _mark(page, MARKED_AT_MOST - marked, walk, ports)
        except JobsApiError:
            raise
        except Exception:
            # An error of this one account must not stop the others.
            log.exception("an account's jobs could not be swept", extra={"account": walk.account.address})
            continue
        pending = [job for job in found if job.status is Status.PENDING]
        if pending:
            ports.queue.execute(pending)
        marked += len(found)
        nudged += len(pending)
        if is_done and len(page) == JOBS_PER_PAGE:
            walks.append(walk)
    return nudged


def _walks(ports: WorkerPorts) -> list[Walk]:
    """Return both sweeps of every account, shuffled, so that a run that is too short does not always miss the same one."""
    accounts = ports.accounts.all()
    walks = [Walk(account, Sweep.FIRST, account.swept_to) for account in accounts]
    walks += [Walk(account, Sweep.SECOND, account.swept_again_to) for account in accounts]
    random.shuffle(walks)
    return walks


def _mark(page: Sequence[tuple[str, str]], at_most: int, walk: Walk, ports: WorkerPorts) -> tuple[list[Job], bool]:
    """Give a next check to the page's open jobs that have none. Returns these jobs, and whether the whole page was seen.

    Then the watermark moves to the last job that was seen.
    """
    rows = _rows([job_id for _, job_id in page], ports)
    found: list[Job] = []
    seen_to = None
    for order, job_id in page:
        if len(found) >= at_most:
            break
        try:
            marked = _with_next_check(job_id, rows.get(job_id), ports)
        except NotSeen:
            break
        if marked is not None:
            found.append(marked)
        seen_to = order
    if seen_to is not None:
        _move(walk, seen_to, ports)
    return found, seen_to == page[-1][0]


def _rows(job_ids: Sequence[str], ports: WorkerPorts) -> dict[str, Job]:
    """Read the jobs' rows. Returns none if a newer version wrote one of them: then each is read on its own."""
    try:
        return {job.job_id: job for job in ports.jobs.load(job_ids, consistent=False)}
    except RowTooNew:
        return {}


def _with_next_check(job_id: str, job: Job | None, ports: WorkerPorts) -> Job | None:
    """Store a next check in the job if it is open and has none. Returns the job, or None if it needs none.

    A row that is read late does no harm: a next check stays until the job is final, and a retry sets another one.
    """
    for _ in range(LOST_RACES_ALLOWED):
        if job is None:
            job = _read(job_id, ports)
        if job is None or not job.is_fresh:
            return None
        pause = PENDING_PAUSE if job.status is Status.PENDING else IN_FLIGHT_PAUSE
        try:
            return ports.jobs.save(with_next_check(job, ports.clock() + pause))
        except VersionConflict:
            job = None  # it was moved on, and may still need a next check
        except RowTooNew:
            break
        except (WriteRefused, RowUnreadable) as error:
            log_isolated("a job could not be given a next check", job_id, error)
            return job  # its row cannot be written: nudge it once
    raise NotSeen(job_id)


def _read(job_id: str, ports: WorkerPorts) -> Job | None:
    try:
        return next(iter(ports.jobs.load([job_id])), None)
    except RowTooNew:
        raise NotSeen(job_id) from None


def _move(walk: Walk, to: str, ports: WorkerPorts) -> None:
    walk.reached = to
    try:
        ports.accounts.swept(walk.account, walk.sweep, to)
    except VersionConflict:
        # The account was just written. The next page moves it, or the next run reads this page again.
        log.info("a sweep's place could not be kept", extra={"account": walk.account.address})
