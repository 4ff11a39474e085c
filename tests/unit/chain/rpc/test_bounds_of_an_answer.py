"""One RPC answer is bounded in bytes and time, and one issuer's slow or large request costs nobody else their answer."""

import time
import tracemalloc
from dataclasses import replace

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.chain.rpc.error_objects import LONGEST_TEXT
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Call, GasEstimate, Revert, Unavailable
from chalicelib.networks import FUSE
from tests.unit.chain.slow_node import SlowNode
from tests.unit.chain.standing_node import OTHER, WHO, standing_at
from tests.unit.chain.stub_node import Http, Refusal

pytestmark = pytest.mark.slow

ANSWER_BYTES = 100_000
TOTAL_SECONDS = 2.4
HEAVY = Call(WHO, "0x" + "aa" * 20, 0, b"\x01")
QUICK = Call(WHO, OTHER, 0, b"\x02")
ESTIMATED = GasEstimate(75_000)


class Health:
    def __init__(self) -> None:
        self.failures: list[str] = []

    def failed(self, endpoint: str) -> None:
        self.failures.append(endpoint)

    def down(self) -> None: ...


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def node_of(health):
    """A node whose requests have 1.2 s, a first batch of estimates 0.8 s, and its parts 0.2 s."""

    def build(*stubs) -> Node:
        urls = [stub.url for stub in stubs]
        bounds = {"answer_bytes": ANSWER_BYTES, "answer_seconds": 1.2, "total_seconds": TOTAL_SECONDS}
        return Node(FUSE, RpcClient(urls, chain_id=122, health=health, **bounds))

    return build


def standing(stub) -> SlowNode:
    return SlowNode(standing_at(stub, 16))


def is_heavy(item) -> bool:
    return item["method"] in ("eth_estimateGas", "eth_call") and item["params"][0].get("to") == HEAVY.to


def took(act) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


# --- slow ----------------------------------------------------------------------------------------------------------------


def test_a_slow_call_stands_alone_and_everybody_else_is_answered(stub, node_of, health):
    slow = standing(stub)
    slow.seconds = lambda item: 5.0 if is_heavy(item) else 0.0
    view = node_of(stub).account_view(WHO, [QUICK] * 20 + [HEAVY] + [QUICK] * 20)
    assert (view.mined_count, view.head.number) == (9, 16)
    assert view.estimates[:20] == view.estimates[21:] == (ESTIMATED,) * 20
    assert isinstance(view.estimates[20], Unavailable)
    assert view.estimates[20].alone
    assert health.failures == [], "the endpoint is not to blame"


def test_slow_calls_do_not_take_more_than_the_total_time(stub, node_of):
    slow = standing(stub)
    node = node_of(stub)
    calls = [replace(HEAVY, to=f"0x{number:040x}") for number in range(40)]
    slow.seconds = lambda item: 5.0 if item["method"] == "eth_estimateGas" else 0.0
    assert took(lambda: node.account_view(WHO, calls)) < TOTAL_SECONDS + 0.5


def test_what_a_round_did_not_reach_is_not_said_to_be_too_slow_by_itself(stub, node_of):
    slow = standing(stub)
    slow.seconds = lambda item: 5.0 if is_heavy(item) else 0.0
    view = node_of(stub).account_view(WHO, [HEAVY] * 10)
    alone = [estimate.alone for estimate in view.estimates]
    assert any(alone)
    assert not all(alone)


def test_whoever_comes_last_does_not_wait_behind_all_that_is_slow(stub, node_of):
    slow = standing(stub)
    slow.seconds = lambda item: 5.0 if item["method"] == "eth_estimateGas" and item["params"][0]["to"] != QUICK.to else 0.0
    calls = [replace(HEAVY, to=f"0x{number:040x}") for number in range(30)]
    assert node_of(stub).account_view(WHO, [*calls, QUICK]).estimates[-1] == ESTIMATED


def test_the_next_round_asks_first_who_was_not_slow(stub, node_of):
    slow = standing(stub)
    slow.seconds = lambda item: 5.0 if is_heavy(item) else 0.0
    node = node_of(stub)
    node.account_view(WHO, [HEAVY, QUICK])
    asked = len(stub.asked)
    assert node.account_view(WHO, [HEAVY, *[QUICK] * 3]).estimates[1:] == (ESTIMATED,) * 3
    *first, last = stub.asked[asked:]
    assert not any(is_heavy(item) for body in first for item in (body if isinstance(body, list) else [body]))
    assert is_heavy(last)


def test_a_contract_that_is_not_slow_any_more_is_asked_with_the_others_again(stub, node_of):
    slow = standing(stub)
    slow.seconds = lambda item: 5.0 if is_heavy(item) else 0.0
    node = node_of(stub)
    node.account_view(WHO, [HEAVY, QUICK])
    slow.seconds = lambda item: 0.0
    for requests in (2, 1):
        asked = len(stub.asked)
        assert node.account_view(WHO, [HEAVY, QUICK]).estimates == (ESTIMATED,) * 2
        assert len(stub.asked) == asked + requests


def test_a_node_that_is_slow_with_each_estimate_answers_them_all_in_a_few_rounds(stub, node_of, health):
    slow = standing(stub)
    slow.seconds = lambda item: 0.02 if item["method"] == "eth_estimateGas" else 0.0
    node, left, rounds = node_of(stub), 100, 0
    while left:
        view = node.account_view(WHO, [QUICK] * left)
        assert not any(isinstance(estimate, Unavailable) and estimate.alone for estimate in view.estimates)
        left -= view.estimates.count(ESTIMATED)
        rounds += 1
        assert rounds <= 3
    assert health.failures == []


def test_what_was_learnt_of_a_slow_hour_is_forgotten_when_it_is_over(stub, node_of):
    slow = standing(stub)
    slow.seconds = lambda item: 0.02 if item["method"] == "eth_estimateGas" else 0.0
    node = node_of(stub)
    node.account_view(WHO, [QUICK] * 95)
    slow.seconds = lambda item: 0.0
    for _ in range(6):
        node.account_view(WHO, [QUICK] * 95)
    asked = len(stub.asked)
    assert node.account_view(WHO, [QUICK] * 95).estimates == (ESTIMATED,) * 95
    assert slow.sizes[asked:] == [100]


def test_a_gateway_that_gives_up_a_slow_batch_is_asked_for_its_parts(stub, node_of, health):
    standing_at(stub, 16)
    stub.http = lambda body: Http(504, b"<html>") if isinstance(body, list) and len(body) > 9 else None
    assert node_of(stub).account_view(WHO, [QUICK] * 40).estimates == (ESTIMATED,) * 40
    assert health.failures == []


# --- large ---------------------------------------------------------------------------------------------------------------


def test_large_answers_stand_alone_and_everybody_else_is_answered(stub, node_of, health):
    large = standing(stub)
    large.padding = lambda item: 200_000 if is_heavy(item) else 0
    view = node_of(stub).account_view(WHO, [*[HEAVY] * 34, QUICK, *[HEAVY] * 3, QUICK])
    assert [index for index, estimate in enumerate(view.estimates) if estimate == ESTIMATED] == [34, 38]
    rest = [estimate for estimate in view.estimates if estimate != ESTIMATED]
    assert all(isinstance(estimate, Unavailable) and estimate.alone for estimate in rest)
    assert health.failures == []


def test_a_call_whose_data_is_too_long_for_an_endpoint_stands_alone(stub, node_of, health):
    standing_at(stub, 16)
    stub.http = lambda body: Http(413, b"too long") if "ab" * 5_000 in str(body) else None
    view = node_of(stub).account_view(WHO, [QUICK, replace(HEAVY, data=b"\xab" * 5_000), QUICK])
    assert [view.estimates[0], view.estimates[2]] == [ESTIMATED] * 2
    assert view.estimates[1].alone
    assert health.failures == []


def test_what_is_held_of_a_large_answer_is_bounded(stub, node_of):
    standing_at(stub, 16)
    content = b'[{"jsonrpc":"2.0","id":0,"error":{"code":3,"message":"' + b"a" * 60_000_000 + b'"}}]'
    stub.http = lambda body: Http(body=content) if any(map(is_heavy, body if isinstance(body, list) else [body])) else None
    node = node_of(stub)
    node.account_view(WHO, [])
    tracemalloc.start()
    try:
        (estimate,) = node.account_view(WHO, [HEAVY]).estimates
        assert tracemalloc.get_traced_memory()[1] < 20 * ANSWER_BYTES
    finally:
        tracemalloc.stop()
    assert estimate.alone


def test_large_receipts_are_read_a_few_at_a_time(stub, node_of):
    hashes = [f"0x{number:064x}" for number in range(1, 41)]
    standing_at(stub, 16).methods["eth_getTransactionReceipt"] = lambda hash_: receipt(hash_, b"\xab" * 20_000)
    assert set(node_of(stub).transactions_view(WHO, hashes).receipts) == set(hashes)


def receipt(hash_: str, data: bytes) -> dict[str, object]:
    return {
        "transactionHash": hash_,
        "blockNumber": "0x10",
        "blockHash": f"0x{16:064x}",
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x1",
        "logs": [{"address": WHO, "topics": [], "data": f"0x{data.hex()}"}],
    }


@pytest.mark.parametrize("length", [40_000, 49_900, 200_000])
def test_a_long_revert_still_has_its_reason(stub, length):
    words = b"too late" + b" " * length
    data = "0x08c379a0" + f"{32:064x}{len(words):064x}" + words.hex().ljust(-(-len(words) // 32) * 64, "0")
    standing_at(stub, 16).methods["eth_estimateGas"] = Refusal({"code": 3, "message": "execution reverted", "data": data})
    (estimate,) = Node(FUSE, RpcClient([stub.url], chain_id=122)).account_view(WHO, [HEAVY]).estimates
    assert isinstance(estimate, Revert)
    assert estimate.reason == "too late"
    assert len(estimate.data) <= LONGEST_TEXT / 2, "and no more of it is held"


@pytest.mark.parametrize("by", ["time", "bytes"])
def test_replays_of_a_mined_revert_that_are_too_much_have_a_bounded_cost_and_no_reason(stub, node_of, by):
    heavy = standing(stub)
    stub.methods["eth_call"] = "0x"
    if by == "time":
        heavy.seconds = lambda item: 5.0 if is_heavy(item) else 0.0
    else:
        heavy.padding = lambda item: 200_000 if is_heavy(item) else 0
    reasons = []
    assert took(lambda: reasons.append(node_of(stub).revert_reason(HEAVY, 16))) < TOTAL_SECONDS + 0.5
    assert reasons[0].startswith("reverted; the reason cannot be told")


# --- the node's own bounds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        {"code": -32003, "message": "response too large"},
        {"code": -32002, "message": "request timed out"},
        {"code": -32005, "message": "MaxBatchResponseBodySize of 32768KB exceeded"},
    ],
    ids=["geth bytes", "geth time", "nethermind bytes"],
)
def test_what_a_node_left_of_a_batch_is_asked_again(stub, node_of, error):
    """geth and Nethermind answer what fits, and the rest with an error each."""
    standing_at(stub, 16)

    def answer(body):
        if not isinstance(body, list):
            return None
        late = [{"jsonrpc": "2.0", "id": item["id"], "error": error} for item in body[12:]]
        return Http(body=[*map(stub.reply, body[:12]), *late])

    stub.http = answer
    assert node_of(stub).account_view(WHO, [QUICK] * 40).estimates == (ESTIMATED,) * 40


def test_a_simulation_that_the_node_gives_up_by_itself_is_too_much_alone(stub, node_of):
    def estimated(fields, _):
        if fields["to"] == HEAVY.to:
            raise Refusal({"code": -32000, "message": "execution aborted (timeout = 5s)"})
        return hex(50_000)

    standing_at(stub, 16).methods["eth_estimateGas"] = estimated
    view = node_of(stub).account_view(WHO, [QUICK, HEAVY, QUICK])
    assert [view.estimates[0], view.estimates[2]] == [ESTIMATED] * 2
    assert view.estimates[1].alone


# --- endpoints that are down or run nothing ----------------------------------------------------------------------------------


def test_a_node_that_hangs_is_left_out_and_the_next_one_asked_in_time(stubs, node_of, health):
    hung, other = standing_at(stubs(), 16), standing_at(stubs(), 16, mined=7)
    node = node_of(hung, other)
    assert node.account_view(WHO, [QUICK]).mined_count == 9
    hung.http = lambda body: Http(hang=True)
    views = []
    assert took(lambda: views.append(node.account_view(WHO, [QUICK] * 3))) < 2 * TOTAL_SECONDS
    assert (views[0].mined_count, views[0].estimates) == (7, (ESTIMATED,) * 3)
    assert health.failures == [hung.url.removeprefix("http://")]


def test_a_node_that_runs_no_code_in_time_is_left_out_and_no_call_blamed(stubs, node_of, health):
    first, second = stubs(), standing_at(stubs(), 16)
    stuck = standing(first)
    stuck.seconds = lambda item: 5.0 if item["method"] in ("eth_estimateGas", "eth_call") else 0.0
    node = node_of(first, second)
    assert node.account_view(WHO, [QUICK]).estimates == (ESTIMATED,)
    assert health.failures == [first.url.removeprefix("http://")]


def test_a_only_node_that_runs_no_code_in_time_leaves_the_calls_unanswered(stub, node_of):
    stuck = standing(stub)
    stuck.seconds = lambda item: 5.0 if item["method"] in ("eth_estimateGas", "eth_call") else 0.0
    view = node_of(stub).account_view(WHO, [QUICK, HEAVY])
    assert [(type(estimate), estimate.alone) for estimate in view.estimates] == [(Unavailable, False)] * 2


def test_reads_that_time_out_are_not_split(stub, node_of):
    stub.http = lambda body: Http(hang=True)
    with pytest.raises(ChainUnavailable):
        node_of(stub).receipts([f"0x{number:064x}" for number in range(50)])
    assert len(stub.asked) == 1
