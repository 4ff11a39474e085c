"""What the workers look for: the account's pending jobs in order, whoever waits before them, and what was left behind."""

from datetime import timedelta
from typing import Any

from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled, checked, retried, waiting
from chalicelib.store.jobs import DynamoJobStore
from tests.store.backends import Stores, Tables, assert_eventually, ids
from tests.store.building import ACCOUNT_ID, OTHER_ADDRESS, after, cancelled_job, failed_job, pending_job, signed_job

NOW = after(10_000)


def issue(stores: Stores, *jobs: Job) -> list[Job]:
    for job in jobs:
        stores.jobs.issue(job)
    return list(jobs)


def waits(job: Job) -> Job:
    return waiting(job, job.created_at, after(20), "no funds", next_check_at=after(30))


def by_time_and_id(jobs: list[Job]) -> list[str]:
    return ids(sorted(jobs, key=lambda job: (job.pending_since or job.created_at, job.job_id)))


# --- pending_of --------------------------------------------------------------------------------------------------------


def test_pending_jobs_come_in_the_order_they_were_issued(stores: Stores) -> None:
    issued = issue(stores, *(pending_job(second) for second in (3, 1, 2, 2.000001, 2, 0)))

    assert_eventually(lambda: stores.jobs.pending_of(ACCOUNT_ID, 50), by_time_and_id(issued))


def test_pending_jobs_are_the_first_ones_when_there_are_more_than_asked_for(stores: Stores) -> None:
    issued = issue(stores, *(pending_job(20 - number) for number in range(20)))

    assert_eventually(lambda: stores.jobs.pending_of(ACCOUNT_ID, 7), by_time_and_id(issued)[:7])


def test_a_retried_job_stands_behind_those_issued_before_its_retry(stores: Stores) -> None:
    old = failed_job(5)
    issue(stores, old)
    before, later = issue(stores, pending_job(10), pending_job(30))

    stores.jobs.save(retried(old, after(20), next_check_at=after(80)))

    assert_eventually(lambda: stores.jobs.pending_of(ACCOUNT_ID, 50), ids([before, old, later]))


def test_pending_jobs_are_those_of_the_account_that_do_not_wait(stores: Stores) -> None:
    mine, *_ = issue(
        stores,
        pending_job(5),
        pending_job(1, account=OTHER_ADDRESS),
        pending_job(2, chain_id=123),
        waits(pending_job(3)),
        signed_job(pending_job(4), 7),
        failed_job(6),
    )

    assert_eventually(lambda: stores.jobs.pending_of(ACCOUNT_ID, 50), [mine.job_id])
    assert stores.jobs.pending_of("122:0xnobody", 50) == []


# --- has_earlier_waiting -----------------------------------------------------------------------------------------------


def test_a_job_that_waits_is_earlier_only_for_those_issued_after_it(stores: Stores) -> None:
    before, waiter, behind = issue(stores, pending_job(1), waits(pending_job(2)), pending_job(3))

    assert_eventually(lambda: [stores.jobs.has_earlier_waiting(job) for job in (before, waiter, behind)], [False, False, True])


def test_of_jobs_issued_at_one_moment_the_smaller_id_is_the_earlier(stores: Stores) -> None:
    low, middle, high = (pending_job(2, job_id=digit * 24) for digit in "05f")
    issue(stores, low, waits(middle), high)

    assert_eventually(lambda: [stores.jobs.has_earlier_waiting(job) for job in (low, middle, high)], [False, False, True])


def test_nobody_waits_for_another_account_for_what_goes_on_or_for_what_is_over(stores: Stores) -> None:
    over = waits(pending_job(4))
    issue(stores, pending_job(1), waits(pending_job(2, account=OTHER_ADDRESS)), waits(pending_job(3, chain_id=123)), over)
    asking = pending_job(9)
    assert_eventually(lambda: stores.jobs.has_earlier_waiting(asking), True)

    stores.jobs.save(cancelled(over, after(5)))

    assert_eventually(lambda: stores.jobs.has_earlier_waiting(asking), False)


def test_a_retried_job_is_as_late_as_its_retry(stores: Stores) -> None:
    retried_job = retried(failed_job(5), after(20), next_check_at=after(80))
    issue(stores, waits(pending_job(10)))

    assert_eventually(lambda: stores.jobs.has_earlier_waiting(retried_job), True)


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

    stores.jobs.save(checked(job, NOW + timedelta(seconds=60)))

    assert_eventually(lambda: stores.jobs.due(NOW, 50), [other])


def test_due_believes_the_row_and_not_the_index(tables: Tables) -> None:
    """A job that somebody closes or puts off just after the index was read."""
    closed, put_off, left_behind = issue(tables.stores, due_at(-3), due_at(-2), due_at(-1))
    assert_eventually(lambda: len(tables.jobs.due(NOW, 50)), 3)
    other = DynamoJobStore(tables.inspector, tables.jobs_table, tables.accounts_table)

    def move_on(**_: Any) -> None:
        other.save(cancelled(closed, NOW))
        other.save(checked(put_off, NOW + timedelta(seconds=60)))

    tables.client.meta.events.register_first("provide-client-params.dynamodb.BatchGetItem", move_on)

    assert tables.jobs.due(NOW, 50) == [left_behind]
