"""How many jobs of an account are pending: counted in its indexes, without reading one of them, and only so far. And, for
certain, whether there is any.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled, retried, waiting
from tests.store.backends import THREADS, Stores, Tables, assert_eventually
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


def waits(job: Job) -> Job:
    return waiting(job, job.created_at, after(20), "no funds", next_check_at=after(30))


def issue(stores: Stores, *jobs: Job) -> list[Job]:
    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(stores.jobs.issue, jobs)) == [None] * len(jobs)
    return list(jobs)


def test_counted_are_the_accounts_pending_jobs_whether_they_are_fresh_or_wait(stores: Stores) -> None:
    issue(
        stores,
        signed_job(pending_job(100), 7),
        *(pending_job(101 + number) for number in range(3)),
        *(waits(pending_job(number)) for number in range(2)),
        retried(failed_job(5), after(200), next_check_at=after(260)),
        pending_job(300, account=OTHER_ADDRESS),
        waits(pending_job(account=OTHER_ADDRESS)),
        pending_job(300, chain_id=123),
        failed_job(5),
        cancelled_job(5),
    )
    signed_to, _ = all_of(stores, 9)[5]

    assert_eventually(lambda: stores.jobs.count_pending(account(signed_to=signed_to), 50), 6)
    assert stores.jobs.count_pending(account(address="0xnobody"), 50) == 0


def all_of(stores: Stores, count: int) -> list[tuple[str, str]]:
    """(order, id) of the account's jobs, as soon as the index has them all."""
    assert_eventually(lambda: len(stores.jobs.issued_on(ACCOUNT_ID, None, 2_000)), count)
    return stores.jobs.issued_on(ACCOUNT_ID, None, 2_000)


@pytest.mark.parametrize(("at_most", "expected"), [(50, 7), (7, 7), (6, 6), (5, 5), (4, 4), (3, 3), (1, 1), (0, 0), (-1, 0)])
def test_counting_ends_at_what_was_asked_for(stores: Stores, at_most: int, expected: int) -> None:
    issue(stores, *(waits(pending_job(number)) for number in range(3)), *(pending_job(10 + number) for number in range(4)))
    swept = account(swept_to=all_of(stores, 7)[2][0])
    assert_eventually(lambda: stores.jobs.count_pending(swept, 50), 7)

    assert stores.jobs.count_pending(swept, at_most) == expected


@pytest.mark.parametrize("at_most", [1, 10])
@pytest.mark.parametrize("make", [pending_job, lambda: waits(pending_job())])
def test_jobs_that_are_only_fresh_or_only_wait_count_too(stores: Stores, make: Callable[[], Job], at_most: int) -> None:
    (job,) = issue(stores, make())
    (order, _), *_ = all_of(stores, 1)

    assert_eventually(lambda: stores.jobs.count_pending(account(swept_to=None if job.is_fresh else order), at_most), 1)


def test_a_job_that_ended_is_no_longer_counted_once_a_later_one_was_signed_or_swept(stores: Stores) -> None:
    unsigned, waiter, signed, swept = issue(stores, pending_job(1), waits(pending_job(2)), pending_job(3), pending_job(4))
    orders = [order for order, _ in all_of(stores, 4)]
    for job in (unsigned, waiter, signed, swept):
        stores.jobs.save(cancelled(job, after(5)))

    assert_eventually(lambda: stores.jobs.count_pending(account(), 50), 4)
    assert stores.jobs.count_pending(account(signed_to=orders[2]), 50) == 1
    assert stores.jobs.count_pending(account(signed_to=orders[2], swept_to=orders[0]), 50) == 1
    assert stores.jobs.count_pending(account(signed_to=orders[2], swept_to=orders[3]), 50) == 0


def test_counting_ends_at_a_thousand_whatever_was_asked_for(stores: Stores) -> None:
    issue(stores, *(waits(pending_job(number)) for number in range(450)), *(pending_job(1_000 + n) for n in range(600)))
    swept = account(swept_to=all_of(stores, 1_050)[449][0])

    assert_eventually(lambda: stores.jobs.count_pending(swept, 10**9), 1_000)


@pytest.mark.parametrize(
    ("at_most", "limits"), [(1, [1]), (3, [3]), (4, [4, 1]), (200, [200, 197]), (10**9, [1_000, 997])], ids=str
)
def test_counting_is_at_most_two_short_looks_at_indexes(tables: Tables, at_most: int, limits: list[int]) -> None:
    issue(
        tables.stores, *(waits(pending_job(number)) for number in range(3)), *(pending_job(number) for number in range(10, 14))
    )
    swept = account(swept_to=all_of(tables.stores, 7)[2][0])
    assert_eventually(lambda: tables.jobs.count_pending(swept, 50), 7)
    queries: list[dict[str, Any]] = []
    tables.client.meta.events.register("provide-client-params.dynamodb.Query", lambda params, **_: queries.append(params))
    tables.calls.clear()

    tables.jobs.count_pending(swept, at_most)

    assert {operation for operation, _ in tables.calls} == {"Query"}
    assert [query["Limit"] for query in queries] == limits
    assert [(query["IndexName"], query["Select"]) for query in queries] == [("pending", "COUNT"), ("account", "COUNT")][
        : len(limits)
    ]


def test_whether_any_job_is_pending_is_asked_of_the_rows(stores: Stores) -> None:
    """Jobs that ended unsigned may stand at the end for long."""
    fresh, ended = issue(stores, pending_job(1), failed_job(5, created_at=after(2)))
    all_of(stores, 2)
    assert stores.jobs.has_pending(account()) is True

    stores.jobs.save(signed_job(fresh, 7))

    assert_eventually(lambda: stores.jobs.has_pending(account()), False)
    stores.jobs.save(retried(ended, after(6), next_check_at=after(66)))
    assert_eventually(lambda: stores.jobs.has_pending(account()), True)


def test_a_fresh_job_that_is_older_than_the_newest_signed_one_is_pending_all_the_same(stores: Stores) -> None:
    """It was not in the index yet as that one was signed; its own nudge is on its way."""
    issue(stores, pending_job(1), signed_job(pending_job(2), 7))
    signed_to = all_of(stores, 2)[1][0]

    assert_eventually(lambda: stores.jobs.has_pending(account(signed_to=signed_to)), True)
