"""Jobs found by what they are about and by what they made: by index, and only as the rows say it now."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.states import retried, with_next_check
from chalicelib.store.jobs import DynamoJobStore
from tests.store.backends import Stores, Tables, assert_eventually, ids
from tests.store.building import ADDRESS, OTHER_ADDRESS, OTHER_OWNER, OWNER, after, failed_job, pending_job

PHONE, OTHER_PHONE = "4f" * 32, "e1" * 32


def made(address: str, name: str = "walletAddress") -> dict[str, Any]:
    return {name: address, "blockNumber": 17_670_548}


def wallet_job(seconds: float, subject: str = PHONE, **fields: Any) -> Job:
    """One that has made its wallet, unless `result` says otherwise."""
    return pending_job(seconds, **{"name": "createWallet", "subject": subject, "result": made(ADDRESS), **fields})


def issue(stores: Stores, *jobs: Job) -> list[Job]:
    for job in jobs:
        stores.jobs.issue(job)
    return list(jobs)


# --- find_by_subject ---------------------------------------------------------------------------------------------------


def test_a_subject_finds_the_jobs_that_have_made_something_of_every_owner_and_state_newest_first(stores: Stores) -> None:
    second, first, third, *_ = issue(
        stores,
        wallet_job(2, owner=OTHER_OWNER),
        wallet_job(1, owner=OWNER),
        wallet_job(3, status=Status.SUCCEEDED),
        failed_job(50, name="createWallet", subject=PHONE),
        wallet_job(4, OTHER_PHONE),
        wallet_job(5, name="createToken"),
        wallet_job(6, result={}),
        pending_job(6, name="createWallet"),
    )

    assert_eventually(lambda: stores.jobs.find_by_subject("createWallet", PHONE, 50), [third, second, first])


@pytest.mark.parametrize(
    ("name", "subject"),
    [("createWallet", "a0" * 32), ("createToken", PHONE), ("createWallet", ""), ("", PHONE), ("createWallet", PHONE[:-1])],
)
def test_a_subject_that_no_job_of_the_name_has_finds_nothing(stores: Stores, name: str, subject: str) -> None:
    issue(stores, wallet_job(1))
    assert_eventually(lambda: len(stores.jobs.find_by_subject("createWallet", PHONE, 50)), 1)

    assert stores.jobs.find_by_subject(name, subject, 50) == []


def test_a_name_and_a_subject_are_never_taken_for_others_that_read_alike(stores: Stores) -> None:
    one, other = issue(stores, wallet_job(1, "b#c", name="a"), wallet_job(2, "c", name="a#b"))

    assert_eventually(lambda: stores.jobs.find_by_subject("a", "b#c", 50), [one])
    assert_eventually(lambda: stores.jobs.find_by_subject("a#b", "c", 50), [other])


def test_a_subject_finds_the_newest_jobs_when_there_are_more_than_asked_for(stores: Stores) -> None:
    jobs = issue(stores, *(wallet_job(number // 2) for number in range(12)))
    newest_first = ids(sorted(jobs, key=lambda job: (job.created_at, job.job_id), reverse=True))

    assert_eventually(lambda: ids(stores.jobs.find_by_subject("createWallet", PHONE, 50)), newest_first)
    assert ids(stores.jobs.find_by_subject("createWallet", PHONE, 1)) == newest_first[:1]
    assert ids(stores.jobs.find_by_subject("createWallet", PHONE, 5)) == newest_first[:5]


def test_a_retry_leaves_a_job_where_it_was_issued(stores: Stores) -> None:
    old = failed_job(5, name="createWallet", subject=PHONE)
    _, newer = issue(stores, old, wallet_job(10))

    saved = stores.jobs.save(retried(old, after(20), next_check_at=after(80)))
    saved = stores.jobs.save(replace(saved, result=made(ADDRESS)))

    assert_eventually(lambda: stores.jobs.find_by_subject("createWallet", PHONE, 50), [newer, saved])


def test_jobs_that_made_nothing_do_not_hide_the_one_that_did(stores: Stores) -> None:
    """However many there are, and whoever issued them."""
    wallet, others = wallet_job(0), wallet_job(200, owner=OTHER_OWNER)
    issue(stores, wallet, *(wallet_job(second, result={}) for second in range(1, 102)), others)

    def wallets(limit: int) -> list[Job]:
        return stores.jobs.find_by_subject("createWallet", PHONE, limit, owner=OWNER)

    assert_eventually(lambda: stores.jobs.find_by_subject("createWallet", PHONE, 200), [others, wallet])
    assert wallets(1) == [wallet]
    assert wallets(100) == [wallet]


# --- find_by_creation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tokenAddress", "walletAddress"])
def test_an_address_finds_the_jobs_that_made_what_stands_there_newest_first(stores: Stores, name: str) -> None:
    first, again, *_ = issue(
        stores,
        pending_job(1, owner=OWNER, result=made(ADDRESS, name)),
        pending_job(2, owner=OTHER_OWNER, result=made(ADDRESS, name)),
        pending_job(3, result=made(OTHER_ADDRESS, name)),
        pending_job(4, result={"blockNumber": 1}),
        pending_job(5, account=ADDRESS, subject=ADDRESS, data={name: ADDRESS}),
    )

    assert_eventually(lambda: stores.jobs.find_by_creation(ADDRESS, "transaction", 10), [again, first])


def test_an_address_at_which_no_job_made_anything_finds_nothing(stores: Stores) -> None:
    issue(stores, pending_job(1, result=made(ADDRESS)))
    assert_eventually(lambda: len(stores.jobs.find_by_creation(ADDRESS, "transaction", 10)), 1)

    assert stores.jobs.find_by_creation(OTHER_ADDRESS, "transaction", 10) == []
    assert stores.jobs.find_by_creation(ADDRESS.lower(), "transaction", 10) == []


def test_a_job_is_found_by_what_it_made_once_it_has(stores: Stores) -> None:
    (job,) = issue(stores, wallet_job(1, result={}))
    assert stores.jobs.find_by_subject("createWallet", PHONE, 50) == []
    assert stores.jobs.find_by_creation(ADDRESS, "createWallet", 10) == []

    saved = stores.jobs.save(replace(job, result=made(ADDRESS)))

    assert_eventually(lambda: stores.jobs.find_by_creation(ADDRESS, "createWallet", 10), [saved])
    assert_eventually(lambda: stores.jobs.find_by_subject("createWallet", PHONE, 50), [saved])


# --- the row, not the index --------------------------------------------------------------------------------------------

Find = Callable[[DynamoJobStore], list[Job]]


def by_subject(jobs: DynamoJobStore) -> list[Job]:
    return jobs.find_by_subject("createWallet", PHONE, 50)


def by_creation(jobs: DynamoJobStore) -> list[Job]:
    return jobs.find_by_creation(ADDRESS, "createWallet", 10)


@pytest.mark.parametrize(
    ("find", "change"),
    [
        (by_subject, {"subject": OTHER_PHONE}),
        (by_subject, {"subject": None}),
        (by_subject, {"name": "createToken"}),
        (by_creation, {"result": made(OTHER_ADDRESS)}),
        (by_creation, {"result": {}}),
    ],
    ids=["another subject", "no subject", "another name", "another creation", "no creation"],
)
def test_what_is_found_is_what_the_row_says_and_not_the_index(tables: Tables, find: Find, change: dict[str, Any]) -> None:
    """Rows that change just after the index was read: one fits no more, and another is further than the index knows."""
    leaves, moves_on = issue(tables.stores, *(wallet_job(second, result=made(ADDRESS)) for second in (1, 2)))
    assert_eventually(lambda: find(tables.jobs), [moves_on, leaves])
    other = DynamoJobStore(tables.inspector, tables.jobs_table, tables.accounts_table)
    moved_on = with_next_check(moves_on, after(100))

    def write(**_: Any) -> None:
        other.save(replace(leaves, **change))
        other.save(moved_on)

    tables.client.meta.events.register_first("provide-client-params.dynamodb.BatchGetItem", write)

    assert find(tables.jobs) == [replace(moved_on, version=2)]
