"""The accounts: put once, never overwritten, since their nextNonce belongs to `start` alone; paused and resumed."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from chalicelib.errors import VersionConflict
from chalicelib.jobs.stores import Sweep
from chalicelib.store.account_records import account_item
from tests.store.backends import THREADS, Stores, Tables, assert_eventually
from tests.store.building import ACCOUNT_ID, CHAIN_ID, OTHER_ADDRESS, account


def test_an_account_that_does_not_exist_is_none(stores: Stores) -> None:
    assert stores.accounts.get(ACCOUNT_ID) is None


def test_an_account_put_twice_is_refused_and_stays_as_it_was(stores: Stores) -> None:
    first = account(5, description="the first")

    assert stores.accounts.put(first) is True
    assert stores.accounts.put(account(description="the second")) is False
    assert stores.accounts.get(ACCOUNT_ID) == first


def test_of_many_who_put_one_account_at_once_exactly_one_does(stores: Stores) -> None:
    together = Barrier(THREADS)

    def put(number: int) -> bool:
        together.wait()
        return stores.accounts.put(account(number))

    with ThreadPoolExecutor(THREADS) as threads:
        won = list(threads.map(put, range(THREADS)))

    assert sum(won) == 1
    assert stores.accounts.get(ACCOUNT_ID) == account(won.index(True))


def test_one_address_on_two_chains_is_two_accounts(stores: Stores) -> None:
    fuse, spark = account(1), account(2, chain_id=123)

    assert stores.accounts.put(fuse) and stores.accounts.put(spark)
    assert stores.accounts.get(fuse.account_id) == fuse
    assert stores.accounts.get(spark.account_id) == spark


def test_all_gives_every_account_also_when_they_do_not_fit_one_answer(stores: Stores) -> None:
    assert stores.accounts.all() == []
    long = "x" * 300_000  # a scan answers with at most 1 MB at once
    known = [account(number, chain_id=number, address=OTHER_ADDRESS, description=long) for number in range(5)]
    for one in known:
        stores.accounts.put(one)

    assert sorted(stores.accounts.all(), key=lambda one: one.chain_id) == known


def test_putting_the_very_same_account_again_is_a_repeat_and_succeeds(stores: Stores) -> None:
    assert stores.accounts.put(account(5, description="one")) is True
    assert stores.accounts.put(account(5, description="one")) is True
    assert stores.accounts.get(ACCOUNT_ID) == account(5, description="one")


# --- pause -------------------------------------------------------------------------------------------------------------


def test_an_account_is_paused_for_a_reason_and_resumed_and_nothing_else_of_it_changes(stores: Stores) -> None:
    running = account(5, role="minter", description="one")
    stores.accounts.put(running)

    paused = stores.accounts.pause(running, "no funds")
    assert stores.accounts.get(ACCOUNT_ID) == paused == replace(running, paused="no funds")
    assert stores.accounts.pause(paused, "holiday") == replace(running, paused="holiday")
    assert stores.accounts.pause(replace(running, paused="holiday"), None) == running
    assert stores.accounts.get(ACCOUNT_ID) == running


@pytest.mark.parametrize(
    ("read", "stored", "reason"),
    [
        (None, "holiday", "no funds"),
        ("no funds", "holiday", None),
        ("no funds", None, "holiday"),
        ("holiday", "no funds", None),
    ],
)
def test_pausing_or_resuming_what_somebody_else_paused_or_resumed_conflicts_and_changes_nothing(
    stores: Stores, read: str | None, stored: str | None, reason: str | None
) -> None:
    stores.accounts.put(account(paused=stored))

    with pytest.raises(VersionConflict):
        stores.accounts.pause(account(paused=read), reason)
    assert stores.accounts.get(ACCOUNT_ID) == account(paused=stored)


@pytest.mark.parametrize(("read", "reason"), [("no funds", None), (None, "no funds")])
def test_pausing_or_resuming_an_account_as_somebody_else_just_did_succeeds(
    stores: Stores, read: str | None, reason: str | None
) -> None:
    """It cannot be told from an own write whose answer was lost, and there is nothing left to do."""
    stores.accounts.put(account(5, paused=reason))

    assert stores.accounts.pause(account(5, paused=read), reason) == account(5, paused=reason)
    assert stores.accounts.get(ACCOUNT_ID) == account(5, paused=reason)


@pytest.mark.parametrize("reason", ["no funds", None])
def test_an_account_that_does_not_exist_is_neither_paused_nor_resumed_nor_made(stores: Stores, reason: str | None) -> None:
    with pytest.raises(VersionConflict):
        stores.accounts.pause(account(), reason)
    assert stores.accounts.get(ACCOUNT_ID) is None


def test_a_nonce_taken_meanwhile_does_not_keep_an_account_from_being_paused(stores: Stores) -> None:
    stores.accounts.put(account(9))

    stores.accounts.pause(account(5), "no funds")

    assert stores.accounts.get(ACCOUNT_ID) == account(9, paused="no funds")


# --- swept -------------------------------------------------------------------------------------------------------------


def test_each_sweep_keeps_its_place_and_moves_nothing_else(stores: Stores) -> None:
    before = account(5, role="minter", signed_to="x")
    stores.accounts.put(before)

    stores.accounts.swept(before, Sweep.FIRST, "b")
    assert stores.accounts.get(ACCOUNT_ID) == replace(before, swept_to="b")
    stores.accounts.swept(before, Sweep.SECOND, "a")
    assert stores.accounts.get(ACCOUNT_ID) == replace(before, swept_to="b", swept_again_to="a")


@pytest.mark.parametrize("sweep", Sweep)
def test_a_sweeps_place_never_moves_back(stores: Stores, sweep: Sweep) -> None:
    stores.accounts.put(account())

    for to, reached in (("b", "b"), ("a", "b"), ("c", "c"), ("b", "c"), ("c", "c")):
        stores.accounts.swept(account(), sweep, to)

        kept = stores.accounts.get(ACCOUNT_ID)
        assert kept == account(**{"swept_to" if sweep is Sweep.FIRST else "swept_again_to": reached})


def test_a_sweep_of_an_account_that_does_not_exist_makes_none(stores: Stores) -> None:
    stores.accounts.swept(account(), Sweep.FIRST, "b")

    assert stores.accounts.get(ACCOUNT_ID) is None


def test_a_row_that_cannot_be_read_is_told_to_the_operator_and_the_other_accounts_are_there(
    tables: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    good = account(1, role="minters")
    tables.accounts.put(good)
    bad = {**account_item(account(2, address=OTHER_ADDRESS, role="minters")), "nextNonce": {"S": "no number"}}
    tables.inspector.put_item(TableName=tables.accounts_table, Item=bad)

    assert tables.accounts.all() == [good]
    assert_eventually(lambda: tables.accounts.of_role(CHAIN_ID, "minters"), [good])
    assert {record.__dict__["accountId"] for record in caplog.records} == {f"{CHAIN_ID}:{OTHER_ADDRESS}"}
