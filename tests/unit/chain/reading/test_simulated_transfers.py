"""Plain transfers of a round are simulated together, and what that does not settle is estimated like any other call."""

from dataclasses import replace

import pytest

from chalicelib.jobs.ports import Call, GasEstimate, Revert
from tests.unit.chain.rpc.unsupported import NOT_SUPPORTED
from tests.unit.chain.standing_node import OTHER, WHO, node_of, standing_at
from tests.unit.chain.stub_node import Http, Refusal

TRANSFER = Call(WHO, OTHER, 5, b"")
CALL = Call(WHO, OTHER, 0, b"\xa9\x05")
ESTIMATED = GasEstimate(75_000)
PLAIN = GasEstimate(25_200)
PASSED = {"returnData": "0x", "logs": [], "gasUsed": "0x5208", "status": "0x1"}
FAILED = {
    "returnData": "0x",
    "logs": [],
    "gasUsed": "0x5208",
    "status": "0x0",
    "error": {"code": -3200, "message": "out of gas"},
}
UNFUNDED = Refusal({"code": -32003, "message": "Insufficient funds for gas * price + value"})
THROTTLED = Refusal({"code": -32005, "message": "rate limit exceeded"})


@pytest.fixture
def node(stub):
    standing_at(stub, 16).methods["eth_simulateV1"] = lambda payload, _: [{"calls": [PASSED] * len(calls_of(payload))}]
    return node_of(stub)


def calls_of(payload):
    (block,) = payload["blockStateCalls"]
    return block["calls"]


def estimates(node, *calls):
    return list(node.account_view(WHO, calls).estimates)


def test_they_are_simulated_in_their_order_in_the_request_that_tells_the_rest(stub, node):
    assert estimates(node, *(replace(TRANSFER, value=value) for value in range(90))) == [PLAIN] * 90
    assert len(stub.asked) == 1
    ((payload, tag),) = stub.params_of("eth_simulateV1")
    assert (tag, payload["validation"]) == ("pending", False)
    assert calls_of(payload) == [{"from": WHO, "to": OTHER, "value": hex(value), "gas": "0x5208"} for value in range(90)]
    assert not stub.params_of("eth_estimateGas")


def test_one_alone_is_estimated(stub, node):
    assert estimates(node, TRANSFER, CALL) == [ESTIMATED] * 2
    assert not stub.params_of("eth_simulateV1")


def test_what_has_data_or_creates_a_contract_or_brings_too_little_gas_is_estimated(stub, node):
    others = [CALL, Call(WHO, None, 0, b""), replace(TRANSFER, gas=20_999)]
    assert estimates(node, others[0], TRANSFER, others[1], TRANSFER, others[2]) == [
        ESTIMATED,
        PLAIN,
        ESTIMATED,
        PLAIN,
        Revert("out of gas: the gas limit is 20999, the transaction needs 50000"),
    ]
    assert len(stub.params_of("eth_estimateGas")) == 3


def test_a_gas_limit_of_the_issuers_is_kept(node):
    assert estimates(node, replace(TRANSFER, gas=30_000), TRANSFER) == [GasEstimate(30_000), PLAIN]


@pytest.mark.parametrize("result", [FAILED, PASSED | {"status": "0x0"}, PASSED | {"gasUsed": "0x5209"}, {}, None, "0x1"])
def test_those_that_do_not_pass_are_estimated_and_the_others_are_not(stub, node, result):
    """A recipient that runs code, for one."""
    stub.methods["eth_simulateV1"] = [{"calls": [PASSED, result, PASSED]}]
    assert estimates(node, TRANSFER, replace(TRANSFER, value=7), TRANSFER) == [PLAIN, ESTIMATED, PLAIN]
    ((estimated, tag),) = stub.params_of("eth_estimateGas")
    assert (estimated["value"], tag) == ("0x7", "pending")


@pytest.mark.parametrize(
    "result",
    [None, [], {}, "0x", [{}], [{"calls": None}], [{"calls": [PASSED]}], [{"calls": [PASSED] * 2}] * 2, [[PASSED] * 2]],
)
def test_an_answer_of_another_shape_says_nothing(stub, node, result):
    stub.methods["eth_simulateV1"] = result
    assert estimates(node, TRANSFER, CALL, TRANSFER) == [ESTIMATED] * 3


@pytest.mark.parametrize(
    ("refusal", "asked"), [*((Refusal(error), 1) for error in NOT_SUPPORTED), (UNFUNDED, 2), (THROTTLED, 2)]
)
def test_who_refuses_to_simulate_estimates_and_is_asked_again_only_for_a_passing_reason(stub, node, refusal, asked):
    stub.methods["eth_simulateV1"] = refusal
    for _ in range(2):
        assert estimates(node, TRANSFER, CALL, TRANSFER) == [ESTIMATED] * 3
    assert len(stub.params_of("eth_simulateV1")) == asked


def test_a_simulation_that_is_too_much_for_a_node_is_not_asked_for_again(stub, node):
    """Or a round of transfers would wait for ever."""
    stub.http = lambda body: Http(status=502) if "eth_simulateV1" in str(body) else None
    assert estimates(node, TRANSFER, CALL, TRANSFER) == [ESTIMATED] * 3
    asked = len(stub.params_of("eth_simulateV1"))
    assert estimates(node, TRANSFER, TRANSFER) == [ESTIMATED] * 2
    assert len(stub.params_of("eth_simulateV1")) == asked


def test_a_node_without_a_pending_block_simulates_on_the_newest(stub, node):
    def on_latest(result):
        def answer(_, tag):
            if tag == "pending":
                raise Refusal({"code": -32602, "message": "pending block is not available"})
            return result

        return answer

    stub.methods |= {"eth_estimateGas": on_latest(hex(50_000)), "eth_getBalance": on_latest(hex(10**20))}
    assert estimates(node, CALL, TRANSFER, TRANSFER) == [ESTIMATED, PLAIN, PLAIN]
    assert [tag for _, tag in stub.params_of("eth_simulateV1")] == ["pending", "latest"]
