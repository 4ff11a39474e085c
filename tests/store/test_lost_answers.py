"""A write that was applied, whose answer was lost, and which boto therefore repeats: it is not somebody else's. A read is
just asked for again.

Real adapter, real endpoint; only the first answer is dropped.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.errors import VersionConflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled, with_next_check
from chalicelib.jobs.stores import Sweep
from tests.store.backends import Tables, assert_eventually
from tests.store.building import ACCOUNT_ID, ADDRESS, CHAIN_ID, account, after, pending_job, signed_job
from tests.store.faults import lose_first_answer

OK, REFUSED = 200, 400


def wallet_job() -> Job:
    """With all that the indexes of subjects and of creations are made from."""
    return pending_job(name="createWallet", subject="a hash", result={"walletAddress": ADDRESS, "blockNumber": 2**53 + 1})


@pytest.mark.parametrize("make", [pending_job, wallet_job])
def test_issue_whose_answer_was_lost_is_not_a_replay(tables: Tables, make: Callable[[], Job]) -> None:
    job = make()
    statuses = lose_first_answer(tables.client, "PutItem")

    assert tables.jobs.issue(job) is None
    assert statuses == [OK, REFUSED]
    assert tables.jobs.get(job.job_id) == job


def test_issue_whose_answer_was_lost_returns_the_row_when_it_has_moved_on_since(tables: Tables) -> None:
    job = pending_job()
    change = with_next_check(job, after(100))
    statuses = lose_first_answer(tables.client, "PutItem", meanwhile=lambda: tables.jobs.save(change))

    assert tables.jobs.issue(job) == replace(change, version=2)
    assert statuses[-1] == REFUSED


@pytest.mark.parametrize("make", [pending_job, wallet_job])
def test_save_whose_answer_was_lost_is_a_success(tables: Tables, make: Callable[[], Job]) -> None:
    job = make()
    tables.jobs.issue(job)
    statuses = lose_first_answer(tables.client, "PutItem")

    saved = tables.jobs.save(cancelled(job, after(5)))

    assert statuses == [OK, REFUSED]
    assert saved == tables.jobs.get(job.job_id) == replace(cancelled(job, after(5)), version=2)


def test_save_whose_answer_was_lost_conflicts_when_somebody_wrote_since(tables: Tables) -> None:
    job = pending_job()
    tables.jobs.issue(job)
    mine = with_next_check(job, after(100))
    theirs = cancelled(replace(mine, version=2), after(5))
    lose_first_answer(tables.client, "PutItem", meanwhile=lambda: tables.jobs.save(theirs))

    with pytest.raises(VersionConflict):
        tables.jobs.save(mine)
    assert tables.jobs.get(job.job_id) == replace(theirs, version=3)


def test_start_whose_answer_was_lost_is_a_success_and_takes_its_nonces_once(tables: Tables) -> None:
    tables.accounts.put(account(7))
    job = pending_job()
    tables.jobs.issue(job)
    statuses = lose_first_answer(tables.client, "TransactWriteItems")

    started = tables.jobs.start(account(7), 8, [signed_job(job, 7)])

    assert statuses == [OK, OK]  # the endpoint knows its ClientRequestToken
    assert started == tables.jobs.load([job.job_id]) == [replace(signed_job(job, 7), version=2)]
    assert tables.accounts.get(ACCOUNT_ID) == account(8, signed_to=job.issued_order)


def test_the_same_start_asked_for_a_second_time_is_refused(tables: Tables) -> None:
    """A worker that repeats it, unlike boto, cannot know what happened in between: it reads again."""
    tables.accounts.put(account(7))
    job = pending_job()
    tables.jobs.issue(job)
    tables.jobs.start(account(7), 8, [signed_job(job, 7)])

    with pytest.raises(VersionConflict):
        tables.jobs.start(account(7), 8, [signed_job(job, 7)])
    assert tables.accounts.get(ACCOUNT_ID) == account(8, signed_to=job.issued_order)


# --- accounts ----------------------------------------------------------------------------------------------------------


def test_a_sweeps_place_whose_answer_was_lost_is_kept(tables: Tables) -> None:
    tables.accounts.put(account())
    statuses = lose_first_answer(tables.client, "UpdateItem")

    tables.accounts.swept(account(), Sweep.FIRST, "b")

    assert statuses == [OK, REFUSED]
    assert tables.accounts.get(ACCOUNT_ID) == account(swept_to="b")


def test_an_account_put_whose_answer_was_lost_is_not_one_that_existed(tables: Tables) -> None:
    """Or the key that was just made for it would be given up."""
    statuses = lose_first_answer(tables.client, "PutItem")

    assert tables.accounts.put(account(role="minter")) is True
    assert statuses == [OK, REFUSED]
    assert tables.accounts.get(ACCOUNT_ID) == account(role="minter")


@pytest.mark.parametrize(("before", "reason"), [(None, "no funds"), ("no funds", None), ("no funds", "holiday")])
def test_pausing_or_resuming_whose_answer_was_lost_is_a_success(tables: Tables, before: str | None, reason: str | None) -> None:
    tables.accounts.put(account(5, paused=before))
    statuses = lose_first_answer(tables.client, "UpdateItem")

    assert tables.accounts.pause(account(5, paused=before), reason) == account(5, paused=reason)
    assert statuses == [OK, REFUSED]
    assert tables.accounts.get(ACCOUNT_ID) == account(5, paused=reason)


# --- reads -------------------------------------------------------------------------------------------------------------

READS: dict[str, tuple[str, Callable[[Tables], object]]] = {
    "count_pending": ("Query", lambda tables: tables.jobs.count_pending(account(), 10)),
    "has_pending": ("Query", lambda tables: tables.jobs.has_pending(account())),
    "has_pending's rows": ("BatchGetItem", lambda tables: tables.jobs.has_pending(account())),
    "issued_on": ("Query", lambda tables: tables.jobs.issued_on(ACCOUNT_ID, None, 10)),
    "issued_until": ("Query", lambda tables: tables.jobs.issued_until(ACCOUNT_ID, "9", 10)),
    "list_jobs' accounts": ("Scan", lambda tables: tables.jobs.list_jobs(None, None, None, 10, None).jobs),
    "find_by_subject": ("Query", lambda tables: tables.jobs.find_by_subject("createWallet", "a hash", 10)),
    "find_by_creation": ("Query", lambda tables: tables.jobs.find_by_creation(ADDRESS, "createWallet", 10)),
    "find_by_creation's rows": ("BatchGetItem", lambda tables: tables.jobs.find_by_creation(ADDRESS, "createWallet", 10)),
    "of_role": ("Query", lambda tables: tables.accounts.of_role(CHAIN_ID, "minter")),
    "of_role's rows": ("BatchGetItem", lambda tables: tables.accounts.of_role(CHAIN_ID, "minter")),
}


@pytest.mark.parametrize(("operation", "read"), READS.values(), ids=READS.keys())
def test_a_read_whose_answer_was_lost_is_asked_for_again(
    tables: Tables, operation: str, read: Callable[[Tables], object]
) -> None:
    """Nothing heard is not nothing found (invariant 8)."""
    tables.accounts.put(account(role="minter"))
    tables.jobs.issue(wallet_job())
    assert_eventually(lambda: bool(read(tables)), True)
    expected = read(tables)
    statuses = lose_first_answer(tables.client, operation)

    assert read(tables) == expected
    assert statuses[:2] == [OK, OK]
