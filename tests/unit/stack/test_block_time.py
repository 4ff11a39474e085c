"""How far apart blocks are, measured at a node that tells their timestamps."""

from collections.abc import Sequence
from typing import Any

import pytest

from stack import rpc
from stack.machine.block_time import ASSUMED_SECONDS, block_seconds, differs

NOW = 1_800_000_000


def node_of(monkeypatch: pytest.MonkeyPatch, moments: Sequence[int], *, pruned_below: int = 0) -> list[int]:
    """A node with a block at each of `moments`, genesis first. Returns the block numbers it is asked for."""
    asked: list[int] = []

    def call(_url: str, method: str, tag: str, full: bool) -> Any:
        assert (method, full) == ("eth_getBlockByNumber", False)
        number = len(moments) - 1 if tag == "latest" else int(tag, 16)
        asked.append(number)
        if number < pruned_below:
            return None
        return {"number": hex(number), "timestamp": hex(moments[number])}

    monkeypatch.setattr(rpc, "call", call)
    return asked


@pytest.mark.parametrize("genesis", [0, 1_438_269_973])
def test_a_genesis_block_of_another_age_does_not_count(genesis: int, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = node_of(monkeypatch, [genesis, NOW, NOW + 5, NOW + 10])
    assert block_seconds("http://node") == 5
    assert 0 not in asked


@pytest.mark.parametrize("moments", [[0], [0, NOW]])
def test_blocks_that_say_nothing_count_as_a_second_apart(moments: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    node_of(monkeypatch, moments)
    assert block_seconds("http://node") == ASSUMED_SECONDS


def test_blocks_that_come_with_their_transactions_count_as_a_second_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """A development node without a clock: minutes and hours between two transactions are not its block time."""
    node_of(monkeypatch, [0, NOW, NOW + 600, NOW + 4_200, NOW + 90_000])
    assert block_seconds("http://node") == ASSUMED_SECONDS


def test_one_long_pause_does_not_change_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    node_of(monkeypatch, [0, *(NOW + 2 * number for number in range(6)), *(NOW + 86_400 + 2 * number for number in range(6))])
    assert block_seconds("http://node") == 2


def test_blocks_of_the_same_second_are_half_a_second_apart_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    node_of(monkeypatch, [0, NOW, NOW, NOW, NOW, NOW])
    assert block_seconds("http://node") == 0.5


def test_a_node_that_keeps_few_blocks_is_measured_by_those(monkeypatch: pytest.MonkeyPatch) -> None:
    node_of(monkeypatch, [0, *(NOW + 3 * number for number in range(50))], pruned_below=48)
    assert block_seconds("http://node") == 3


@pytest.mark.parametrize(
    ("now", "before", "is_another"), [(5, "60", True), (5, "5.0", False), (5.5, "5", False), (1, "", True)]
)
def test_a_measurement_that_differs_a_little_is_the_same(now: float, before: str, *, is_another: bool) -> None:
    assert differs(now, before) == is_another
