"""What there is to sign for an account: what messages name, and what was issued after the newest job ever signed for it.

So one nudge is enough for a burst. Whatever this does not find comes by a nudge of its own: retried jobs and those that waited
by theirs, and what lost its nudge by reconcile's.
"""

from collections.abc import Collection, Iterable, Sequence

from chalicelib.jobs.model import Account, Job, Status
from chalicelib.jobs.model import account_id as account_id_of
from chalicelib.jobs.order import order
from chalicelib.jobs.states import is_resting
from chalicelib.workers.ports import WorkerPorts

JOBS_PER_ROUND = 90
"""With what else is read before they are signed, or after they were sent, they fit into one request of a hundred calls; with
their account into one TransactWriteItems of a hundred items.
"""
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

    def __len__(self) -> int:
        """Those that are known so far."""
        return len(self._jobs)

    def next_round(self, account: Account) -> list[Job]:
        """The next jobs in the order they were issued (invariant 11), taken out; as many as one round holds."""
        if self._found is None:
            # What reconcile has swept or was signed after needs no looking at: the index is not read from its beginning.
            self._reached = max(filter(None, (account.signed_to, account.swept_to)), default=None)
            self._found = self._next_of_index()
        while self._found and self._rows_left > 0:
            older = sum(_place(job) < self._found[0][0] for job in self._jobs)
            if older >= JOBS_PER_ROUND:
                break
            page, self._found = self._found[: JOBS_PER_ROUND - older], self._found[JOBS_PER_ROUND - older :]
            self._rows_left -= len(page)
            self._jobs += self._to_sign(read_jobs([job_id for _, job_id in page], self._ports))
            self._found = self._found or self._next_of_index()
        self._jobs.sort(key=_place)
        chosen = _that_fit(self._jobs[:JOBS_PER_ROUND], self._ports)
        del self._jobs[: len(chosen)]
        return chosen

    def rest(self) -> list[Job]:
        """All that is left, taken out."""
        rest, self._jobs = self._jobs, []
        return rest

    def put_back(self, jobs: Iterable[Job]) -> None:
        self._jobs += jobs

    def read_again(self) -> None:
        """Somebody else has written one of the jobs, or the account: from here on, what is true now."""
        self._jobs = self._to_sign(self._ports.jobs.load([job.job_id for job in self._jobs]))

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


def _place(job: Job) -> str:
    """Among the account's jobs: in the order they were issued or retried (invariant 11)."""
    return order(job.pending_since or job.created_at, job.job_id)


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
