"""Find the jobs to sign for an account: those that messages name, and those issued after the newest job ever signed for it.

So one nudge is enough for a burst. Other jobs come by their own nudges: retried jobs, jobs that waited, and jobs whose nudge
was lost, for which ReconcileJobs sends another.

Jobs are taken in the order in which they were issued or retried (invariant 11). When there are more than one round takes, the
owners take turns, each with its own jobs in their order. So no owner keeps another waiting for longer than a round (invariant
12). On a shared account no order is promised between jobs of different owners.

A job whose estimate was too slow before comes after all others, in a round of its own. A run tries one such job. When rounds
are down to one job, it comes after the first round, because each of the others may be as slow.
"""

from collections import deque
from collections.abc import Collection, Iterable, Sequence

from chalicelib.jobs.model import Account, Job, Status, WaitCode
from chalicelib.jobs.model import account_id as account_id_of
from chalicelib.jobs.order import order
from chalicelib.jobs.pace import JOBS_PER_ROUND
from chalicelib.jobs.states import is_resting
from chalicelib.workers.ports import WorkerPorts

__all__ = ["JOBS_PER_ROUND", "Backlog", "place", "read_jobs"]

USUAL_DATA_BYTES = 2_000
"""Bytes of call data, and characters of a job's own data. A character has at most four bytes."""
USUAL_LINES = 10
USUAL_ROW_BYTES = 24_000
"""More bytes than the row of a job within these limits has. 90 such rows fit into one write."""
SIGNED_BYTES = 1_000
"""How much a row grows when its job is signed. The row already has the call data."""
IDS_PER_PAGE = 500
ROWS_PER_RUN = 4_000
"""More than a run signs, because many of the rows that are read may be of jobs that rest."""
AHEAD_BYTES = 16_000_000
"""About how much memory the call data of a shared account's jobs may take, when they are read ahead of their round."""


class Backlog:
    """The account's jobs that this run may sign.

    Each is read once, eventually consistent. That is safe, because every write is conditional on the version that was read.
    """

    def __init__(self, account_id: str, named: Sequence[Job], ports: WorkerPorts) -> None:
        self._account_id = account_id
        self._ports = ports
        self._seen = {job.job_id for job in named}
        self._jobs = self._to_sign(named)
        self._found: list[tuple[str, str]] | None = None
        """(order, job id) of the index's jobs whose rows are not read yet, oldest first. None before the index is read."""
        self._reached: str | None = None
        self._at_end = False
        self._rows_left = ROWS_PER_RUN
        self._places: dict[str, str] = {}
        self._rounds = 0
        self._has_tried_slow = False
        """A job whose estimate was too slow before was in a round of this run. There is one at most."""

    def __len__(self) -> int:
        """The number of jobs that are read and not taken."""
        return len(self._jobs)

    def next_round(self, account: Account) -> list[Job]:
        """Take out the next jobs, as many as one round takes."""
        pace = self._ports.paces.of(self._account_id)
        self._read_on(account, pace.jobs)
        self._jobs.sort(key=self._place)
        quick = [job for job in self._jobs if not _was_slow(job)]
        slow = [] if self._has_tried_slow else [job for job in self._jobs if _was_slow(job)]
        if slow and (not quick or (pace.is_slowest and self._rounds)):
            chosen = _in_turns(slow, 1, pace.last_slow_owner)
            self._has_tried_slow = True
            pace.last_slow_owner = chosen[-1].owner
        elif quick:
            chosen = _that_fit(_in_turns(quick, pace.jobs, pace.last_owner), self._ports)
            pace.last_owner = chosen[-1].owner
            now = self._ports.clock()
            chosen.sort(key=lambda job: pace.is_last(job.owner, now))
        else:
            return []
        self._rounds += 1
        taken = {job.job_id for job in chosen}
        self._jobs = [job for job in self._jobs if job.job_id not in taken]
        return chosen

    def _read_on(self, account: Account, wanted: int) -> None:
        """Read the rows of the index's next jobs: as many as a round takes, or on a shared account all, to find every owner."""
        if self._found is None:
            # Begin after the jobs that are signed or swept: older jobs come by their own nudges.
            self._reached = max(filter(None, (account.signed_to, account.swept_to)), default=None)
            self._found = self._next_of_index()
        while self._found and self._rows_left > 0:
            older = sum(self._place(job) < self._found[0][0] for job in self._jobs)
            if older >= wanted and (account.owner is not None or self._bytes_ahead() > AHEAD_BYTES):
                break
            count = min(self._rows_left, JOBS_PER_ROUND if older >= wanted else wanted - older)
            page, self._found = self._found[:count], self._found[count:]
            self._rows_left -= len(page)
            self._jobs += self._to_sign(read_jobs([job_id for _, job_id in page], self._ports))
            self._found = self._found or self._next_of_index()

    def _place(self, job: Job) -> str:
        """Return the job's place. It is worked out once, because it does not change while the job is pending."""
        return self._places.get(job.job_id) or self._places.setdefault(job.job_id, place(job))

    def _bytes_ahead(self) -> int:
        return sum(1_000 + len(job.request.data) for job in self._jobs)

    def rest(self) -> list[Job]:
        """Take out all jobs that are left."""
        rest, self._jobs = self._jobs, []
        return rest

    def of_owners(self, owners: Collection[str], at_most: int) -> list[Job]:
        """Take out the next jobs of these owners, in their order: they need no estimate now. Slow jobs stay."""
        found = sorted((job for job in self._jobs if job.owner in owners and not _was_slow(job)), key=self._place)[:at_most]
        taken = {job.job_id for job in found}
        self._jobs = [job for job in self._jobs if job.job_id not in taken]
        return found

    def put_back(self, jobs: Iterable[Job]) -> None:
        self._jobs += jobs

    def read_again(self) -> None:
        """Read the jobs again, strongly consistent: one of them or the account was written meanwhile."""
        self._jobs = self._to_sign(self._ports.jobs.load([job.job_id for job in self._jobs]))

    def take_changed(self, jobs: Iterable[Job]) -> None:
        """Read these jobs of a round again: another worker or request has written them. Those still pending are put back.

        Their owners come last in the next rounds, so that no owner can keep others from being signed (invariant 12).
        """
        changed = list(jobs)
        if changed:
            self._ports.paces.of(self._account_id).note_changed({job.owner for job in changed}, self._ports.clock())
            for job in changed:
                self._places.pop(job.job_id, None)  # a job that was retried meanwhile has another place
            self._jobs += self._to_sign(self._ports.jobs.load([job.job_id for job in changed]))

    def _next_of_index(self) -> list[tuple[str, str]]:
        """Return the next (order, job id) of the index that were not seen before. Empty at the end of the index."""
        fresh: list[tuple[str, str]] = []
        while not fresh and not self._at_end:
            found = self._ports.jobs.issued_on(self._account_id, self._reached, IDS_PER_PAGE)
            self._at_end = len(found) < IDS_PER_PAGE
            if found:
                self._reached = found[-1][0]
            fresh = [(place, job_id) for place, job_id in found if job_id not in self._seen]
            self._seen.update(job_id for _, job_id in fresh)
        return fresh

    def _to_sign(self, jobs: Iterable[Job]) -> list[Job]:
        """Return the jobs that may be signed now. The row says which account signs a job, not the message (invariant 9)."""
        now = self._ports.clock()
        return [
            job
            for job in jobs
            if job.status is Status.PENDING
            and not is_resting(job, now)
            and account_id_of(job.chain_id, job.account) == self._account_id
        ]


def place(job: Job) -> str:
    """Return the job's place among the account's jobs, in the order they were issued or retried (invariant 11)."""
    return order(job.pending_since or job.created_at, job.job_id)


def _was_slow(job: Job) -> bool:
    return job.waits_code is WaitCode.ESTIMATE_TOO_SLOW


def _in_turns(jobs: Sequence[Job], at_most: int, last_owner: str | None) -> list[Job]:
    """Choose at most so many of the first jobs. If there are more, the owners take turns, first the one after `last_owner`."""
    if len(jobs) <= at_most:
        return list(jobs)
    of_owner: dict[str, deque[Job]] = {}
    for job in jobs:
        of_owner.setdefault(job.owner, deque()).append(job)
    turns = deque(sorted(of_owner))
    while last_owner in of_owner and turns[-1] != last_owner:
        turns.rotate(-1)
    chosen: list[Job] = []
    while turns and len(chosen) < at_most:
        owner = turns.popleft()
        chosen.append(of_owner[owner].popleft())
        if of_owner[owner]:
            turns.append(owner)
    return chosen


def read_jobs(job_ids: Sequence[str], ports: WorkerPorts, unlikely: Collection[Status] = ()) -> list[Job]:
    """Read jobs eventually consistent, at half the price, and read some again, strongly consistent.

    Read again are jobs that the first read does not show, or shows in a status that is unlikely for a job in a message: the
    first read may be older than the message.
    """
    if not job_ids:
        return []
    found = [job for job in ports.jobs.load(job_ids, consistent=False) if job.status not in unlikely]
    there = {job.job_id for job in found}
    others = [job_id for job_id in job_ids if job_id not in there]
    return [*found, *ports.jobs.load(others)] if others else found


def _that_fit(jobs: Sequence[Job], ports: WorkerPorts) -> list[Job]:
    """Return the first jobs whose rows fit into one write: at least one job."""
    total, chosen = 0, list[Job]()
    for job in jobs:
        total += _row_bytes(job, ports)
        if chosen and total > ports.bounds.round_bytes:
            break
        chosen.append(job)
    return chosen


def _row_bytes(job: Job, ports: WorkerPorts) -> int:
    """Return the bytes of the job's row once it is signed, or a little more. Only large rows are measured."""
    is_usual = (
        len(job.request.data) <= USUAL_DATA_BYTES
        and len(job.history) <= USUAL_LINES
        and len(job.attempts) <= 1
        and len(str(job.data)) <= USUAL_DATA_BYTES
    )
    return USUAL_ROW_BYTES if is_usual else ports.jobs.row_bytes(job) + SIGNED_BYTES
