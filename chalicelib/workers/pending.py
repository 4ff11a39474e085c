"""What there is to sign for an account: what messages name, and what was issued after the newest job ever signed for it.

So one nudge is enough for a burst. Whatever this does not find comes by a nudge of its own: retried jobs and those that waited
by theirs, and what lost its nudge by reconcile's.

Jobs are taken in the order in which they were issued or retried (invariant 11). Where there are more than one round takes, the
owners take turns, each with its own jobs in their order: so no owner keeps another waiting for longer than a round (invariant
12), and on a shared account no order is promised between jobs of different owners. A job whose estimate was too slow before
comes after all others, in a round of its own, and only one of them in a run. Where rounds are down to one job, it comes after
the first round: each of the others may be as slow.
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
"""Of call data, and of what a job tells beside it: characters there, of which one has four bytes at most."""
USUAL_LINES = 10
USUAL_ROW_BYTES = 24_000
"""More than the row of a job has that is within these; 90 of them fit into one write."""
SIGNED_BYTES = 1_000
"""By how much a row grows when its job is signed. The call data stands in it already."""
IDS_PER_PAGE = 500
ROWS_PER_RUN = 4_000
"""More than a run signs, in case many of them rest and are read for nothing."""
AHEAD_BYTES = 16_000_000
"""Of call data, about: what a shared account's jobs that are read ahead of their round may take in memory."""


class Backlog:
    """Jobs are read once and eventually consistent: states only move on, and every write is conditional on what was read."""

    def __init__(self, account_id: str, named: Sequence[Job], ports: WorkerPorts) -> None:
        self._account_id = account_id
        self._ports = ports
        self._seen = {job.job_id for job in named}
        self._jobs = self._to_sign(named)
        self._found: list[tuple[str, str]] | None = None
        """(order, job id) of what the index shows and was not read yet, oldest first; None before the first look."""
        self._reached: str | None = None
        self._at_end = False
        self._rows_left = ROWS_PER_RUN
        self._places: dict[str, str] = {}
        self._rounds = 0
        self._slow_left = 1
        """Jobs whose estimate was too slow before that this run may still try."""

    def __len__(self) -> int:
        """Those that are known so far."""
        return len(self._jobs)

    def next_round(self, account: Account) -> list[Job]:
        """The next jobs, taken out; as many as one round takes."""
        pace = self._ports.paces.of(self._account_id)
        self._read_on(account, pace.jobs)
        self._jobs.sort(key=self._place)
        quick = [job for job in self._jobs if not _was_slow(job)]
        slow = [job for job in self._jobs if _was_slow(job)][: len(self._jobs) * self._slow_left]
        if slow and (not quick or (pace.is_slowest and self._rounds)):
            chosen = _in_turns(slow, 1, pace.last_slow_owner)
            self._slow_left -= 1
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
        """Read the rows of the index's next jobs: as many as a round takes; on a shared account all, to find every owner's."""
        if self._found is None:
            # What reconcile has swept or was signed after needs no looking at: the index is not read from its beginning.
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
        """The job's place, made out once: while it is pending, it stays."""
        return self._places.get(job.job_id) or self._places.setdefault(job.job_id, place(job))

    def _bytes_ahead(self) -> int:
        return sum(1_000 + len(job.request.data) for job in self._jobs)

    def rest(self) -> list[Job]:
        """All that is left, taken out."""
        rest, self._jobs = self._jobs, []
        return rest

    def of_owners(self, owners: Collection[str], at_most: int) -> list[Job]:
        """The next jobs of these owners, taken out in their order: they need no estimate now. Those that were slow stay."""
        found = sorted((job for job in self._jobs if job.owner in owners and not _was_slow(job)), key=self._place)[:at_most]
        taken = {job.job_id for job in found}
        self._jobs = [job for job in self._jobs if job.job_id not in taken]
        return found

    def put_back(self, jobs: Iterable[Job]) -> None:
        self._jobs += jobs

    def read_again(self) -> None:
        """Somebody else has written one of the jobs, or the account: from here on, what is true now."""
        self._jobs = self._to_sign(self._ports.jobs.load([job.job_id for job in self._jobs]))

    def take_changed(self, jobs: Iterable[Job]) -> None:
        """Somebody else has written these jobs of a round: those that are still pending are taken again, as they are now. Their
        owners stand last in the next rounds, so that no owner can keep others from being signed (invariant 12).
        """
        changed = list(jobs)
        if changed:
            self._ports.paces.of(self._account_id).note_changed({job.owner for job in changed}, self._ports.clock())
            for job in changed:
                self._places.pop(job.job_id, None)  # a job that was retried meanwhile has another place
            self._jobs += self._to_sign(self._ports.jobs.load([job.job_id for job in changed]))

    def _next_of_index(self) -> list[tuple[str, str]]:
        """The next ones that were not seen before; none where the index ends."""
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
        """Whose a job is the row says, not the message (invariant 9)."""
        now = self._ports.clock()
        return [
            job
            for job in jobs
            if job.status is Status.PENDING
            and not is_resting(job, now)
            and account_id_of(job.chain_id, job.account) == self._account_id
        ]


def place(job: Job) -> str:
    """Among the account's jobs: in the order they were issued or retried (invariant 11)."""
    return order(job.pending_since or job.created_at, job.job_id)


def _was_slow(job: Job) -> bool:
    return job.waits_code is WaitCode.ESTIMATE_TOO_SLOW


def _in_turns(jobs: Sequence[Job], at_most: int, last_owner: str | None) -> list[Job]:
    """Choose `at_most` jobs, in the order given. Where there are more, and of several owners, choose one of each owner in turn,
    beginning with the owner after `last_owner`.
    """
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
    """Eventually consistent, at half the price. What such a read does not show yet, or shows in a state that is unlikely for a
    job somebody asks for, may be older than the question: it is read again.
    """
    if not job_ids:
        return []
    found = [job for job in ports.jobs.load(job_ids, consistent=False) if job.status not in unlikely]
    there = {job.job_id for job in found}
    others = [job_id for job_id in job_ids if job_id not in there]
    return [*found, *ports.jobs.load(others)] if others else found


def _that_fit(jobs: Sequence[Job], ports: WorkerPorts) -> list[Job]:
    """The first of them, at least one, whose rows fit into one write."""
    total, chosen = 0, list[Job]()
    for job in jobs:
        total += _row_bytes(job, ports)
        if chosen and total > ports.bounds.round_bytes:
            break
        chosen.append(job)
    return chosen


def _row_bytes(job: Job, ports: WorkerPorts) -> int:
    """The size of its row once it is signed, rather too large. It is computed only where a row can be large."""
    is_usual = (
        len(job.request.data) <= USUAL_DATA_BYTES
        and len(job.history) <= USUAL_LINES
        and len(job.attempts) <= 1
        and len(str(job.data)) <= USUAL_DATA_BYTES
    )
    return USUAL_ROW_BYTES if is_usual else ports.jobs.row_bytes(job) + SIGNED_BYTES
