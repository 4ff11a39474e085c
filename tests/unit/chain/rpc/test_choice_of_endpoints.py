"""Endpoints that are behind the newest block, and answers that have to be from one endpoint."""

import pytest

from chalicelib.errors import ChainUnavailable
from tests.unit.chain.rpc.faults import FAULTS
from tests.unit.chain.stub_node import Http, Refusal


def at_block(stub, number: int) -> None:
    stub.methods["eth_getBlockByNumber"] = {"number": hex(number)}
    stub.methods["eth_getTransactionCount"] = hex(number)


def test_an_endpoint_behind_the_best_is_left_out_and_comes_back(stubs, client, clock):
    behind, ahead = stubs(), stubs()
    at_block(behind, 90)
    at_block(ahead, 100)
    rpc = client(behind, ahead)
    assert rpc.newest_block()["number"] == hex(100)
    assert rpc.call("eth_getTransactionCount", "0x0", "latest") == hex(100)
    at_block(behind, 101)
    clock.now += 3_600
    assert rpc.newest_block()["number"] == hex(101)
    assert rpc.call("eth_getTransactionCount", "0x0", "latest") == hex(101)


def test_a_block_or_two_apart_is_no_lag(stubs, client):
    first, second = stubs(), stubs()
    at_block(first, 99)
    at_block(second, 100)
    rpc = client(first, second)
    assert rpc.newest_block()["number"] == hex(99)
    assert rpc.call("eth_getTransactionCount", "0x0", "latest") == hex(99)


def test_a_head_of_the_past_is_not_taken_for_the_newest(stub, client, clock):
    only = stub
    rpc = client(only)
    at_block(only, 100)
    rpc.newest_block()
    at_block(only, 90)
    with pytest.raises(ChainUnavailable, match="behind"):
        rpc.newest_block()
    clock.now += 61  # a chain that was reset
    assert rpc.newest_block()["number"] == hex(90)


def standing_at(stub, number: int, count: int) -> None:
    stub.methods |= {"eth_blockNumber": hex(number), "eth_getTransactionCount": hex(count)}


COUNTS = [("eth_getTransactionCount", [f"0x{index}", "latest"]) for index in range(3)]


def test_what_is_read_together_is_one_request_to_one_endpoint(stubs, client):
    first, second = stubs(), stubs()
    standing_at(first, 100, 1)
    standing_at(second, 100, 2)
    assert [answer.result for answer in client(first, second).read_together(COUNTS)] == ["0x1"] * 3
    assert (len(first.asked), len(second.asked)) == (1, 0)


def test_an_endpoint_that_leaves_out_one_answer_gives_none_of_them(stubs, client):
    first, second = stubs(), stubs()
    standing_at(first, 100, 1)
    standing_at(second, 100, 2)
    first.http = lambda body: Http(body=[first.reply(item) for item in body if item["id"] != 1])
    assert [answer.result for answer in client(first, second).read_together(COUNTS)] == ["0x2"] * 3


def test_an_endpoint_that_will_not_answer_now_is_passed_over(stubs, client):
    first, second = stubs(), stubs()
    standing_at(first, 100, 1)
    standing_at(second, 100, 2)
    first.methods["eth_getTransactionCount"] = Refusal({"code": -32005, "message": "rate limit exceeded"})
    assert [answer.result for answer in client(first, second).read_together(COUNTS)] == ["0x2"] * 3


def test_an_error_of_the_nodes_own_is_an_answer(stub, client):
    standing_at(stub, 100, 1)
    stub.methods["eth_call"] = Refusal({"code": 3, "message": "execution reverted"})
    count, call = client(stub).read_together([COUNTS[0], ("eth_call", [{}, "latest"])])
    assert (count.result, call.error) == ("0x1", {"code": 3, "message": "execution reverted"})


def test_an_endpoint_that_lags_is_passed_over_and_left_out(stubs, client):
    behind, ahead = stubs(), stubs()
    standing_at(behind, 100, 1)
    standing_at(ahead, 110, 2)
    rpc = client(behind, ahead)
    assert rpc.read_together(COUNTS)[0].result == "0x1", "nobody knows better yet"
    behind.http = lambda body: Http(500, b"")
    assert rpc.read_together(COUNTS)[0].result == "0x2"
    behind.http = None
    rpc._endpoints[0].back_off.ends_at = float("-inf")
    assert rpc.read_together(COUNTS)[0].result == "0x2"
    asked = len(behind.asked)
    assert rpc.read_together(COUNTS)[0].result == "0x2"
    assert len(behind.asked) == asked, "it is left out for a while"


def test_a_chain_that_was_reset_is_read_again_after_a_while(stub, client, clock):
    standing_at(stub, 100, 1)
    rpc = client(stub)
    rpc.read_together(COUNTS)
    standing_at(stub, 5, 0)
    with pytest.raises(ChainUnavailable, match="behind"):
        rpc.read_together(COUNTS)
    clock.now += 61
    assert rpc.read_together(COUNTS)[0].result == "0x0"


@pytest.mark.parametrize("number", [None, "", "block", 7])
def test_an_endpoint_that_does_not_tell_its_newest_block_is_not_believed(stub, client, number):
    standing_at(stub, 100, 1)
    stub.methods["eth_blockNumber"] = number
    with pytest.raises(ChainUnavailable, match="newest block"):
        client(stub).read_together(COUNTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_only_endpoint_is_no_answer_to_any_of_them(stub, client, fault):
    stub.http = lambda body: FAULTS[fault]
    with pytest.raises(ChainUnavailable):
        client(stub).read_together(COUNTS)


def test_many_reads_go_in_requests_of_a_hundred_and_stop_at_the_first_that_fails(stub, client):
    standing_at(stub, 100, 1)
    rpc = client(stub)
    assert len(rpc.read_together(COUNTS * 80)) == 240
    assert [len(body) for body in stub.asked] == [100, 100, 41]
    stub.http = lambda body: Http(500, b"")
    with pytest.raises(ChainUnavailable):
        rpc.read_together(COUNTS * 80)
    assert len(stub.asked) == 4
