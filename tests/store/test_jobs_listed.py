"""Lists: newest first, page after page, each job exactly once, by owner or over everybody's."""

from collections.abc import Callable, Mapping

import pytest

from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.stores import FailedQuery, Page
from chalicelib.store.records import job_item
from tests.store.backends import Stores, Tables, assert_eventually, ids
from tests.store.building import (
    ADDRESS,
    OTHER_ADDRESS,
    OTHER_OWNER,
    OWNER,
    account,
    after,
    cancelled_job,
    failed_job,
    pending_job,
)
from tests.store.walking import jobs_of, walk


def newest_first(jobs: list[Job]) -> list[str]:
    return ids(sorted(jobs, key=lambda job: (job.created_at, job.job_id), reverse=True))


def with_accounts(stores: Stores) -> None:
    """Every job is one's: over all owners, it is by the accounts that jobs are found."""
    for one in (account(), account(address=OTHER_ADDRESS), account(address=OTHER_ADDRESS, chain_id=123)):
        stores.accounts.put(one)


@pytest.fixture(scope="module")
def mixed(library: Stores) -> list[Job]:
    """Of two owners and three accounts, some of one moment, of several states and names, in no order."""
    jobs = [
        *(pending_job(second, owner=owner) for second in (5, 3, 9, 3, 3) for owner in (OWNER, OTHER_OWNER)),
        *(pending_job(second, owner=OWNER, name="deploy") for second in (4, 8)),
        *(failed_job(50, owner=owner) for owner in (OWNER, OTHER_OWNER, OWNER)),
        *(cancelled_job(50, owner=OTHER_OWNER) for _ in range(2)),
        *(failed_job(50, owner=OWNER, name="deploy") for _ in range(2)),
        *(pending_job(second, owner=OWNER, account=OTHER_ADDRESS) for second in (2, 4, 10)),
        *(pending_job(second, owner=OTHER_OWNER, account=OTHER_ADDRESS, chain_id=123) for second in (2, 4)),
    ]
    with_accounts(library)
    for job in jobs:
        library.jobs.issue(job)
    assert_eventually(lambda: len(library.jobs.list_jobs(None, None, None, 100, None).jobs), len(jobs))
    return jobs


@pytest.mark.parametrize("limit", [2, 100])
@pytest.mark.parametrize("owner", [OWNER, None])
@pytest.mark.parametrize("address", [ADDRESS, OTHER_ADDRESS, ADDRESS.lower()])
def test_a_list_of_one_account_has_its_jobs_and_no_others(
    library: Stores, mixed: list[Job], address: str, owner: str | None, limit: int
) -> None:
    pages = walk(lambda cursor: library.jobs.list_jobs(owner, None, None, limit, cursor, account=address))

    assert jobs_of(pages) == newest_first([job for job in mixed if owner in (None, job.owner) and job.account == address])


@pytest.mark.parametrize("limit", [4, 100])
@pytest.mark.parametrize("owner", [OWNER, OTHER_OWNER, None])
def test_walking_a_list_gives_each_job_once_and_the_newest_first(
    library: Stores, mixed: list[Job], owner: str | None, limit: int
) -> None:
    pages = walk(lambda cursor: library.jobs.list_jobs(owner, None, None, limit, cursor))

    assert jobs_of(pages) == newest_first([job for job in mixed if owner in (None, job.owner)])
    assert all(len(page.jobs) <= limit for page in pages)


@pytest.mark.parametrize(("status", "name"), [(Status.FAILED, None), (None, "deploy"), (Status.FAILED, "deploy")])
@pytest.mark.parametrize("owner", [OWNER, None])
def test_a_filtered_list_gives_exactly_what_fits(
    library: Stores, mixed: list[Job], owner: str | None, status: Status | None, name: str | None
) -> None:
    fits = [job for job in mixed if owner in (None, job.owner) and status in (None, job.status) and name in (None, job.name)]
    assert 0 < len(fits) < len(mixed)

    for limit in (2, 100):
        pages = walk(lambda cursor, limit=limit: library.jobs.list_jobs(owner, status, name, limit, cursor))  # type: ignore[misc]
        assert jobs_of(pages) == newest_first(fits)


def test_a_list_of_nothing_is_one_empty_page(stores: Stores) -> None:
    assert stores.jobs.list_jobs(None, None, None, 10, None) == Page(())
    assert stores.jobs.list_jobs("nobody", Status.FAILED, None, 10, None) == Page(())


def test_jobs_issued_during_a_walk_do_not_disturb_it(stores: Stores) -> None:
    with_accounts(stores)
    jobs = [pending_job(number // 2, account=(ADDRESS, OTHER_ADDRESS)[number % 2]) for number in range(9)]
    for job in jobs:
        stores.jobs.issue(job)
    assert_eventually(lambda: len(stores.jobs.list_jobs(None, None, None, 100, None).jobs), len(jobs))

    pages = walk(
        lambda cursor: stores.jobs.list_jobs(None, None, None, 2, cursor),
        between=lambda: stores.jobs.issue(pending_job(1_000)),
    )

    assert jobs_of(pages) == newest_first(jobs)


def test_jobs_of_an_account_that_is_set_up_during_a_walk_do_not_disturb_it(stores: Stores) -> None:
    stores.accounts.put(account())
    jobs = [pending_job(number) for number in range(9)]
    for job in jobs:
        stores.jobs.issue(job)
    assert_eventually(lambda: len(stores.jobs.list_jobs(None, None, None, 100, None).jobs), len(jobs))

    def set_up() -> None:
        with_accounts(stores)
        stores.jobs.issue(pending_job(1_000, account=OTHER_ADDRESS))

    pages = walk(lambda cursor: stores.jobs.list_jobs(None, None, None, 2, cursor), between=set_up)

    assert jobs_of(pages) == newest_first(jobs)


def test_a_list_over_all_owners_asks_one_query_of_each_account_whatever_there_is_in_the_table(tables: Tables) -> None:
    with_accounts(tables.stores)
    for number in range(30):
        tables.jobs.issue(pending_job(number, account=(ADDRESS, OTHER_ADDRESS)[number % 2]))
    assert_eventually(lambda: len(tables.jobs.list_jobs(None, None, None, 100, None).jobs), 30)
    tables.calls.clear()

    tables.jobs.list_jobs(None, None, None, 5, None)

    assert [operation for operation, _ in tables.calls] == ["Scan", "Query", "Query", "Query", "BatchGetItem"]
    assert tables.calls[0] == ("Scan", tables.accounts_table)


def test_a_page_that_would_cost_too_much_is_short_and_has_a_cursor(tables: Tables) -> None:
    """A rare status behind many other jobs: the work of one request stays bounded, and the walk still gets there."""
    rare = failed_job(50)
    for job in (rare, *(pending_job(number) for number in range(1, 13))):
        tables.jobs.issue(job)
    assert_eventually(lambda: len(tables.jobs.list_jobs(OWNER, None, None, 100, None).jobs), 13)
    tables.calls.clear()

    pages = walk(lambda cursor: tables.jobs.list_jobs(OWNER, Status.FAILED, None, 1, cursor))

    assert jobs_of(pages) == [rare.job_id]
    assert pages[0].jobs == () and pages[0].cursor is not None
    assert len(tables.calls) / len(pages) <= 20  # ten looks at the index, ten at the rows


# --- by the issuer's own ids -------------------------------------------------------------------------------------------


def test_a_correlation_id_finds_the_jobs_of_every_owner(stores: Stores) -> None:
    mine, theirs, _, _ = jobs = [
        pending_job(owner=OWNER, correlation_id="order-1"),
        pending_job(owner=OTHER_OWNER, correlation_id="order-1"),
        pending_job(correlation_id="order-2"),
        pending_job(),
    ]
    for job in jobs:
        stores.jobs.issue(job)

    assert_eventually(lambda: sorted(ids(stores.jobs.find_by_correlation_id("order-1"))), sorted([mine.job_id, theirs.job_id]))
    assert stores.jobs.find_by_correlation_id("order-3") == []


def test_a_correlation_id_finds_its_jobs_however_many_owners_use_it(stores: Stores) -> None:
    jobs = [pending_job(number, owner=f"issuer-{number}", correlation_id="order-1") for number in range(130)]
    for job in jobs:
        stores.jobs.issue(job)

    assert_eventually(lambda: sorted(ids(stores.jobs.find_by_correlation_id("order-1"))), sorted(ids(jobs)))


def by_external_id(stores: Stores, external_id: str, owner: str | None) -> list[Job]:
    return list(stores.jobs.find_by_external_id(external_id, owner, 50, None).jobs)


def test_an_external_id_finds_the_jobs_of_one_owner_or_of_all_newest_first(stores: Stores) -> None:
    first, theirs, last, *_ = jobs = [
        pending_job(1, owner=OWNER, external_id="invoice"),
        pending_job(2, owner=OTHER_OWNER, external_id="invoice"),
        pending_job(3, owner=OWNER, external_id="invoice"),
        pending_job(4, external_id="invoice-2"),
        pending_job(5),
    ]
    for job in jobs:
        stores.jobs.issue(job)

    assert_eventually(lambda: by_external_id(stores, "invoice", None), [last, theirs, first])
    assert by_external_id(stores, "invoice", OWNER) == [last, first]
    assert by_external_id(stores, "invoice", OTHER_OWNER) == [theirs]
    assert by_external_id(stores, "invoice", "nobody") == []
    assert by_external_id(stores, "order", None) == []


def test_a_found_job_is_the_row_as_it_is_now(stores: Stores) -> None:
    job = pending_job(correlation_id="order-1", external_id="invoice")
    stores.jobs.issue(job)
    assert_eventually(lambda: len(stores.jobs.find_by_correlation_id("order-1")), 1)

    saved = stores.jobs.save(job)

    assert stores.jobs.find_by_correlation_id("order-1") == [saved]
    assert by_external_id(stores, "invoice", OWNER) == [saved]
    assert stores.jobs.list_jobs(OWNER, None, None, 10, None).jobs == (saved,)


def test_jobs_with_one_external_id_come_page_after_page_each_once_and_the_newest_first(stores: Stores) -> None:
    jobs = [pending_job(number // 2, external_id="invoice") for number in range(23)]
    for job in (*jobs, pending_job(3, owner=OTHER_OWNER, external_id="invoice")):
        stores.jobs.issue(job)
    assert_eventually(lambda: len(by_external_id(stores, "invoice", None)), 24)

    pages = walk(lambda cursor: stores.jobs.find_by_external_id("invoice", OWNER, 10, cursor))

    assert jobs_of(pages) == newest_first(jobs)
    assert [len(page.jobs) for page in pages] == [10, 10, 3]


def test_an_external_id_never_finds_the_job_of_an_owner_whose_name_goes_on_where_another_ends(stores: Stores) -> None:
    """`acme` with the id `eu#invoice-7`, and `acme#eu` with the id `invoice-7`."""
    theirs = pending_job(owner="acme#eu", external_id="invoice-7")
    stores.jobs.issue(theirs)
    assert_eventually(lambda: by_external_id(stores, "invoice-7", "acme#eu"), [theirs])

    assert by_external_id(stores, "eu#invoice-7", "acme") == []


def test_a_row_under_the_key_of_an_earlier_version_is_found_by_its_owner_alone(tables: Tables) -> None:
    old = pending_job(1, owner="acme#eu", external_id="invoice-7")
    row = {**job_item(old), "ownerExternalId": {"S": "acme#eu#invoice-7"}}
    tables.inspector.put_item(TableName=tables.jobs_table, Item=row)
    new = pending_job(2, owner="acme#eu", external_id="invoice-7")
    tables.jobs.issue(new)
    assert_eventually(lambda: by_external_id(tables.stores, "invoice-7", "acme#eu"), [new, old])

    assert by_external_id(tables.stores, "eu#invoice-7", "acme") == []


@pytest.mark.parametrize("find", ["list", "failed", "external"])
def test_a_page_may_end_after_any_of_its_jobs_and_the_next_one_begins_there(stores: Stores, find: str) -> None:
    """A reply that is full ends earlier than its page."""
    with_accounts(stores)
    for number in range(7):
        stores.jobs.issue(failed_job(50 + number, created_at=after(number), external_id="invoice"))
    finds: dict[str, Callable[[Mapping[str, str] | None], Page]] = {
        "list": lambda cursor: stores.jobs.list_jobs(None, None, None, 5, cursor),
        "failed": lambda cursor: stores.jobs.find_failed(FailedQuery(owner=OWNER), 5, cursor),
        "external": lambda cursor: stores.jobs.find_by_external_id("invoice", OWNER, 5, cursor),
    }
    assert_eventually(lambda: len(jobs_of(walk(finds[find]))), 7)

    pages = walk(lambda cursor: finds[find](cursor).first(2))

    assert jobs_of(pages) == jobs_of(walk(finds[find]))
    assert [len(page.jobs) for page in pages] == [2, 2, 2, 1]
