"""What nodes ask for when they refuse a transaction as underpriced."""

import pytest

from chalicelib.chain.reading.asked_price import REMEMBERED_SECONDS, AskedPrices, asked_price
from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.jobs.model import Fees, SignedTransaction
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.networks import FUSE, GWEI
from tests.fakes.world import START
from tests.unit.chain.stub_node import Refusal

GETH = "transaction underpriced: gas tip cap 1000000000, minimum needed 2500000000"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (GETH, (None, 2_500_000_000)),
        ("transaction gas price below minimum: gas tip cap 1000000000, minimum needed 2500000000", (None, 2_500_000_000)),
        ("transaction underpriced: tip needed 2500000000, tip permitted 1000000000", (None, 2_500_000_000)),
        ("transaction priority fee below minimum required priority fee 30", (None, 30)),
        ("FeeTooLow, EffectivePriorityFeePerGas too low 5 < 1000000000, BaseFee: 10000000000", (11 * GWEI, GWEI)),
        ("FeeTooLow, MaxFeePerGas too low. MaxFeePerGas: 1, BaseFee: 10000000000", (10 * GWEI, None)),
        ("Transaction gas price is 7, which is below the minimum of 8000000000", (8 * GWEI, None)),
        (
            "Transaction maxFeePerGas (1) is too low for the next block, which has a baseFeePerGas of 875000000",
            (875_000_000, None),
        ),
        ("max fee per gas less than block base fee: address 0xAb, maxFeePerGas: 1, baseFee: 8750", (8_750, None)),
        ("It does not satisfy your node's minimal gas price (minimal: 11000000000, got: 1). Try", (11 * GWEI, None)),
        ("transaction underpriced", (None, None)),
        ("Gas price below configured minimum gas price", (None, None)),
        ("", (None, None)),
    ],
)
def test_a_refusal_says_what_would_be_enough(text, asked):
    assert asked_price(text) == asked


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_the_tip_asked_for_is_offered_for_a_while_and_never_above_the_cap():
    clock = Clock()
    prices = AskedPrices(500 * GWEI, clock)
    market = Fees(21 * GWEI, GWEI)
    assert prices.raised(market) == market
    prices.note(Broadcast(BroadcastStatus.UNDERPRICED, minimum_tip=3 * GWEI))
    assert prices.raised(market) == Fees(23 * GWEI, 3 * GWEI)
    assert prices.raised(Fees(2 * GWEI)) == Fees(3 * GWEI)
    prices.note(Broadcast(BroadcastStatus.UNDERPRICED, minimum_tip=10**21))
    assert prices.raised(market) == Fees(500 * GWEI, 500 * GWEI)
    clock.now = REMEMBERED_SECONDS
    assert prices.raised(market) == market


def test_other_answers_ask_for_nothing():
    prices = AskedPrices(500 * GWEI, Clock())
    prices.note(Broadcast(BroadcastStatus.UNDERPRICED))
    prices.note(Broadcast(BroadcastStatus.ACCEPTED))
    assert prices.raised(Fees(21 * GWEI, GWEI)) == Fees(21 * GWEI, GWEI)


def test_a_node_s_refusal_reaches_whoever_prices_the_transaction_anew_and_those_signed_next(stub):
    block = {"number": "0x1", "gasLimit": hex(20_000_000), "baseFeePerGas": hex(10 * GWEI)}
    stub.methods |= {
        "eth_sendRawTransaction": Refusal({"code": -32000, "message": GETH}),
        "eth_getBlockByNumber": block,
        "eth_getBalance": hex(10**20),
        "eth_getTransactionCount": "0x0",
        "eth_feeHistory": Refusal({"code": -32601, "message": "the method does not exist"}),
    }
    node = Node(FUSE, RpcClient([stub.url], chain_id=122))
    before = node.account_view("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", []).fees
    transaction = SignedTransaction("0x" + "1" * 64, b"\x02", before, START, 1)
    (answer,) = node.broadcast([transaction])
    assert (answer.status, answer.minimum_tip) == (BroadcastStatus.UNDERPRICED, 2_500_000_000)
    after = node.account_view("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", []).fees
    assert after.max_priority_fee_per_gas == 2_500_000_000
    assert after.max_fee_per_gas - before.max_fee_per_gas == 2_500_000_000 - before.max_priority_fee_per_gas
