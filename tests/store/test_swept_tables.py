"""The sweep over real tables: what it finds, what it keeps, and that its work follows what is new and not what there is."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.bounds import Bounds
from chalicelib.jobs.model import Job
from chalicelib.workers.sweep import sweep_jobs
from tests.fakes.memory import RecordingQueue
from tests.store.backends import Stores, Tables, assert_eventually
from tests.store.building import (
    ACCOUNT_ID,
    ADDRESS,
    CHAIN_ID,
    OTHER_ADDRESS,
    account,
    after,
    cancelled_job,
    pending_job,
    signed_job,
)


@dataclass
class Ports:
    """As much as reconcile needs."""

    jobs: Any
    accounts: Any
    now: datetime
    queue: Any = field(default_factory=RecordingQueue)
    network: Any = None
    chain: Any = None
    signers: Any = None
    bounds: Bounds = field(default_factory=Bounds)

    def clock(self) -> datetime:
        return self.now


def with_jobs(stores: Stores, *jobs: Job) -> Ports:
    for address in (ADDRESS, OTHER_ADDRESS):
        stores.accounts.put(account(address=address))
    for job in jobs:
        stores.jobs.issue(job)
    for address in {job.account for job in jobs}:
        mine = [job for job in jobs if job.account == address]
        assert_eventually(lambda a=address: len(stores.jobs.issued_on(f"{CHAIN_ID}:{a}", None, 1_000)), len(mine))  # type: ignore[misc]
    return Ports(stores.jobs, stores.accounts, after(600))


def test_a_sweep_looks_after_every_fresh_job_of_every_account_and_of_no_other(stores: Stores) -> None:
    pending, other, flying = pending_job(1), pending_job(2, account=OTHER_ADDRESS), signed_job(pending_job(3), 7)
    ended, young = cancelled_job(100, created_at=after(4)), pending_job(590)
    ports = with_jobs(stores, pending, other, flying, ended, young)

    assert sweep_jobs(ports) == 2

    assert sorted(ports.queue.executed) == sorted([pending.job_id, other.job_id])
    stored = {job.job_id: job for job in stores.jobs.load([job.job_id for job in (pending, other, flying, ended, young)])}
    assert {job_id for job_id, job in stored.items() if job.next_check_at is not None} == {
        pending.job_id,
        other.job_id,
        flying.job_id,
    }
    swept = stores.accounts.get(ACCOUNT_ID)
    assert swept is not None and (swept.swept_to, swept.swept_again_to) == (ended.issued_order, None)
    assert sweep_jobs(ports) == 0

    ports.now = after(2_000)
    assert sweep_jobs(ports) == 1
    swept = stores.accounts.get(ACCOUNT_ID)
    assert swept is not None and (swept.swept_to, swept.swept_again_to) == (young.issued_order, young.issued_order)
    assert_eventually(lambda: len(stores.jobs.due(ports.now, 10)), 3)


def test_what_a_run_does_follows_what_is_new_and_not_what_there_is(tables: Tables) -> None:
    ports = with_jobs(tables.stores, *(cancelled_job(300, created_at=after(number / 10)) for number in range(250)))
    ports.now = after(2_000)
    sweep_jobs(ports)
    tables.calls.clear()

    assert sweep_jobs(ports) == 0

    assert [operation for operation, _ in tables.calls] == ["Scan", *["Query"] * 4]
