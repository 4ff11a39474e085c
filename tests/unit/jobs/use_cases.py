"""The use cases over ports in memory, as one issuer calls them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib.bounds import Bounds
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.admission import Admission
from chalicelib.jobs.cancel import cancel_job
from chalicelib.jobs.fetch import fetch_by_correlation_id, fetch_job
from chalicelib.jobs.issue import Issued, NewJob, issue_job, signing_account
from chalicelib.jobs.model import Account, Job, TransactionRequest
from chalicelib.jobs.principal import Principal
from chalicelib.jobs.retry import Retries, RetryQuery, retry_job, retry_jobs
from tests.fakes.memory import MemoryAccountStore, MemoryJobStore, RecordingQueue
from tests.unit.jobs.a_job import ISSUER, NOW, OTHER, TARGET

ME = Principal(ISSUER, ISSUER)
SOMEBODY = Principal(OTHER, OTHER)
ADMIN = Principal("the operators", OTHER, is_admin=True)
POOL = "0x" + "D" * 40


def accounts() -> MemoryAccountStore:
    return MemoryAccountStore(
        [
            Account(122, ISSUER, key="kms:1"),
            Account(122, OTHER, key="kms:2"),
            Account(122, POOL, key="kms:3", role="minters", allows_value=True),
            Account(122, TARGET, key="kms:4", owner=ISSUER),
        ]
    )


@dataclass
class UseCases:
    accounts: MemoryAccountStore = field(default_factory=accounts)
    queue: RecordingQueue = field(default_factory=RecordingQueue)
    now: datetime = NOW

    def __post_init__(self) -> None:
        self.jobs = MemoryJobStore(self.accounts)
        self.admission = Admission(Bounds(), lambda: self.jobs)

    def clock(self) -> datetime:
        """No two instants are the same."""
        self.now += timedelta(microseconds=1)
        return self.now

    def mined_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        raise ChainUnavailable("no node")

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        return () if request.to is None else (request.to,)

    def issue(self, principal: Principal = ME, *, sender: str | None = None, **changes: Any) -> Issued:
        fields: dict[str, Any] = {"value": 1, "data": b"data"}
        request = {name: changes.pop(name) for name in list(changes) if name in ("to", "value", "data", "gas", "valid_until")}
        account = signing_account(sender, principal, "fuse", 122, self)
        transaction = TransactionRequest(**{"to": TARGET, **fields, **request})
        new = NewJob(changes.pop("name", "job"), "fuse", account, transaction, **changes)
        return issue_job(new, principal, self, names_sender=sender is not None)

    def stored(self, job: Job) -> str:
        """The id of this job, now in the store."""
        self.jobs.rows[job.job_id] = job
        return job.job_id

    def change(self, job_id: str, **changes: Any) -> Job:
        return self.jobs.save(replace(self.jobs.rows[job_id], **changes))

    def fetch(self, job_id: str, principal: Principal = ME) -> Job:
        return fetch_job(job_id, principal, self)

    def fetch_correlated(self, correlation_id: str, principal: Principal = ME) -> Job:
        return fetch_by_correlation_id(correlation_id, principal, self)

    def retry(self, job_id: str, principal: Principal = ME) -> Job:
        return retry_job(job_id, principal, self)

    def retry_by(self, query: RetryQuery, principal: Principal = ME) -> Retries:
        return retry_jobs(query, principal, self)

    def cancel(self, job_id: str, principal: Principal = ME) -> Job:
        return cancel_job(job_id, principal, self)
