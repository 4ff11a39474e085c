"""A `JobStore` that reports the transitions of jobs which another `JobStore` has stored.

Every method of the protocol is written out. So a new method of the protocol is a type error in `observed` until it is added
here, and its author decides whether it reports something.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from chalicelib.jobs.model import Account, Job, Status
from chalicelib.jobs.ports import Clock
from chalicelib.jobs.stores import FailedQuery, JobStore, Page
from chalicelib.metrics import Metrics
from chalicelib.telemetry.transitions import Mark, Transitions


def observed(jobs: JobStore, metrics: Metrics, clock: Clock, mark: Mark) -> JobStore:
    """Return a store that writes and reads with `jobs`, and reports each transition after it is stored."""
    return ObservedJobs(jobs, Transitions(metrics, clock, mark))


class ObservedJobs:
    """Reports the writes, and passes the reads on. Not a subclass of the protocol: its methods would be inherited, empty."""

    def __init__(self, jobs: JobStore, transitions: Transitions) -> None:
        self._jobs = jobs
        self._transitions = transitions

    # --- writes: each reports what it has stored ---

    def issue(self, job: Job) -> Job | None:
        existing = self._jobs.issue(job)
        if existing is None:
            self._transitions.report(job, job.history)
        return existing

    def save(self, job: Job) -> Job:
        written = self._jobs.save(job)
        self._transitions.report(written, job.unsaved)
        return written

    def save_each(self, jobs: Sequence[Job]) -> list[Job | Exception]:
        outcomes = self._jobs.save_each(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if not isinstance(outcome, Exception):
                self._transitions.report(outcome, job.unsaved)
        return outcomes

    def start(self, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        written = self._jobs.start(account, next_nonce, jobs)
        for before, job in zip(jobs, written, strict=True):
            self._transitions.report(job, before.unsaved)
        return written

    # --- reads: nothing to report ---

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def load(self, job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        return self._jobs.load(job_ids, consistent=consistent)

    def row_bytes(self, job: Job) -> int:
        return self._jobs.row_bytes(job)

    def find_by_correlation_id(self, correlation_id: str) -> list[Job]:
        return self._jobs.find_by_correlation_id(correlation_id)

    def find_by_external_id(self, external_id: str, owner: str | None, limit: int, cursor: Mapping[str, str] | None) -> Page:
        return self._jobs.find_by_external_id(external_id, owner, limit, cursor)

    def list_jobs(
        self,
        owner: str | None,
        status: Status | None,
        name: str | None,
        limit: int,
        cursor: Mapping[str, str] | None,
        *,
        account: str | None = None,
    ) -> Page:
        return self._jobs.list_jobs(owner, status, name, limit, cursor, account=account)

    def find_failed(self, query: FailedQuery, limit: int, cursor: Mapping[str, str] | None) -> Page:
        return self._jobs.find_failed(query, limit, cursor)

    def issued_on(
        self, account_id: str, after: str | None, limit: int, *, before: datetime | None = None
    ) -> list[tuple[str, str]]:
        return self._jobs.issued_on(account_id, after, limit, before=before)

    def issued_until(self, account_id: str, until: str, limit: int) -> list[tuple[str, str]]:
        return self._jobs.issued_until(account_id, until, limit)

    def earliest_waiting(self, account_id: str, before: str, but: Collection[str] = ()) -> str | None:
        return self._jobs.earliest_waiting(account_id, before, but)

    def count_pending(self, account: Account, at_most: int) -> int:
        return self._jobs.count_pending(account, at_most)

    def has_pending(self, account: Account) -> bool:
        return self._jobs.has_pending(account)

    def count_open(self, owner: str, at_most: int) -> int:
        return self._jobs.count_open(owner, at_most)

    def find_by_subject(self, name: str, subject: str, limit: int, *, owner: str | None = None) -> list[Job]:
        return self._jobs.find_by_subject(name, subject, limit, owner=owner)

    def find_by_creation(self, address: str, name: str | None = None, limit: int = 100) -> list[Job]:
        return self._jobs.find_by_creation(address, name, limit)

    def watched(self, limit: int) -> list[Job]:
        return self._jobs.watched(limit)

    def due(self, now: datetime, limit: int) -> list[Job]:
        return self._jobs.due(now, limit)
