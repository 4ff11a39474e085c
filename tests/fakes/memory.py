"""The domain's ports in memory: the same promises as the real adapters, held to the same contract tests."""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib.errors import JobsChanged, VersionConflict, WriteRefused
from chalicelib.jobs.model import RETRYABLE, Account, Job, Status, account_id
from chalicelib.jobs.order import order
from chalicelib.jobs.stores import FailedQuery, Page, Sweep
from chalicelib.store.item_size import item_size
from chalicelib.store.records import job_item

COUNTED_AT_MOST = 1_000
"""Where the real adapter stops counting, too."""
ROW_BYTES = 400 * 1024
TRANSACTION_BYTES = 4 * 1024 * 1024
LARGE = 30_000
"""Bytes of data from which a row's size is looked at."""


class MemoryAccountStore:
    def __init__(self, accounts: Iterable[Account] = ()) -> None:
        self.lock = threading.RLock()
        self.rows = {account.account_id: account for account in accounts}

    def get(self, account_id: str, *, consistent: bool = True) -> Account | None:
        with self.lock:
            return self.rows.get(account_id)

    def put(self, account: Account) -> bool:
        with self.lock:
            return self.rows.setdefault(account.account_id, account) == account  # its own put, repeated, is a success

    def pause(self, account: Account, reason: str | None) -> Account:
        with self.lock:
            row = self.rows.get(account.account_id)
            if row is None or row.paused not in (account.paused, reason):
                raise VersionConflict("The account was paused or resumed at the same time.")
            self.rows[account.account_id] = replace(row, paused=reason)
            return replace(account, paused=reason)

    def swept(self, account: Account, sweep: Sweep, to: str) -> None:
        with self.lock:
            row = self.rows.get(account.account_id)
            if row is None:
                return
            if sweep is Sweep.FIRST:
                row = replace(row, swept_to=max(row.swept_to or to, to))
            else:
                row = replace(row, swept_again_to=max(row.swept_again_to or to, to))
            self.rows[account.account_id] = row

    def of_role(self, chain_id: int, role: str) -> list[Account]:
        pool = [row for row in self.all() if (row.chain_id, row.role, row.owner) == (chain_id, role, None)]
        return sorted(pool, key=lambda account: account.address)

    def all(self) -> list[Account]:
        with self.lock:
            return list(self.rows.values())


class MemoryLimitStore:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.leased: dict[tuple[str, int], int] = {}

    def lease(self, owner: str, minute: int, requests: int, limit: int) -> int:
        with self.lock:
            before = self.leased.get((owner, minute), 0)
            if before >= limit:
                return 0
            self.leased[owner, minute] = before + requests
            return min(requests, limit - before)


class MemoryJobStore:
    """Jobs by id. Given the account store, since `start` writes both in one transaction."""

    def __init__(self, accounts: MemoryAccountStore | None = None) -> None:
        self.accounts = accounts or MemoryAccountStore()
        self.lock = self.accounts.lock
        self.rows: dict[str, Job] = {}
        self.refused: set[str] = set()
        """Jobs whose rows are refused, beside those that are too large."""

    # --- one row

    def row_bytes(self, job: Job) -> int:
        return item_size(job_item(job))

    def issue(self, job: Job) -> Job | None:
        with self.lock:
            existing = self.rows.get(job.job_id)
            if existing is None:
                self._require_taken([job])
                self.rows[job.job_id] = job
            return None if existing == job else existing  # its own put, repeated, is not somebody else's

    def get(self, job_id: str) -> Job | None:
        with self.lock:
            return self.rows.get(job_id)

    def load(self, job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        with self.lock:
            return [self.rows[job_id] for job_id in dict.fromkeys(job_ids) if job_id in self.rows]

    def save(self, job: Job) -> Job:
        with self.lock:
            if self.rows.get(job.job_id) != replace(job, version=job.version + 1):  # else: its own write, repeated
                self._require_version(job)
                self._require_taken([job])
                self._write(job)
            return self.rows[job.job_id]

    def save_each(self, jobs: Sequence[Job]) -> list[Job | Exception]:
        return [self._saved(job) for job in jobs]

    def _saved(self, job: Job) -> Job | Exception:
        try:
            return self.save(job)
        except (VersionConflict, WriteRefused) as error:
            return error

    def start(self, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        with self.lock:
            stored = self.accounts.rows.get(account.account_id)
            if stored is None or stored.next_nonce != account.next_nonce or stored.paused is not None:
                raise VersionConflict(f"The account {account.account_id} was changed meanwhile.")
            if changed := [job.job_id for job in jobs if not self._is_as_read(job)]:
                raise JobsChanged("Jobs of the round were changed meanwhile.", changed)
            self._require_taken(jobs)
            known = replace(stored, in_flight=account.in_flight if stored.is_shared else stored.in_flight)
            self.accounts.rows[account.account_id] = known.having_signed(next_nonce, jobs)
            return [self._write(job) for job in jobs]

    def _is_as_read(self, job: Job) -> bool:
        stored = self.rows.get(job.job_id)
        return stored is not None and stored.version == job.version

    def _require_version(self, job: Job) -> None:
        if not self._is_as_read(job):
            raise VersionConflict(f"The job {job.job_id} was changed meanwhile.")

    def _require_taken(self, jobs: Sequence[Job]) -> None:
        """As DynamoDB does: refuse a row above 400 KB, and a transaction above 4 MB, of which it names no row."""
        large = [job for job in jobs if len(job.request.data) + len(str(job.data)) > LARGE]
        sizes = {job.job_id: self.row_bytes(job) for job in large}
        refused = [job.job_id for job in jobs if job.job_id in self.refused or sizes.get(job.job_id, 0) > ROW_BYTES]
        if refused or sum(sizes.values()) > TRANSACTION_BYTES:
            raise WriteRefused("The table refuses the row.", refused)

    def _write(self, job: Job) -> Job:
        written = replace(job, version=job.version + 1, unsaved=())
        self.rows[job.job_id] = written
        return written

    # --- many rows

    def find_by_correlation_id(self, correlation_id: str) -> list[Job]:
        return self._where(lambda job: job.correlation_id == correlation_id)

    def find_by_external_id(self, external_id: str, owner: str | None, limit: int, cursor: Mapping[str, str] | None) -> Page:
        return self._newest(lambda job: job.external_id == external_id and owner in (None, job.owner), limit, cursor)

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
        return self._newest(
            lambda job: (
                owner in (None, job.owner)
                and status in (None, job.status)
                and name in (None, job.name)
                and account in (None, job.account)
            ),
            limit,
            cursor,
        )

    def _newest(self, fits: Callable[[Job], bool], limit: int, cursor: Mapping[str, str] | None) -> Page:
        found = sorted(self._where(fits), key=_issued_order, reverse=True)
        if cursor is not None:
            found = [job for job in found if _issued_order(job) < cursor["before"]]
        return _page(found, limit, [{"before": _issued_order(job)} for job in found])

    def find_failed(self, query: FailedQuery, limit: int, cursor: Mapping[str, str] | None) -> Page:
        found = sorted(self._where(lambda job: _is_found(job, query)), key=_finished_order)
        if cursor is not None:
            found = [job for job in found if _finished_order(job) > cursor["after"]]
        return _page(found, limit, [{"after": _finished_order(job)} for job in found])

    def issued_on(
        self, account: str, after: str | None, limit: int, *, before: datetime | None = None
    ) -> list[tuple[str, str]]:
        of_account = self._where(lambda job: account_id(job.chain_id, job.account) == account)
        found = sorted((_issued_order(job), job.job_id) for job in of_account if before is None or job.created_at < before)
        return [(order, job_id) for order, job_id in found if after is None or order > after][:limit]

    def issued_until(self, account_id: str, until: str, limit: int) -> list[tuple[str, str]]:
        found = [one for one in self.issued_on(account_id, None, len(self.rows)) if one[0] <= until]
        return found[::-1][:limit]

    def earliest_waiting(self, account_id: str, before: str, but: Collection[str] = ()) -> str | None:
        places = [_order(job.pending_since, job) for job in self._pending(account_id) if job.job_id not in but]
        return min((place for place in places if place < before), default=None)

    def count_pending(self, account: Account, at_most: int) -> int:
        looked_after = [job for job in self._pending(account.account_id) if not job.is_fresh]
        seen_to = max(account.signed_to or "", account.swept_to or "")
        since = self.issued_on(account.account_id, seen_to or None, COUNTED_AT_MOST)
        return max(0, min(len(looked_after) + len(since), at_most, COUNTED_AT_MOST))

    def has_pending(self, account: Account) -> bool:
        return bool(self._pending(account.account_id))

    def count_open(self, owner: str, at_most: int) -> int:
        return min(at_most, len(self._where(lambda job: job.owner == owner and job.next_check_at is not None)))

    def find_by_subject(self, name: str, subject: str, limit: int, *, owner: str | None = None) -> list[Job]:
        found = self._where(
            lambda job: (job.name, job.subject) == (name, subject) and owner in (None, job.owner) and job.creation is not None
        )
        return sorted(found, key=_issued_order, reverse=True)[:limit]

    def find_by_creation(self, address: str, name: str | None = None, limit: int = 100) -> list[Job]:
        found = self._where(lambda job: job.creation == address and name in (None, job.name))
        return sorted(found, key=_issued_order, reverse=True)[:limit]

    def _pending(self, account: str) -> list[Job]:
        return self._where(lambda job: job.pending_since is not None and account_id(job.chain_id, job.account) == account)

    def watched(self, limit: int) -> list[Job]:
        found = self._where(lambda job: job.next_check_at is not None)
        return sorted(found, key=lambda job: _order(job.next_check_at, job))[:limit]

    def due(self, now: datetime, limit: int) -> list[Job]:
        found = self._where(lambda job: job.next_check_at is not None and job.next_check_at <= now)
        return sorted(found, key=lambda job: _order(job.next_check_at, job))[:limit]

    def _where(self, fits: Callable[[Job], bool]) -> list[Job]:
        with self.lock:
            return [job for job in self.rows.values() if fits(job)]


def _page(found: Sequence[Job], limit: int, cursors: Sequence[Mapping[str, str]]) -> Page:
    page = tuple(found[:limit])
    return Page(page, cursors[limit - 1] if len(found) > limit else None, tuple(cursors[:limit]))


def _is_found(job: Job, query: FailedQuery) -> bool:
    finished = job.last_finished_at
    return (
        job.status is query.status
        and job.status in RETRYABLE
        and finished is not None
        and query.owner in (None, job.owner)
        and query.name in (None, job.name)
        and (query.code is None or (job.failure is not None and job.failure.code == query.code))
        and (query.after is None or finished >= query.after)
        and (query.before is None or finished < query.before)
    )


def _order(at: datetime | None, job: Job) -> str:
    assert at is not None
    return order(at, job.job_id)


def _issued_order(job: Job) -> str:
    return job.issued_order


def _finished_order(job: Job) -> str:
    return _order(job.last_finished_at, job)


@dataclass
class RecordingQueue:
    """Keeps every nudge it is asked for. With `broken` set, raises it instead, as a client of a queue that is away would."""

    executed: list[str] = field(default_factory=list)
    executed_now: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    delayed: list[tuple[str, tuple[str, ...], int]] = field(default_factory=list)
    confirmed: list[tuple[tuple[str, ...], int]] = field(default_factory=list)
    broken: Exception | None = None

    def execute(self, jobs: Sequence[Job]) -> None:
        self._check(0)
        self.executed += [job.job_id for job in jobs]

    def execute_now(self, account_id: str, job_ids: Sequence[str]) -> None:
        self._check(0)
        self.executed_now.append((account_id, tuple(job_ids)))

    def execute_later(self, account_id: str, job_ids: Sequence[str], delay_seconds: int) -> None:
        self._check(delay_seconds)
        self.delayed.append((account_id, tuple(job_ids), delay_seconds))

    def confirm(self, job_ids: Sequence[str], delay_seconds: int) -> None:
        self._check(delay_seconds)
        self.confirmed.append((tuple(job_ids), delay_seconds))

    @property
    def is_empty(self) -> bool:
        return not (self.executed or self.executed_now or self.delayed or self.confirmed)

    def _check(self, delay_seconds: int) -> None:
        if self.broken is not None:
            raise self.broken
        if not 0 <= delay_seconds <= 900:
            raise ValueError(f"a message can be delayed by 0 to 900 seconds, not {delay_seconds}")
