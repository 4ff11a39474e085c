"""Gas estimates: head-room, gas limits of the issuer, funds, and nodes that refuse the pending block."""

from dataclasses import replace

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.jobs.ports import Call, GasEstimate, Revert, Unavailable, Unfunded
from chalicelib.networks import FUSE, GWEI
from tests.unit.chain.reading.transactions import OTHER, REVERT_DATA, TRANSFER, WHO
from tests.unit.chain.stub_node import Http, Refusal


@pytest.fixture
def rich(stub):
    stub.methods |= {"eth_getBalance": hex(10**20), "eth_getBlockByNumber": {"number": "0x1", "gasLimit": hex(20_000_000)}}
    return stub


def test_an_estimate_gets_head_room_rounded_up_in_one_request(rich, node):
    rich.methods["eth_estimateGas"] = hex(200_001)
    assert node.estimate([TRANSFER, TRANSFER]) == [GasEstimate(240_002), GasEstimate(240_002)]
    assert len(rich.asked) == 1
    fields = {"from": WHO, "to": OTHER, "value": "0x5", "data": "0xa905"}
    assert rich.params_of("eth_estimateGas") == [[fields, "pending"]] * 2
    assert rich.params_of("eth_getBalance") == [[WHO, "pending"]]


def test_a_contracts_creation_is_simulated_without_a_recipient(rich, node):
    rich.methods["eth_estimateGas"] = hex(100_000)
    assert node.estimate([Call(WHO, None, 0, b"\x60\x80")]) == [GasEstimate(125_000)]
    assert rich.params_of("eth_estimateGas") == [[{"from": WHO, "value": "0x0", "data": "0x6080"}, "pending"]]


def test_a_gas_limit_of_the_issuers_is_simulated_with_and_kept(rich, node):
    rich.methods["eth_estimateGas"] = hex(30_000)
    assert node.estimate([replace(TRANSFER, gas=31_000)]) == [GasEstimate(31_000)]
    assert rich.params_of("eth_estimateGas")[0][0]["gas"] == hex(31_000)


def test_a_gas_limit_below_what_the_node_found_is_out_of_gas(rich, node):
    rich.methods["eth_estimateGas"] = hex(21_000)
    (outcome,) = node.estimate([replace(TRANSFER, gas=20_000)])
    assert isinstance(outcome, Revert)
    assert "20000" in outcome.reason


@pytest.mark.parametrize(
    ("used", "limit"),
    [
        (21_000, 25_200),  # a plain transfer touches no storage
        (21_001, 46_001),
        (50_000, 75_000),
        (124_999, 149_999),
        (125_001, 150_002),
        (1_000_000, 1_200_000),
        (14_900_000, 2**24),
        (2**24, 2**24),
        (2**24 + 1, 20_000_000),
        (25_000_000, 25_000_000),
    ],
)
def test_head_room_covers_a_fresh_slot_and_ends_at_the_cap_of_a_transaction_and_the_block(rich, node, used, limit):
    rich.methods["eth_estimateGas"] = hex(used)
    assert node.estimate([TRANSFER]) == [GasEstimate(limit)]


def test_a_gas_limit_above_the_blocks_is_refused_whatever_the_node_says(rich, node):
    for answer in (hex(50_000), Refusal({"code": -32000, "message": "exceeds block gas limit"})):
        rich.methods["eth_estimateGas"] = answer
        (outcome,) = node.estimate([replace(TRANSFER, gas=30_000_000)])
        assert outcome == Revert("the gas limit 30000000 is above the block's 20000000")
    rich.methods["eth_estimateGas"] = hex(50_000)
    assert node.estimate([replace(TRANSFER, gas=20_000_000)]) == [GasEstimate(20_000_000)]


OUT_OF_GAS = ["EVM error OutOfGas", "out of gas", "gas required exceeds allowance (60000)", "Transaction ran out of gas"]


@pytest.mark.parametrize("message", OUT_OF_GAS)
def test_out_of_the_issuers_gas_is_told_with_what_was_allowed_and_needed(rich, node, message):
    def estimated(call, _):
        if "gas" in call:
            raise Refusal({"code": -32000, "message": message})
        return hex(70_000)

    rich.methods["eth_estimateGas"] = estimated
    limited = replace(TRANSFER, gas=60_000)
    assert node.estimate([limited, TRANSFER]) == [
        Revert("out of gas: the gas limit is 60000, the transaction needs 70000"),
        GasEstimate(95_000),
    ]
    assert len(rich.asked) == 2


@pytest.mark.parametrize("message", OUT_OF_GAS)
def test_out_of_the_issuers_gas_where_nothing_is_enough_is_told_with_what_was_allowed(rich, node, message):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32000, "message": message})
    (outcome,) = node.estimate([replace(TRANSFER, gas=60_000)])
    assert outcome == Revert("out of gas: the gas limit is 60000, the transaction needs more")


@pytest.mark.parametrize(
    ("message", "needed"),
    [
        ("intrinsic gas too low: gas 60000, minimum needed 61000", 61_000),
        ("failed with 60000 gas: insufficient gas for floor data gas cost: gas 60000, minimum needed 61000", 61_000),
        ("Transaction requires at least 61000 gas but got 60000", 61_000),
        ("Transaction requires gas floor of 61000 but got limit of 60000", 61_000),
        ("intrinsic gas cost 61000 exceeds gas limit 60000", 61_000),
    ],
)
def test_what_the_node_says_is_needed_is_not_asked_for_again(rich, node, message, needed):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32000, "message": message})
    (outcome,) = node.estimate([replace(TRANSFER, gas=60_000)])
    assert outcome == Revert(f"out of gas: the gas limit is 60000, the transaction needs {needed}")
    assert len(rich.asked) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("EVM error OutOfGas", "out of gas: it needs more than the 20000000 that it may take"),
        ("gas required exceeds allowance (16777216)", "out of gas: it needs more than the 16777216 that it may take"),
    ],
)
def test_out_of_all_the_gas_there_is_says_how_much_that_is(rich, node, message, reason):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32603, "message": message})
    assert node.estimate([TRANSFER]) == [Revert(reason)]
    assert len(rich.asked) == 1


def test_head_room_never_passes_the_blocks_gas_limit(rich, node):
    rich.methods["eth_estimateGas"] = hex(19_000_000)
    assert node.estimate([TRANSFER]) == [GasEstimate(20_000_000)]


def test_each_call_has_its_own_outcome(rich, node):
    def estimated(call, _):
        match int(call["value"], 16):
            case 0:
                raise Refusal({"code": 3, "message": "execution reverted: too late", "data": REVERT_DATA})
            case 1:
                raise Refusal({"code": -32000, "message": "insufficient funds for transfer"})
            case 2:
                raise Refusal({"code": -32005, "message": "rate limited", "data": {"see": "x"}})
            case 3:
                return None
            case _:
                return hex(50_000)

    rich.methods["eth_estimateGas"] = estimated
    outcomes = node.estimate([replace(TRANSFER, value=value) for value in range(5)])
    assert outcomes[0] == Revert("too late", bytes.fromhex(REVERT_DATA[2:]))
    assert [type(outcome) for outcome in outcomes] == [Revert, Unfunded, Unavailable, Unavailable, GasEstimate]


def test_an_estimate_left_out_of_the_answer_is_unavailable(rich, node):
    rich.methods["eth_estimateGas"] = hex(50_000)
    rich.http = lambda body: Http(body=[rich.reply(item) for item in body if item["id"] != 0])
    outcomes = node.estimate([TRANSFER, TRANSFER])
    assert isinstance(outcomes[0], Unavailable)
    assert outcomes[1] == GasEstimate(75_000)


@pytest.mark.parametrize(
    ("balance", "outcome"),
    [
        (hex(5 + 75_000 * 11 * GWEI), GasEstimate),
        (hex(4 + 75_000 * 11 * GWEI), Unfunded),
        ("0x0", Unfunded),
        (None, GasEstimate),
        (Refusal({"code": -32000, "message": "no state"}), GasEstimate),
    ],
)
def test_a_sender_that_cannot_pay_the_least_price_is_unfunded_whatever_the_node_says(rich, node, balance, outcome):
    rich.methods |= {"eth_estimateGas": hex(50_000), "eth_getBalance": balance}
    assert [type(estimate) for estimate in node.estimate([TRANSFER])] == [outcome]


def test_free_gas_needs_no_funds(rich):
    rich.methods |= {"eth_estimateGas": hex(50_000), "eth_getBalance": "0x0"}
    network = replace(FUSE, min_base_fee=0, min_priority_fee=0)
    node = Node(network, RpcClient([rich.url], chain_id=122))
    assert node.estimate([replace(TRANSFER, value=0)]) == [GasEstimate(75_000)]


@pytest.mark.parametrize(
    "refusal",
    [
        {"code": -32602, "message": "invalid argument 1"},
        {"code": -32000, "message": "pending block is not available"},
        {"code": -32000, "message": "unsupported block tag"},
    ],
)
def test_a_node_that_does_not_simulate_on_the_pending_block_is_asked_for_the_newest_from_then_on(rich, node, refusal):
    def estimated(_, tag):
        if tag == "pending":
            raise Refusal(refusal)
        return hex(50_000)

    rich.methods["eth_estimateGas"] = estimated
    assert node.estimate([TRANSFER]) == [GasEstimate(75_000)]
    assert node.estimate([TRANSFER]) == [GasEstimate(75_000)]
    assert [tag for _, tag in rich.params_of("eth_estimateGas")] == ["pending", "latest", "latest"]


def test_a_revert_that_speaks_of_the_pending_block_is_a_revert(rich, node):
    rich.methods["eth_estimateGas"] = Refusal({"code": 3, "message": "execution reverted: pending block tag"})
    assert node.estimate([TRANSFER]) == [Revert("pending block tag")]
    assert [tag for _, tag in rich.params_of("eth_estimateGas")] == ["pending"]


def test_a_call_wrong_on_any_block_does_not_move_the_others_off_the_pending_one(rich, node):
    rich.methods["eth_estimateGas"] = Refusal({"code": -32602, "message": "invalid argument 0"})
    assert [type(outcome) for outcome in node.estimate([TRANSFER])] == [Unavailable]
    rich.methods["eth_estimateGas"] = hex(50_000)
    node.estimate([TRANSFER])
    assert [tag for _, tag in rich.params_of("eth_estimateGas")] == ["pending", "latest", "pending"]


def test_nothing_to_estimate_asks_nobody(stub, node):
    assert node.estimate([]) == []
    assert stub.bodies == []
