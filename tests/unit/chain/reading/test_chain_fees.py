from dataclasses import replace

import pytest

from chalicelib.chain.reading.fees import dynamic_fees, legacy_fees
from chalicelib.chain.rpc.client import Answer
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Fees
from chalicelib.networks import FUSE, GWEI
from tests.unit.chain.rpc.unsupported import NOT_SUPPORTED


def history(*tips: int, next_base_fee: int = 10 * GWEI, used: tuple[float, ...] | None = None):
    return {
        "oldestBlock": "0x1",
        "baseFeePerGas": [hex(10 * GWEI)] * len(tips) + [hex(next_base_fee)],
        "gasUsedRatio": list(used or [0.5] * len(tips)),
        "reward": [[hex(tip)] for tip in tips],
    }


@pytest.mark.parametrize(
    ("told", "head_base_fee", "fees"),
    [
        (history(GWEI, GWEI, GWEI), 10 * GWEI, Fees(21 * GWEI, GWEI)),
        # a tip between the floor and the ceiling is the median of the blocks that held anything
        (history(GWEI, 3 * GWEI // 2, 2 * GWEI), 10 * GWEI, Fees(21 * GWEI + GWEI // 2, 3 * GWEI // 2)),
        (history(0, 0, 3 * GWEI // 2, used=(0.0, 0.0, 0.1)), 10 * GWEI, Fees(21 * GWEI + GWEI // 2, 3 * GWEI // 2)),
        # clamped: nothing, too little, and a suggestion with the base fee in it
        (history(), 10 * GWEI, Fees(21 * GWEI, GWEI)),
        (history(1, 1, 1), 10 * GWEI, Fees(21 * GWEI, GWEI)),
        (history(12 * GWEI, 12 * GWEI), 10 * GWEI, Fees(22 * GWEI, 2 * GWEI)),
        # the base fee is the highest of the head's, the next one's and the network's floor
        (history(GWEI, next_base_fee=11 * GWEI), 10 * GWEI, Fees(23 * GWEI, GWEI)),
        (history(GWEI, next_base_fee=11 * GWEI), 13 * GWEI, Fees(27 * GWEI, GWEI)),
        (history(GWEI, next_base_fee=7), 7, Fees(21 * GWEI, GWEI)),
        # the cap holds in any spike
        (history(GWEI, next_base_fee=900 * GWEI), 10 * GWEI, Fees(500 * GWEI, GWEI)),
        ({"baseFeePerGas": [hex(10 * GWEI)], "reward": None}, 10 * GWEI, Fees(21 * GWEI, GWEI)),
        ({"baseFeePerGas": [hex(10 * GWEI)], "gasUsedRatio": [0.5], "reward": [[]]}, 10 * GWEI, Fees(21 * GWEI, GWEI)),
    ],
)
def test_fees_stay_between_the_networks_floor_and_cap(told, head_base_fee, fees):
    assert dynamic_fees(FUSE, head_base_fee, Answer(result=told)) == fees


def test_a_tip_is_never_above_the_maximum_fee():
    network = replace(FUSE, max_priority_fee=9 * GWEI, max_fee_cap=5 * GWEI)
    assert dynamic_fees(network, GWEI, Answer(result=history(9 * GWEI))) == Fees(5 * GWEI, 5 * GWEI)


@pytest.mark.parametrize("error", NOT_SUPPORTED)
def test_a_node_without_fee_history_leaves_the_head_and_the_floors(error):
    assert dynamic_fees(FUSE, 12 * GWEI, Answer(error=error)) == Fees(25 * GWEI, GWEI)


@pytest.mark.parametrize(
    "answer",
    [
        *(Answer(result=told) for told in (None, [], {}, {"baseFeePerGas": []}, {"baseFeePerGas": [None]})),
        Answer(error={"code": -32000, "message": "busy"}),
        Answer(error="the node left out the answer", answered=False, retryable=True),
    ],
)
def test_a_fee_history_that_cannot_be_read_is_none(answer):
    with pytest.raises(ChainUnavailable):
        dynamic_fees(FUSE, 10 * GWEI, answer)


@pytest.mark.parametrize(("told", "price"), [(30 * GWEI, 30 * GWEI), (1, 11 * GWEI), (900 * GWEI, 500 * GWEI)])
def test_a_chain_without_base_fees_gets_a_gas_price_within_the_bounds(told, price):
    fees = legacy_fees(FUSE, told)
    assert fees == Fees(price)
    assert fees.is_legacy
