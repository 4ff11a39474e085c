"""Failed and cancelled jobs, found by query for a retry: oldest failure first, each once, also while they are being retried."""

from dataclasses import replace

import pytest

from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.states import retried
from chalicelib.jobs.stores import FailedQuery, Page
from tests.store.backends import Stores, assert_eventually, ids
from tests.store.building import OTHER_OWNER, OWNER, after, cancelled_job, failed_job, pending_job
from tests.store.walking import jobs_of, walk

REVERTED = "TransactionReverted"


@pytest.fixture(scope="module")
def mixed(library: Stores) -> list[Job]:
    """Failed at seconds 10, 20, 30 and 40, of two owners, names and codes, and others that have not failed."""
    jobs = [
        *(failed_job(second, owner=owner) for second in (40, 20, 20, 10) for owner in (OWNER, OTHER_OWNER)),
        *(failed_job(second, REVERTED, owner=OWNER) for second in (30, 10)),
        *(failed_job(second, REVERTED, owner=OTHER_OWNER, name="deploy") for second in (20, 30)),
        *(cancelled_job(second, owner=OWNER) for second in (30, 20)),
        cancelled_job(25, owner=OTHER_OWNER, name="deploy"),
        pending_job(15),
    ]
    for job in jobs:
        library.jobs.issue(job)
    everything = (FailedQuery(), FailedQuery(Status.CANCELLED))
    assert_eventually(lambda: [len(library.jobs.find_failed(query, 100, None).jobs) for query in everything], [12, 3])
    return jobs


def finished_order(jobs: list[Job]) -> list[str]:
    return ids(sorted(jobs, key=lambda job: (job.last_finished_at, job.job_id)))


QUERIES = {
    "every failed one": FailedQuery(),
    "an owner's": FailedQuery(owner=OWNER),
    "a name": FailedQuery(name="deploy"),
    "an owner's by name": FailedQuery(owner=OTHER_OWNER, name="deploy"),
    "a code": FailedQuery(code=REVERTED),
    "a code and a name": FailedQuery(code=REVERTED, name="transaction"),
    "an owner's by code": FailedQuery(owner=OWNER, code=REVERTED),
    "after": FailedQuery(after=after(20)),
    "before": FailedQuery(before=after(20)),
    "between": FailedQuery(after=after(20), before=after(30)),
    "between, an owner's": FailedQuery(owner=OWNER, after=after(10), before=after(20.000001)),
    "between, an owner's by name and code": FailedQuery(
        owner=OTHER_OWNER, name="deploy", code=REVERTED, after=after(10), before=after(30)
    ),
    "cancelled": FailedQuery(Status.CANCELLED),
    "an owner's cancelled": FailedQuery(Status.CANCELLED, owner=OWNER, before=after(30)),
    "cancelled by name": FailedQuery(Status.CANCELLED, name="deploy", after=after(25)),
}


def fits(job: Job, query: FailedQuery) -> bool:
    return (
        job.status is query.status
        and job.last_finished_at is not None
        and query.owner in (None, job.owner)
        and query.name in (None, job.name)
        and query.code in (None, job.failure and job.failure.code)
        and (query.after is None or query.after <= job.last_finished_at)
        and (query.before is None or job.last_finished_at < query.before)
    )


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES.keys())
def test_a_query_finds_exactly_what_fits_the_oldest_failure_first(
    library: Stores, mixed: list[Job], query: FailedQuery
) -> None:
    expected = [job for job in mixed if fits(job, query)]
    assert expected

    assert jobs_of(walk(lambda cursor: library.jobs.find_failed(query, 100, cursor))) == finished_order(expected)


@pytest.mark.parametrize("name", ["every failed one", "an owner's", "an owner's by code", "between", "cancelled"])
def test_page_after_page_a_query_finds_the_same(library: Stores, mixed: list[Job], name: str) -> None:
    query = QUERIES[name]

    pages = walk(lambda cursor: library.jobs.find_failed(query, 2, cursor))

    assert jobs_of(pages) == finished_order([job for job in mixed if fits(job, query)])
    assert all(len(page.jobs) <= 2 for page in pages)


@pytest.mark.parametrize(
    "query",
    [
        FailedQuery(owner="nobody"),
        FailedQuery(code="NoSuchCode"),
        FailedQuery(after=after(20), before=after(20)),
        FailedQuery(after=after(30), before=after(20)),
        FailedQuery(owner=OWNER, after=after(30), before=after(20)),
    ],
    ids=["unknown owner", "unknown code", "no time between", "before ends before after", "so for one owner"],
)
def test_a_query_that_nothing_fits_finds_nothing(library: Stores, mixed: list[Job], query: FailedQuery) -> None:
    assert jobs_of(walk(lambda cursor: library.jobs.find_failed(query, 10, cursor))) == []


def test_nothing_failed_is_one_empty_page(stores: Stores) -> None:
    assert stores.jobs.find_failed(FailedQuery(), 10, None) == Page(())


@pytest.mark.parametrize(("owner", "limit"), [(OWNER, 1), (None, 3)])
def test_a_walk_visits_each_job_once_while_those_it_has_visited_are_being_retried(
    stores: Stores, owner: str | None, limit: int
) -> None:
    jobs = [failed_job(second // 3, owner=OWNER) for second in range(13)]  # three of each moment
    for job in jobs:
        stores.jobs.issue(job)
    assert_eventually(lambda: len(stores.jobs.find_failed(FailedQuery(owner=owner), 100, None).jobs), len(jobs))
    visited: list[str] = []
    cursor = None
    while True:
        page = stores.jobs.find_failed(FailedQuery(owner=owner), limit, cursor)
        visited += ids(page.jobs)
        for job in page.jobs:
            stores.jobs.save(retried(job, after(100), next_check_at=after(160)))
        cursor = page.cursor
        if cursor is None:
            break

    assert visited == finished_order(jobs)
    assert_eventually(lambda: stores.jobs.find_failed(FailedQuery(owner=owner), 100, None).jobs, ())


def test_a_walk_passes_over_what_others_retried_and_reaches_what_fails_meanwhile(stores: Stores) -> None:
    first, second, third = jobs = [failed_job(number) for number in (1, 2, 3)]
    late = pending_job()
    for job in (*jobs, late):
        stores.jobs.issue(job)
    assert_eventually(lambda: len(stores.jobs.find_failed(FailedQuery(), 10, None).jobs), len(jobs))
    page = stores.jobs.find_failed(FailedQuery(), 1, None)
    assert ids(page.jobs) == [first.job_id]

    stores.jobs.save(retried(second, after(100), next_check_at=after(160)))
    stores.jobs.save(replace(failed_job(50), job_id=late.job_id))

    assert_eventually(
        lambda: jobs_of(walk(lambda cursor: stores.jobs.find_failed(FailedQuery(), 1, cursor or page.cursor))),
        ids([third, late]),
    )
