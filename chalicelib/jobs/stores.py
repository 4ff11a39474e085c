"""The protocols of what is stored. `store` implements them on DynamoDB, and tests have fakes of them.

A fake passes the same contract tests as the real adapter.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chalicelib.jobs.model import Account, Job, Status


@dataclass(frozen=True, slots=True)
class Page:
    """One page of jobs. `cursor` is None on the last one; otherwise the position after the last job looked at."""

    jobs: tuple[Job, ...]
    cursor: Mapping[str, str] | None = None
    cursors: tuple[Mapping[str, str], ...] = field(default=(), compare=False)
    """The position after each of the jobs."""

    def first(self, count: int) -> "Page":
        """Return the page with only its first `count` jobs. `count` is at least 1."""
        if count >= len(self.jobs):
            return self
        return Page(self.jobs[:count], self.cursors[count - 1], self.cursors[:count])


@dataclass(frozen=True, slots=True)
class FailedQuery:
    """Which failed (or cancelled) jobs to find. `owner` None means every owner's (admins)."""

    status: Status = Status.FAILED
    owner: str | None = None
    name: str | None = None
    code: str | None = None
    after: datetime | None = None
    before: datetime | None = None


class JobStore(Protocol):
    def issue(self, job: Job) -> Job | None:
        """Put a new job if its id is free. Returns None when stored, else the job that already has the id."""

    def get(self, job_id: str) -> Job | None:
        """Strongly consistent read."""

    def load(self, job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        """Read many, in the order of the ids. Unknown ids are left out.

        An inconsistent read costs half. It may show a row as it was a moment ago, or not at all.

        A row that cannot be read is logged and left out. Raises RowTooNew for one that a newer version wrote.
        """

    def row_bytes(self, job: Job) -> int:
        """How large the row of this job would be. The table takes rows of up to 400 KB."""

    def save(self, job: Job) -> Job:
        """Write `job` if its stored version is still `job.version`; returns it as it is now: the next
        version, nothing unsaved.

        Raises VersionConflict when another process wrote first, WriteRefused when the table will never take the row.
        """

    def save_each(self, jobs: Sequence[Job]) -> list[Job | Exception]:
        """Write many, each on its own: one outcome a job, in order, which is what `save` returns or raises."""

    def start(self, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        """One TransactWriteItems (invariant 2): the account's nextNonce moves from what `account` says to `next_nonce`, and
        every job (already carrying its signed attempt) is written at its version. The account's signedTo moves to the newest
        of the jobs, if it is not further on already, and a shared account remembers what each owner has in flight, beside what
        `account` says: `Account.having_signed` is the account afterwards. All or nothing.

        Raises VersionConflict when the account was changed meanwhile; JobsChanged, which names them, when only jobs were; and
        WriteRefused when the table will never take the row of one of them, or all of them together. Then nothing was written.
        """

    def find_by_correlation_id(self, correlation_id: str) -> list[Job]:
        """Return jobs of any owner with this correlationId (eventually consistent), in no order: a thousand at most."""

    def find_by_external_id(self, external_id: str, owner: str | None, limit: int, cursor: Mapping[str, str] | None) -> Page:
        """Jobs with this externalId, newest first: of `owner`, or of every owner when None (eventually consistent)."""

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
        """Newest first; of `owner`, or, when None, of every owner: the jobs of all accounts. With `account` (an address), only
        jobs that it signs.
        """

    def find_failed(self, query: FailedQuery, limit: int, cursor: Mapping[str, str] | None) -> Page:
        """Failed or cancelled jobs, oldest failure first."""

    def issued_on(
        self, account_id: str, after: str | None, limit: int, *, before: datetime | None = None
    ) -> list[tuple[str, str]]:
        """(order, job id) of the account's jobs, whatever became of them, in the order they were issued: those after the order
        `after` (None: from the first) and issued before `before`. Eventually consistent. Fewer than `limit`: there are no more.
        """

    def issued_until(self, account_id: str, until: str, limit: int) -> list[tuple[str, str]]:
        """(order, job id) of the account's jobs that were issued up to the order `until`, this one included, newest first.
        Eventually consistent. Fewer than `limit`: there are no more.
        """

    def earliest_waiting(self, account_id: str, before: str, but: Collection[str] = ()) -> str | None:
        """The place of the account's first job that waits to be signed, of those before the place `before` and without the jobs
        `but` (eventually consistent). None: there is no such job.

        Where there are too many to look at each of them, it is the place up to which no job waits.
        """

    def count_pending(self, account: Account, at_most: int) -> int:
        """Return about how many jobs of the account are pending, `at_most` if there are more.

        Only the indexes are counted, so jobs that ended unsigned in the last minutes count, too.
        """

    def has_pending(self, account: Account) -> bool:
        """True if a job of the account is pending (eventually consistent): the row of each candidate is read.

        Also True if there are too many candidates to read.
        """

    def count_open(self, owner: str, at_most: int) -> int:
        """How many jobs of the owner are open and have a next check, `at_most` when there are more (eventually consistent):
        fresh jobs do not count.
        """

    def find_by_subject(self, name: str, subject: str, limit: int, *, owner: str | None = None) -> list[Job]:
        """Jobs of this name about this subject that have made a contract, newest first (eventually consistent): of any owner,
        or of `owner`. Some 2,000 of them are looked at; jobs that have made nothing are not among these.
        """

    def find_by_creation(self, address: str, name: str | None = None, limit: int = 100) -> list[Job]:
        """Jobs, of this name or of any, that made the contract at this address, newest first (eventually consistent)."""

    def watched(self, limit: int) -> list[Job]:
        """Open jobs that have a next check, whenever it is, soonest first (eventually consistent): all but the fresh ones, and
        those whose rows cannot be read here.
        """

    def due(self, now: datetime, limit: int) -> list[Job]:
        """Open jobs whose nextCheckAt has passed (eventually consistent; keys are looked up again consistently). Those whose
        rows cannot be read here, for whatever reason, are logged and left out.
        """


class Sweep(StrEnum):
    """The two sweeps of ReconcileJobs. Each value names the account's attribute that says how far the sweep has come."""

    FIRST = "sweptTo"
    SECOND = "sweptAgainTo"


class AccountStore(Protocol):
    def get(self, account_id: str, *, consistent: bool = True) -> Account | None:
        """An inconsistent read costs half: it may show the row as it was a moment ago, or not at all."""

    def put(self, account: Account) -> bool:
        """Put a new account if it does not exist yet; False when it does."""

    def pause(self, account: Account, reason: str | None) -> Account:
        """Pause the account for `reason`, or resume it (None), if it still is as `account` says; jobs are kept.

        Raises VersionConflict when another process paused or resumed it meanwhile.
        """

    def swept(self, account: Account, sweep: Sweep, to: str) -> None:
        """The sweep has seen every job of the account up to this order. Where it has come further already, nothing changes.

        Raises VersionConflict when the account was written at the same moment.
        """

    def of_role(self, chain_id: int, role: str) -> list[Account]:
        """Return the accounts of the role without an owner, by address (eventually consistent): the pool."""

    def all(self) -> list[Account]: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A block that was final at `at`."""

    number: int
    block_hash: str
    at: datetime


class CheckpointStore(Protocol):
    def read(self, chain_id: int) -> list[Checkpoint]:
        """Return the checkpoints, oldest first. Empty at first."""

    def write(self, chain_id: int, checkpoints: Sequence[Checkpoint]) -> None:
        """Replace them. The last writer wins, because every writer stores what is true."""
