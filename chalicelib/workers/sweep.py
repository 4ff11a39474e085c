"""Sweep: look once, and once more, at every job that was issued, so that none is forgotten (invariant 6).

A fresh job stands in no index of open jobs: most are final before anybody would look there. Instead a watermark goes along
each account's jobs in the order they were issued, a minute behind the newest. What it finds still open gets a next check and is
reconcile's from then on; what it has passed is either final or looked after. A second watermark follows a quarter of an hour
behind, for a job that an index which lagged did not show the first time.
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
"""How old a job is when it is looked at: the first time its own nudges should have been enough."""
JOBS_PER_PAGE = 100
PAGES = 400
MARKED_AT_MOST = 1_000
"""What one run may read and write, beside a look at each account. It goes on from there a minute later."""
PENDING_PAUSE = timedelta(seconds=60)
"""A pending job is nudged at once; how long that nudge may take."""
IN_FLIGHT_PAUSE = timedelta(seconds=45)
"""Most in flight are polled all along: who polls them has this long to say so, or they would be polled twice from then on."""
LOST_RACES_ALLOWED = 5


@dataclass(slots=True)
class Walk:
    """One sweep of one account, and how far it has come."""

    account: Account
    sweep: Sweep
    reached: str | None


class NotSeen(Exception):
    """A job changed whenever it was to be written, or a newer version of this service wrote it: it is looked at again a minute
    later, and nobody of its account behind it before.
    """


def sweep_jobs(ports: WorkerPorts) -> int:
    """Go on with both sweeps of every account, in turns, as far as one run goes; returns how many jobs were nudged.

    Raises ServiceUnavailable when the table or the queue does not answer; the next minute goes on.
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
            found, is_done = _look_at(page, MARKED_AT_MOST - marked, walk, ports)
        except JobsApiError:
            raise
        except Exception:
            # Whatever is wrong with this one account's jobs must not keep the others' from being seen.
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
    """In no order, so that none is always the one for which a run was too short."""
    accounts = ports.accounts.all()
    walks = [Walk(account, Sweep.FIRST, account.swept_to) for account in accounts]
    walks += [Walk(account, Sweep.SECOND, account.swept_again_to) for account in accounts]
    random.shuffle(walks)
    return walks


def _look_at(page: Sequence[tuple[str, str]], at_most: int, walk: Walk, ports: WorkerPorts) -> tuple[list[Job], bool]:
    """Those of the page that nobody looked after, and now somebody does; and whether all of it was seen.

    The watermark moves to the last one seen, after it was.
    """
    rows = _rows([job_id for _, job_id in page], ports)
    found: list[Job] = []
    seen_to = None
    for order, job_id in page:
        if len(found) >= at_most:
            break
        try:
            marked = _looked_after(job_id, rows.get(job_id), ports)
        except NotSeen:
            break
        if marked is not None:
            found.append(marked)
        seen_to = order
    if seen_to is not None:
        _move(walk, seen_to, ports)
    return found, seen_to == page[-1][0]


def _rows(job_ids: Sequence[str], ports: WorkerPorts) -> dict[str, Job]:
    """The jobs' rows. Where a newer version wrote one of them, none: each is read on its own then."""
    try:
        return {job.job_id: job for job in ports.jobs.load(job_ids, consistent=False)}
    except RowTooNew:
        return {}


def _looked_after(job_id: str, job: Job | None, ports: WorkerPorts) -> Job | None:
    """The job with a next check, if it had none. An old row does no harm: a next check stays until the job is final, and who
    retries it then sets another.
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
            job = None  # somebody moved it on: as what it is now it may still need looking after
        except RowTooNew:
            break
        except (WriteRefused, RowUnreadable) as error:
            log_isolated("a job could not be looked after", job_id, error)
            return job  # one nudge is all that can be done for it
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
        # The account was just signing. The next page says it, or the next run looks at this one again.
        log.info("a sweep's place could not be kept", extra={"account": walk.account.address})
