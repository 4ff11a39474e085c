"""How many jobs of an account are pending: counted in its index, without reading one of them, and only so far."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled, waiting
from tests.store.backends import THREADS, Stores, Tables, assert_eventually
from tests.store.building import ACCOUNT_ID, OTHER_ADDRESS, after, cancelled_job, failed_job, pending_job, signed_job


def waits(job: Job) -> Job:
    return waiting(job, job.created_at, after(20), "no funds", next_check_at=after(30))


def issue(stores: Stores, *jobs: Job) -> list[Job]:
    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(stores.jobs.issue, jobs)) == [None] * len(jobs)
    return list(jobs)


def test_counted_are_the_accounts_pending_jobs_whether_they_wait_or_not(stores: Stores) -> None:
    issue(
        stores,
        *(pending_job(number) for number in range(3)),
        *(waits(pending_job(number)) for number in range(2)),
        pending_job(account=OTHER_ADDRESS),
        waits(pending_job(account=OTHER_ADDRESS)),
        pending_job(chain_id=123),
        signed_job(pending_job(), 7),
        failed_job(5),
        cancelled_job(5),
    )

    assert_eventually(lambda: stores.jobs.count_pending(ACCOUNT_ID, 50), 5)
    assert stores.jobs.count_pending("122:0xnobody", 50) == 0


@pytest.mark.parametrize(("at_most", "expected"), [(50, 7), (7, 7), (6, 6), (5, 5), (4, 4), (3, 3), (1, 1), (0, 0), (-1, 0)])
def test_counting_ends_at_what_was_asked_for(stores: Stores, at_most: int, expected: int) -> None:
    issue(stores, *(pending_job(number) for number in range(4)), *(waits(pending_job(number)) for number in range(3)))
    assert_eventually(lambda: stores.jobs.count_pending(ACCOUNT_ID, 50), 7)

    assert stores.jobs.count_pending(ACCOUNT_ID, at_most) == expected


@pytest.mark.parametrize("at_most", [1, 10])
def test_jobs_that_only_wait_count_too(stores: Stores, at_most: int) -> None:
    """Such an account is not idle."""
    issue(stores, waits(pending_job()))

    assert_eventually(lambda: stores.jobs.count_pending(ACCOUNT_ID, at_most), 1)


def test_a_job_that_is_no_longer_pending_is_no_longer_counted(stores: Stores) -> None:
    first, second = issue(stores, pending_job(1), waits(pending_job(2)))
    assert_eventually(lambda: stores.jobs.count_pending(ACCOUNT_ID, 50), 2)

    stores.jobs.save(signed_job(first, 7))
    assert_eventually(lambda: stores.jobs.count_pending(ACCOUNT_ID, 50), 1)
    stores.jobs.save(cancelled(second, after(5)))
    assert_eventually(lambda: stores.jobs.count_pending(ACCOUNT_ID, 50), 0)


def test_counting_ends_at_a_thousand_whatever_was_asked_for(stores: Stores) -> None:
    issue(stores, *(pending_job(number) for number in range(600)), *(waits(pending_job(number)) for number in range(450)))

    assert_eventually(lambda: stores.jobs.count_pending(ACCOUNT_ID, 10**9), 1_000)


@pytest.mark.parametrize(
    ("at_most", "limits"), [(1, [1]), (4, [4]), (5, [5, 1]), (200, [200, 196]), (10**9, [1_000, 996])], ids=str
)
def test_counting_is_at_most_two_short_looks_at_the_index(tables: Tables, at_most: int, limits: list[int]) -> None:
    issue(tables.stores, *(pending_job(number) for number in range(4)), *(waits(pending_job(number)) for number in range(3)))
    assert_eventually(lambda: tables.jobs.count_pending(ACCOUNT_ID, 50), 7)
    queries: list[dict[str, Any]] = []
    tables.client.meta.events.register("provide-client-params.dynamodb.Query", lambda params, **_: queries.append(params))
    tables.calls.clear()

    tables.jobs.count_pending(ACCOUNT_ID, at_most)

    assert {operation for operation, _ in tables.calls} == {"Query"}
    assert [query["Limit"] for query in queries] == limits
    assert {(query["IndexName"], query["Select"]) for query in queries} == {("pending", "COUNT")}
