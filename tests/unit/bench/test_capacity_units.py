"""The bench's model of DynamoDB's billing, by the developer guide's rules and its own examples."""

import base64
from typing import Any

import pytest

from tests.bench.capacity import Index, get_units, indexes_of, item_size, query_units, write_units

OWNER = Index("owner", ["owner", "at"], ["id"])
OPEN = Index("open", ["open"], ["id"], ["note"])


def an_item(size: int = 100, **texts: str) -> dict[str, dict[str, Any]]:
    """About so many bytes, exactly from 200 on."""
    item: dict[str, dict[str, Any]] = {name: {"S": text} for name, text in {"id": "1", **texts}.items()}
    return item | {"pad": {"S": "x" * max(0, size - item_size(item) - len("pad"))}}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "héllo"}, 6),
        ({"N": "0"}, 1),
        ({"N": "7"}, 2),
        ({"N": "123456"}, 4),
        ({"N": "-123456"}, 5),
        ({"N": "1000000"}, 2),
        ({"N": "0.00012"}, 2),
        ({"B": base64.b64encode(b"four").decode()}, 4),
        ({"B": b"four"}, 4),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["ab", "c"]}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "ab"}, {"BOOL": True}]}, 3 + 1 + 2 + 1 + 1),
        ({"M": {"k": {"S": "ab"}}}, 3 + 1 + 1 + 2),
    ],
)
def test_a_value_is_as_large_as_the_guide_says(value: dict[str, Any], size: int) -> None:
    assert item_size({"name": value}) == len("name") + size


def test_an_unknown_type_is_not_guessed() -> None:
    with pytest.raises(ValueError, match="no type X"):
        item_size({"name": {"X": "1"}})


def test_each_item_of_a_get_is_rounded_up_to_4_kb_on_its_own() -> None:
    assert get_units([an_item(4_096)], consistent=True) == 1
    assert get_units([an_item(4_097)], consistent=True) == 2
    assert get_units([an_item(300), an_item(300), an_item(5_000)], consistent=True) == 4
    assert get_units([an_item(300), an_item(300)], consistent=False) == 1


def test_an_item_that_is_not_there_costs_a_block() -> None:
    assert get_units([None], consistent=True) == 1
    assert get_units([None], consistent=False) == 0.5


def test_a_transactional_read_costs_twice_a_consistent_one() -> None:
    assert get_units([an_item(300)], consistent=True, transactional=True) == 2


def test_a_query_adds_its_items_up_before_it_rounds() -> None:
    assert query_units([an_item(300)] * 13, consistent=True) == 1
    assert query_units([an_item(300)] * 14, consistent=True) == 2
    assert query_units([an_item(300)] * 14, consistent=False) == 1
    assert query_units([], consistent=False) == 0.5


def test_a_new_item_costs_its_size_and_every_index_it_is_in() -> None:
    item = an_item(1_500, owner="somebody", at="2026", open="0")
    assert write_units(None, item, [OWNER, OPEN]) == {"": 2, "owner": 1, "open": 1}
    del item["at"]
    assert write_units(None, item, [OWNER, OPEN]) == {"": 2, "open": 1}


def test_a_change_that_an_index_does_not_hold_costs_it_nothing() -> None:
    before, after = an_item(200, owner="somebody", at="2026"), an_item(300, owner="somebody", at="2026")
    assert write_units(before, after, [OWNER]) == {"": 1}


def test_the_larger_version_counts() -> None:
    assert write_units(an_item(3_000), an_item(300), []) == {"": 3}
    assert write_units(an_item(3_000), None, []) == {"": 3}


def test_an_entry_that_moves_is_written_twice() -> None:
    before, after = an_item(owner="somebody", at="2026"), an_item(owner="somebody", at="2027")
    assert write_units(before, after, [OWNER]) == {"": 1, "owner": 2}


def test_an_entry_that_changes_in_place_is_written_once() -> None:
    before, after = an_item(open="0", note="old"), an_item(open="0", note="new")
    assert write_units(before, after, [OPEN]) == {"": 1, "open": 1}


def test_an_entry_that_goes_is_written_once() -> None:
    assert write_units(an_item(open="0"), an_item(), [OPEN]) == {"": 1, "open": 1}


def test_a_transaction_costs_the_table_twice_and_its_indexes_once() -> None:
    assert write_units(None, an_item(1_500, open="0"), [OPEN], transactional=True) == {"": 4, "open": 1}


def test_indexes_are_read_off_a_tables_definition() -> None:
    definition = {
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "owner",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            },
            {
                "IndexName": "open",
                "KeySchema": [{"AttributeName": "open", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
            },
            {
                "IndexName": "all",
                "KeySchema": [{"AttributeName": "shard", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
    }
    owner, open_, all_ = indexes_of(definition)
    item = an_item(owner="somebody", at="2026", open="0", note="n", shard="1")
    assert (owner.keys, open_.included) == (["owner", "at"], ["note"])
    assert set(owner.entry(item) or {}) == {"owner", "at", "id"}
    assert set(open_.entry(item) or {}) == {"open", "id", "note"}
    assert all_.entry(item) == item
    assert owner.entry(an_item(owner="somebody")) is None
