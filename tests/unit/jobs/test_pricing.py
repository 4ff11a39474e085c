"""What a transaction offers, and by how much it rises when it is replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.model import Fees
from chalicelib.jobs.pricing import at_least, cancel_cap, is_taken, limited, replaced

CAP = 500


@pytest.mark.parametrize(
    ("market", "limit", "offered"),
    [
        (Fees(21, 1), None, Fees(21, 1)),
        (Fees(21, 1), 21, Fees(21, 1)),
        (Fees(21, 1), 20, Fees(20, 1)),
        (Fees(21, 3), 2, Fees(2, 2)),
        (Fees(21), 20, Fees(20)),
    ],
)
def test_the_market_s_fees_within_the_issuer_s_limit(market: Fees, limit: int | None, offered: Fees) -> None:
    assert limited(market, limit) == offered


@pytest.mark.parametrize(
    ("previous", "market", "expected"),
    [
        (Fees(80, 8), Fees(10, 1), Fees(90, 9)),  # 12.5 % of the previous one, both
        (Fees(81, 9), Fees(10, 1), Fees(92, 11)),  # rounded up
        (Fees(80, 8), Fees(200, 20), Fees(200, 20)),  # never below the market
        (Fees(80, 8), Fees(200, 1), Fees(200, 9)),
        (Fees(80, 8), Fees(10, 100), Fees(100, 100)),  # a tip never above the whole fee
        (Fees(444, 1), Fees(10, 1), Fees(500, 2)),  # up to the cap
        (Fees(445, 1), Fees(10, 1), None),  # not across it
        (Fees(80, 8), Fees(501, 1), None),
        (Fees(80), Fees(10), Fees(90)),  # legacy
        (Fees(80), Fees(10, 1), Fees(90)),  # still legacy: the type of a transaction stays
        (Fees(80, 8), Fees(10), Fees(90, 9)),
        (Fees(480), Fees(10), None),
    ],
)
def test_a_replacement_offers_an_eighth_more_and_no_less_than_the_market(
    previous: Fees, market: Fees, expected: Fees | None
) -> None:
    assert replaced(previous, market, CAP) == expected


@given(
    st.integers(min_value=1, max_value=10**12),
    st.integers(min_value=1, max_value=10**12),
    st.integers(0, 10**12),
    st.booleans(),
)
def test_after_twenty_replacements_every_step_still_was_ten_percent(fee: int, tip: int, market: int, legacy: bool) -> None:
    fees = Fees(max(fee, tip), None if legacy else tip)
    for _ in range(20):
        raised = replaced(fees, Fees(market, 1), 10**30)
        assert raised is not None
        assert raised.max_fee_per_gas * 10 >= fees.max_fee_per_gas * 11
        assert raised.max_fee_per_gas >= market
        if not legacy:
            assert raised.max_priority_fee_per_gas * 10 >= fees.max_priority_fee_per_gas * 11
            assert raised.max_priority_fee_per_gas <= raised.max_fee_per_gas
        assert raised.is_legacy == legacy
        fees = raised


@pytest.mark.parametrize(
    ("fees", "base_fee", "taken"),
    [
        (Fees(21, 1), 20, True),
        (Fees(21, 1), 21, False),
        (Fees(20, 2), 20, False),  # nothing is left for the miner
        (Fees(40, 0), 20, False),  # the tip itself is too low
        (Fees(21), 20, True),  # legacy: all above the base fee is the tip
        (Fees(20), 20, False),
        (Fees(1, 1), None, True),  # a chain without base fees does not tell
    ],
)
def test_a_block_takes_what_leaves_the_least_tip_above_its_base_fee(fees: Fees, base_fee: int | None, taken: bool) -> None:
    assert is_taken(fees, base_fee, least_tip=1) is taken


@pytest.mark.parametrize(
    ("minimum_fee", "minimum_tip", "offered"),
    [
        (None, None, Fees(21, 1)),
        (None, 1, Fees(21, 1)),
        (None, 3, Fees(23, 3)),
        (30, None, Fees(30, 1)),
        (30, 3, Fees(30, 3)),
        (5, 0, Fees(21, 1)),
    ],
)
def test_what_a_node_asks_for_raises_the_market_s_fees(minimum_fee: int | None, minimum_tip: int | None, offered: Fees) -> None:
    assert at_least(Fees(21, 1), minimum_fee, minimum_tip) == offered


def test_a_transaction_at_the_cap_can_be_replaced_by_a_cancel_twice() -> None:
    cancel = replaced(Fees(CAP, 1), Fees(10, 1), cancel_cap(CAP))
    assert cancel is not None
    again = replaced(cancel, Fees(10, 1), cancel_cap(CAP))
    assert again is not None
    assert replaced(again, Fees(10, 1), cancel_cap(CAP)) is None
