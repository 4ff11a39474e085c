"""The accounts: put once, never overwritten, since their nextNonce belongs to `start` alone."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.store.backends import THREADS, Stores
from tests.store.building import ACCOUNT_ID, OTHER_ADDRESS, account


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
