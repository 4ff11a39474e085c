"""Pools: the accounts of a role that belong to nobody, found by a sparse index and read anew."""

from typing import Any

import pytest

from chalicelib.jobs.model import Account
from chalicelib.jobs.stores import Checkpoint
from chalicelib.store.account_records import account_item
from chalicelib.store.checkpoints import DynamoCheckpointStore
from tests.store.backends import Stores, Tables, assert_eventually
from tests.store.building import CHAIN_ID, OWNER, T0, account, pending_job, signed_job
from tests.store.faults import leave_unprocessed


def address(number: int) -> str:
    return f"0x{number:040x}"


def member(number: int, **fields: Any) -> Account:
    return account(**{"address": address(number), "role": "minter", **fields})


def put(stores: Stores, *accounts: Account) -> list[Account]:
    for one in accounts:
        assert stores.accounts.put(one)
    return list(accounts)


def test_a_pool_is_the_accounts_of_the_role_on_the_chain_that_belong_to_nobody_by_address(stores: Stores) -> None:
    third, first, second, *_ = put(
        stores,
        member(3),
        member(1, next_nonce=7, description="the first"),
        member(2, paused="its key is being replaced"),
        member(4, owner=OWNER),
        member(5, role="burner"),
        member(6, role=None),
        member(7, role=None, owner=OWNER),
        member(1, chain_id=123),
    )

    assert_eventually(lambda: stores.accounts.of_role(CHAIN_ID, "minter"), [first, second, third])


@pytest.mark.parametrize(("chain_id", "role"), [(123, "minter"), (CHAIN_ID, "burner"), (CHAIN_ID, ""), (12, "2#minter")])
def test_a_pool_that_has_no_account_is_empty(stores: Stores, chain_id: int, role: str) -> None:
    put(stores, member(1))
    assert_eventually(lambda: len(stores.accounts.of_role(CHAIN_ID, "minter")), 1)

    assert stores.accounts.of_role(chain_id, role) == []


def test_an_account_stays_in_its_pool_as_it_works_pauses_and_resumes(stores: Stores) -> None:
    job = pending_job(account=address(1))
    stores.jobs.issue(job)
    (one,) = put(stores, member(1))
    assert_eventually(lambda: stores.accounts.of_role(CHAIN_ID, "minter"), [one])

    signed = signed_job(job, 0)
    stores.jobs.start(one, 1, [signed])
    working = one.having_signed(1, [signed])
    assert working.next_nonce == 1
    assert stores.accounts.of_role(CHAIN_ID, "minter") == [working]
    paused = stores.accounts.pause(working, "no funds")
    assert stores.accounts.of_role(CHAIN_ID, "minter") == [paused]
    stores.accounts.pause(paused, None)
    assert stores.accounts.of_role(CHAIN_ID, "minter") == [working]


def test_a_pool_of_more_accounts_than_one_read_takes_is_whole(stores: Stores) -> None:
    pool = put(stores, *(member(number) for number in range(120)))

    assert_eventually(lambda: stores.accounts.of_role(CHAIN_ID, "minter"), pool)


def test_what_is_found_is_what_the_row_says_and_not_the_index(tables: Tables) -> None:
    """Rows that change just after the index was read: of the five, the last one alone still belongs to the pool."""
    *leaving, stays = put(tables.stores, *(member(number) for number in range(1, 6)))
    assert_eventually(lambda: len(tables.accounts.of_role(CHAIN_ID, "minter")), 5)
    become = [member(1, owner=OWNER), member(2, role="burner"), member(3, role=None), None]

    def change(**_: Any) -> None:
        for before, changed in zip(leaving, become, strict=True):
            if changed is None:
                tables.inspector.delete_item(TableName=tables.accounts_table, Key={"accountId": {"S": before.account_id}})
            else:
                tables.inspector.put_item(TableName=tables.accounts_table, Item=account_item(changed))

    tables.client.meta.events.register_first("provide-client-params.dynamodb.BatchGetItem", change)

    assert tables.accounts.of_role(CHAIN_ID, "minter") == [stays]


def test_a_pool_is_read_at_half_the_cost_and_again_where_a_read_left_some_out(tables: Tables) -> None:
    """Which account is how busy is true for a moment anyway, and what makes a pool never changes."""
    pool = put(tables.stores, *(member(number) for number in range(5)))
    assert_eventually(lambda: len(tables.accounts.of_role(CHAIN_ID, "minter")), 5)
    requests = leave_unprocessed(tables.client, tables.accounts_table, rounds=1, keys=2)

    assert tables.accounts.of_role(CHAIN_ID, "minter") == pool
    assert [len(request["Keys"]) for request in requests] == [5, 2]
    assert not any(request["ConsistentRead"] for request in requests)


def test_an_account_that_is_too_new_for_such_a_read_is_read_consistently(tables: Tables) -> None:
    pool = put(tables.stores, *(member(number) for number in range(3)))
    assert_eventually(lambda: len(tables.accounts.of_role(CHAIN_ID, "minter")), 3)
    consistent: list[bool] = []

    def lag(parsed: dict[str, Any], **_: Any) -> None:
        if consistent == [False]:
            parsed["Responses"][tables.accounts_table].pop()

    tables.client.meta.events.register(
        "provide-client-params.dynamodb.BatchGetItem",
        lambda params, **_: consistent.append(params["RequestItems"][tables.accounts_table]["ConsistentRead"]),
    )
    tables.client.meta.events.register("after-call.dynamodb.BatchGetItem", lag)

    assert tables.accounts.of_role(CHAIN_ID, "minter") == pool
    assert consistent == [False, True]


def test_looking_for_a_pool_scans_nothing(tables: Tables) -> None:
    put(tables.stores, member(1))
    assert_eventually(lambda: len(tables.accounts.of_role(CHAIN_ID, "minter")), 1)
    tables.calls.clear()

    tables.accounts.of_role(CHAIN_ID, "minter")

    assert [operation for operation, _ in tables.calls] == ["Query", "BatchGetItem"]


def test_the_index_of_pools_holds_members_alone_and_nothing_but_their_keys(tables: Tables) -> None:
    put(tables.stores, member(1), member(2, owner=OWNER), member(3, role=None), member(4, role=None, owner=OWNER))
    DynamoCheckpointStore(tables.inspector, tables.accounts_table).write(CHAIN_ID, [Checkpoint(1, "0xb10c", T0)])

    def entries() -> list[dict[str, Any]]:
        return [dict(item) for item in tables.inspector.scan(TableName=tables.accounts_table, IndexName="role")["Items"]]

    assert_eventually(entries, [{"accountId": {"S": member(1).account_id}, "poolKey": {"S": f"{CHAIN_ID}#minter"}}])
