"""The limits' contract: what is leased of an issuer's minute, together, is its limit and no more."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.store.limits import DynamoLimitStore
from tests.store.backends import THREADS, Stores, Tables
from tests.store.faults import lose_first_answer

MINUTE = 29_535_840


@pytest.mark.parametrize(
    ("requests", "limit", "leased"),
    [(50, 100, [50, 50, 0, 0]), (50, 120, [50, 50, 20, 0]), (50, 20, [20, 0, 0, 0]), (1, 2, [1, 1, 0, 0])],
)
def test_leases_end_exactly_at_the_limit(stores: Stores, requests: int, limit: int, leased: list[int]) -> None:
    assert [stores.limits.lease("me", MINUTE, requests, limit) for _ in leased] == leased


@pytest.mark.parametrize(("owner", "minute"), [("you", MINUTE), ("me", MINUTE + 1), ("me#1", MINUTE), ("m", MINUTE)])
def test_another_issuer_or_minute_has_a_limit_of_its_own(stores: Stores, owner: str, minute: int) -> None:
    assert stores.limits.lease("me", MINUTE, 10, 10) == 10
    assert stores.limits.lease(owner, minute, 10, 10) == 10


def test_an_owner_of_any_printable_characters_has_a_limit(stores: Stores) -> None:
    owner = "ä🜁 #" * 64
    assert [stores.limits.lease(owner, MINUTE, 7, 10) for _ in range(3)] == [7, 3, 0]


def test_a_limit_that_was_lowered_or_raised_holds_at_once(stores: Stores) -> None:
    assert stores.limits.lease("me", MINUTE, 50, 100) == 50
    assert stores.limits.lease("me", MINUTE, 10, 40) == 0
    assert stores.limits.lease("me", MINUTE, 60, 100) == 50


def test_processes_that_lease_at_the_same_time_do_not_exceed_it_together(stores: Stores) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        leases = list(pool.map(lambda _: stores.limits.lease("me", MINUTE, 7, 100), range(2 * THREADS)))
    assert sum(leases) == 100


def test_a_lease_is_one_write_whose_row_expires(tables: Tables) -> None:
    minute = int(time.time()) // 60
    tables.stores.limits.lease("me", minute, 50, 100)
    assert tables.calls == [("UpdateItem", tables.limits_table)]
    (row,) = tables.inspector.scan(TableName=tables.limits_table)["Items"]
    assert row["limitId"] == {"S": f"me#{minute}"}
    assert 60 < int(row["expiresAt"]["N"]) - minute * 60 <= 86_400


def test_a_lease_whose_answer_was_lost_gives_less_and_never_more(tables: Tables) -> None:
    limits = DynamoLimitStore(tables.client, tables.limits_table)
    statuses = lose_first_answer(tables.client, "UpdateItem")
    assert [limits.lease("me", MINUTE, 40, 100) for _ in range(3)] == [40, 20, 0]
    assert statuses[:2] == [200, 200]
