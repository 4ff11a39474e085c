"""What the workers look for: an account's jobs in order, whoever is not signed before one, and what was left behind."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.jobs.model import Job, account_id
from chalicelib.jobs.order import order
from chalicelib.jobs.states import cancelled, retried, waiting, with_next_check
from chalicelib.jobs.stores import Sweep
from chalicelib.store import job_reads
from chalicelib.store.jobs import DynamoJobStore
from tests.store.backends import THREADS, Stores, Tables, assert_eventually, ids
from tests.store.building import (
    ACCOUNT_ID,
    OTHER_ADDRESS,
    account,
    after,
    cancelled_job,
    failed_job,
    pending_job,
    signed_job,
)
from tests.store.faults import leave_unprocessed

NOW = after(10_000)


def issue(stores: Stores, *jobs: Job) -> list[Job]:
    for job in jobs:
        stores.jobs.issue(job)
    return list(jobs)


def waits(job: Job) -> Job:
    return waiting(job, job.created_at, after(20), "no funds", next_check_at=after(30))


# --- issued_on ---------------------------------------------------------------------------------------------------------


def issued_ids(stores: Stores, after_order: str | None = None, limit: int = 50, **bounds: Any) -> list[str]:
    return [job_id for _, job_id in stores.jobs.issued_on(ACCOUNT_ID, after_order, limit, **bounds)]


def test_an_accounts_jobs_come_in_the_order_they_were_issued_whatever_became_of_them(stores: Stores) -> None:
    issued = issue(
        stores,
        *(pending_job(second) for second in (3, 1, 2, 2.000001, 2, 0)),
        waits(pending_job(4)),
        signed_job(pending_job(5), 7),
        failed_job(600, created_at=after(6)),
        cancelled_job(600, created_at=after(7)),
    )
    issue(stores, pending_job(1, account=OTHER_ADDRESS), pending_job(2, chain_id=123))
    in_order = ids(sorted(issued, key=lambda job: (job.created_at, job.job_id)))

    assert_eventually(lambda: issued_ids(stores), in_order)
    assert stores.jobs.issued_on("122:0xnobody", None, 50) == []


def test_an_accounts_jobs_go_on_after_the_order_of_any_of_them(stores: Stores) -> None:
    issue(stores, *(pending_job(number // 3) for number in range(12)))
    assert_eventually(lambda: len(issued_ids(stores)), 12)
    everything = stores.jobs.issued_on(ACCOUNT_ID, None, 50)

    for number, (reached, _) in enumerate(everything):
        assert stores.jobs.issued_on(ACCOUNT_ID, reached, 50) == everything[number + 1 :]
    assert stores.jobs.issued_on(ACCOUNT_ID, everything[3][0], 4) == everything[4:8]


def test_an_accounts_jobs_end_before_a_moment(stores: Stores) -> None:
    first, second, _, _ = issue(stores, pending_job(1), pending_job(2), pending_job(3), pending_job(3.5))
    assert_eventually(lambda: len(issued_ids(stores)), 4)
    (order, _), *_ = stores.jobs.issued_on(ACCOUNT_ID, None, 1)

    assert issued_ids(stores, before=after(3)) == ids([first, second])
    assert issued_ids(stores, order, before=after(3)) == [second.job_id]
    assert issued_ids(stores, order, before=after(1)) == issued_ids(stores, order, before=after(0)) == []


def test_a_retried_job_keeps_its_place_in_the_order_of_issue(stores: Stores) -> None:
    old = failed_job(5)
    issue(stores, old)
    (later,) = issue(stores, pending_job(10))

    stores.jobs.save(retried(old, after(20), next_check_at=after(80)))

    assert_eventually(lambda: issued_ids(stores), ids([old, later]))


# --- issued_until ------------------------------------------------------------------------------------------------------


def test_an_accounts_jobs_come_newest_first_from_one_of_them_on(stores: Stores) -> None:
    issued = issue(stores, *(pending_job(second) for second in range(5)), failed_job(600, created_at=after(6)))
    issue(stores, pending_job(2, account=OTHER_ADDRESS))
    until = issued[3].issued_order
    newest_first = [(job.issued_order, job.job_id) for job in issued[3::-1]]
    assert_eventually(lambda: stores.jobs.issued_until(ACCOUNT_ID, until, 10), newest_first)
    assert stores.jobs.issued_until(ACCOUNT_ID, until, 2) == newest_first[:2]
    assert stores.jobs.issued_until(ACCOUNT_ID, "0", 10) == []


# --- earliest_waiting, has_pending ------------------------------------------------------------------------------------


def place(job: Job) -> str:
    return order(job.pending_since or job.created_at, job.job_id)


def has_earlier_waiting(stores: Stores, job: Job) -> bool:
    return stores.jobs.earliest_waiting(account_id(job.chain_id, job.account), place(job)) is not None


def test_the_earliest_waiting_job_is_the_first_of_those_that_are_not_left_out(stores: Stores) -> None:
    """Fresh jobs and others alike: the two kinds are found by different indexes."""
    signed, fresh, waiting_job, late = issue(
        stores, signed_job(pending_job(1), 7), pending_job(2), waits(pending_job(3)), pending_job(4)
    )

    def earliest(before: str, *but: Job) -> str | None:
        return stores.jobs.earliest_waiting(ACCOUNT_ID, before, frozenset(ids(but)))

    assert_eventually(lambda: len(issued_ids(stores)), 4)
    assert_eventually(lambda: earliest("9", signed, fresh), place(waiting_job))
    assert earliest("9") == place(fresh)
    assert earliest("9", fresh, waiting_job) == place(late)
    assert earliest("9", fresh, waiting_job, late) is None
    assert earliest(place(waiting_job), fresh) is None
    assert earliest(place(late), fresh) == place(waiting_job)
    assert earliest(place(late), waiting_job) == place(fresh)


def test_retried_jobs_wait_for_neither_themselves_nor_each_other_in_a_circle(stores: Stores) -> None:
    """They were issued before the moment they were retried: by that order each would stand before all of them."""
    first, second, third = (
        retried(failed_job(100, created_at=after(number)), after(200 + number), next_check_at=after(300)) for number in range(3)
    )
    issue(stores, first, second, third)
    assert_eventually(lambda: [has_earlier_waiting(stores, job) for job in (first, second, third)], [False, True, True])


@pytest.mark.parametrize("make", [pending_job, lambda seconds, **fields: waits(pending_job(seconds, **fields))])
def test_an_unsigned_job_is_earlier_only_for_those_that_come_after_it(stores: Stores, make: Callable[..., Job]) -> None:
    before, unsigned, behind = signed_job(pending_job(1), 7), make(2), signed_job(pending_job(3), 8)
    issue(stores, before, unsigned, behind)

    assert_eventually(lambda: [has_earlier_waiting(stores, job) for job in (before, unsigned, behind)], [False, False, True])


@pytest.mark.parametrize("make", [pending_job, lambda seconds, **fields: waits(pending_job(seconds, **fields))])
def test_of_jobs_issued_at_one_moment_the_smaller_id_is_the_earlier(stores: Stores, make: Callable[..., Job]) -> None:
    low, high = (signed_job(pending_job(2, job_id=digit * 24), 7) for digit in "0f")
    middle = make(2, job_id="5" * 24)
    issue(stores, low, middle, high)

    assert_eventually(lambda: [has_earlier_waiting(stores, job) for job in (low, middle, high)], [False, False, True])


@pytest.mark.parametrize("make", [pending_job, lambda seconds, **fields: waits(pending_job(seconds, **fields))])
def test_nobody_waits_for_another_account_or_for_what_is_over(stores: Stores, make: Callable[..., Job]) -> None:
    over = make(4)
    issue(stores, make(2, account=OTHER_ADDRESS), make(3, chain_id=123), over)
    asking = signed_job(pending_job(9), 7)
    assert_eventually(lambda: (has_earlier_waiting(stores, asking), stores.jobs.has_pending(account())), (True, True))

    stores.jobs.save(cancelled(over, after(5)))

    assert_eventually(lambda: (has_earlier_waiting(stores, asking), stores.jobs.has_pending(account())), (False, False))


def test_a_retried_job_is_as_late_as_its_retry(stores: Stores) -> None:
    retried_job = retried(failed_job(5), after(20), next_check_at=after(80))
    issue(stores, pending_job(10))

    assert_eventually(lambda: has_earlier_waiting(stores, retried_job), True)


def test_a_job_that_was_swept_up_is_found_still(stores: Stores) -> None:
    """Fresh ones are looked for behind the sweep's watermark: those before it are where the looked-after ones are."""
    stores.accounts.put(account())
    asking = pending_job(9)
    (left_behind,) = issue(stores, pending_job(1))
    assert_eventually(lambda: len(issued_ids(stores)), 1)
    ((reached, _),) = stores.jobs.issued_on(ACCOUNT_ID, None, 1)

    stores.jobs.save(with_next_check(left_behind, after(120)))
    stores.accounts.swept(account(), Sweep.FIRST, reached)

    swept = stores.accounts.get(ACCOUNT_ID)
    assert swept is not None
    assert_eventually(lambda: (has_earlier_waiting(stores, asking), stores.jobs.has_pending(swept)), (True, True))


def test_nobody_waits_for_itself_also_where_it_is_looked_for_from_the_sweep_on(stores: Stores) -> None:
    stores.accounts.put(account())
    signed, fresh = issue(stores, signed_job(pending_job(1), 7), pending_job(2))
    assert_eventually(lambda: len(issued_ids(stores)), 2)

    stores.accounts.swept(account(), Sweep.FIRST, signed.issued_order)

    assert has_earlier_waiting(stores, fresh) is False
    assert has_earlier_waiting(stores, pending_job(3)) is True


def test_what_the_sweep_has_passed_is_not_looked_at_again(tables: Tables) -> None:
    """So it stays the same work, whatever the account has done before."""
    tables.accounts.put(account())
    issue(tables.stores, *(signed_job(pending_job(number), number) for number in range(20)))
    assert_eventually(lambda: len(issued_ids(tables.stores)), 20)
    orders = [one for one, _ in tables.jobs.issued_on(ACCOUNT_ID, None, 50)]
    tables.accounts.swept(account(), Sweep.FIRST, orders[16])
    swept = tables.accounts.get(ACCOUNT_ID)
    assert swept is not None
    reads = leave_unprocessed(tables.client, tables.jobs_table, rounds=0, keys=0)

    assert tables.jobs.has_pending(swept) is False
    assert has_earlier_waiting(tables.stores, pending_job(19.5)) is False

    assert [len(read["Keys"]) for read in reads] == [3, 3]
    assert not any(read["ConsistentRead"] for read in reads)


def test_where_too_many_would_have_to_be_looked_at_somebody_is_said_to_wait(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then a revert is believed later: after the next sweep."""
    monkeypatch.setattr(job_reads, "FRESH_PAGES", 1)
    jobs = [signed_job(pending_job(number / 100), number) for number in range(101)]
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(tables.jobs.issue, jobs))
    assert_eventually(lambda: len(issued_ids(tables.stores, limit=200)), 101)

    assert tables.jobs.has_pending(account()) is True
    assert has_earlier_waiting(tables.stores, pending_job(50)) is True
    assert has_earlier_waiting(tables.stores, jobs[50]) is False


# --- due ---------------------------------------------------------------------------------------------------------------


def due_at(seconds: float) -> Job:
    """A job reconcile is to look at so many seconds after NOW."""
    return pending_job(next_check_at=NOW + timedelta(seconds=seconds))


def test_due_are_open_jobs_whose_time_has_come_the_earliest_first(stores: Stores) -> None:
    past, just, on_time, soon, later = (due_at(seconds) for seconds in (-60, -0.000001, 0, 0.000001, 60))
    issue(stores, later, on_time, failed_job(5), soon, past, cancelled_job(5), just)

    assert_eventually(lambda: stores.jobs.due(NOW, 50), [past, just, on_time])


def test_due_are_the_longest_overdue_when_there_are_more_than_asked_for(stores: Stores) -> None:
    jobs = issue(stores, *(due_at(number - 40) for number in range(30)))

    assert_eventually(lambda: stores.jobs.due(NOW, 30), jobs)
    assert stores.jobs.due(NOW, 7) == jobs[:7]


def test_a_job_put_off_is_due_no_more(stores: Stores) -> None:
    job, other = issue(stores, due_at(-2), due_at(-1))
    assert_eventually(lambda: stores.jobs.due(NOW, 50), [job, other])

    stores.jobs.save(with_next_check(job, NOW + timedelta(seconds=60)))

    assert_eventually(lambda: stores.jobs.due(NOW, 50), [other])


def test_watched_are_open_jobs_with_a_next_check_whenever_it_is_the_soonest_first(stores: Stores) -> None:
    first, second, third = (due_at(seconds) for seconds in (-60, 0, 86_400))
    issue(stores, third, failed_job(5), first, pending_job(1), cancelled_job(5), second)

    assert_eventually(lambda: stores.jobs.watched(50), [first, second, third])
    assert stores.jobs.watched(2) == [first, second]


def test_due_believes_the_row_and_not_the_index(tables: Tables) -> None:
    """A job that somebody closes or puts off just after the index was read."""
    closed, put_off, left_behind = issue(tables.stores, due_at(-3), due_at(-2), due_at(-1))
    assert_eventually(lambda: len(tables.jobs.due(NOW, 50)), 3)
    other = DynamoJobStore(tables.inspector, tables.jobs_table, tables.accounts_table)

    def move_on(**_: Any) -> None:
        other.save(cancelled(closed, NOW))
        other.save(with_next_check(put_off, NOW + timedelta(seconds=60)))

    tables.client.meta.events.register_first("provide-client-params.dynamodb.BatchGetItem", move_on)

    assert tables.jobs.due(NOW, 50) == [left_behind]
