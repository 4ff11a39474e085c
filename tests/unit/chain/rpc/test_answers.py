"""What an endpoint may answer, and what the next endpoint is asked."""

import pytest

from chalicelib.errors import ChainUnavailable
from tests.unit.chain.rpc.faults import FAULTS, RAW, free_port
from tests.unit.chain.stub_node import Http, Refusal


def block_number(number: int):
    return {"jsonrpc": "2.0", "id": 0, "result": hex(number)}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_only_endpoint_is_one_request_and_no_result(stub, client, fault):
    stub.http = lambda body: FAULTS[fault]
    rpc = client(stub)
    with pytest.raises(ChainUnavailable):
        rpc.call("eth_blockNumber")
    assert len(stub.asked) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_first_endpoint_is_made_good_by_the_second(stubs, client, fault):
    first, second = stubs(), stubs()
    first.http = lambda body: FAULTS[fault]
    second.methods["eth_blockNumber"] = "0x10"
    rpc = client(first, second)
    assert rpc.call("eth_blockNumber") == "0x10"
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert rpc.call("eth_blockNumber") == "0x10"
    assert (len(first.asked), len(second.asked)) == (1, 2), "the first is left out for a while"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_raw_transaction_is_sent_once_to_each_endpoint_whatever_they_answer(stubs, client, fault):
    both = stubs(), stubs()
    for each in both:
        each.http = lambda body: FAULTS[fault]
    try:
        (answer,) = client(*both).batch([RAW])
        assert answer.error is not None
    except ChainUnavailable:
        pass
    assert [len(each.asked) for each in both] == [1, 1]


def test_an_endpoint_that_hangs_is_left_after_the_timeout_and_asked_once(stubs, client):
    first, second = stubs(), stubs()
    first.http = lambda body: Http(hang=True)
    second.methods["eth_sendRawTransaction"] = "0xab"
    answer = client(first, second, answer_seconds=0.3).request(*RAW[:1], *RAW[1])
    assert answer.result == "0xab"
    assert answer.maybe_received, "the first may have taken it"
    assert (len(first.asked), len(second.asked)) == (1, 1)


def test_an_endpoint_where_nothing_listens_is_passed_over_without_a_doubt(stub, client):
    stub.methods["eth_sendRawTransaction"] = Refusal({"code": -32000, "message": "insufficient funds"})
    answer = client(f"http://127.0.0.1:{free_port()}", stub).request("eth_sendRawTransaction", "0x02f8")
    assert answer.error == {"code": -32000, "message": "insufficient funds"}
    assert not answer.maybe_received


def test_an_endpoint_that_went_away_took_nothing(stubs, client, clock):
    first, second = stubs(), stubs()
    first.methods["eth_blockNumber"] = "0x1"
    second.methods["eth_sendRawTransaction"] = Refusal({"code": -32000, "message": "insufficient funds"})
    rpc = client(first, second)
    rpc.call("eth_blockNumber")
    first.close()
    clock.now += 60
    (answer,) = rpc.batch([RAW])
    assert answer.error == {"code": -32000, "message": "insufficient funds"}
    assert not answer.maybe_received


def test_a_redirect_is_not_followed(stubs, client):
    first, second = stubs(), stubs()
    first.http = lambda body: Http(307, b"", {"Location": second.url})
    with pytest.raises(ChainUnavailable):
        client(first).batch([RAW])
    assert second.bodies == []


@pytest.mark.parametrize(
    ("fault", "maybe_received"),
    [
        ("500", True),
        ("502 in HTML", True),
        ("503", True),
        ("400", True),
        ("HTML", True),
        ("nothing", True),
        ("a closed connection", True),
        ("no result", True),
        ("500 in JSON-RPC", True),
        ("401", False),
        ("403", False),
        ("404", False),
        ("429", False),
        ("429 in JSON-RPC", False),
        ("too many requests in JSON-RPC", False),
        ("syncing", False),
    ],
)
def test_a_refusal_after_an_endpoint_that_may_have_taken_it_is_in_doubt(stubs, client, fault, maybe_received):
    first, second = stubs(), stubs()
    first.http = lambda body: FAULTS[fault]
    second.methods["eth_sendRawTransaction"] = Refusal({"code": -32000, "message": "insufficient funds"})
    (answer,) = client(first, second).batch([RAW])
    assert answer.error == {"code": -32000, "message": "insufficient funds"}
    assert answer.maybe_received is maybe_received


@pytest.mark.parametrize("status", [400, 404, 500, 200])
def test_a_json_rpc_error_counts_under_any_http_status(stub, client, status):
    error = {"code": -32000, "message": "nonce too low"}
    stub.http = lambda body: Http(status, {"jsonrpc": "2.0", "id": body["id"], "error": error})
    answer = client(stub).request("eth_sendRawTransaction", "0x02f8")
    assert answer.error == error
    assert answer.answered
    assert len(stub.asked) == 1


def test_a_null_result_is_an_answer(stub, client):
    stub.methods["eth_getBlockByNumber"] = None
    assert client(stub).call("eth_getBlockByNumber", "0x10", False) is None


def test_an_error_of_a_read_is_raised_without_asking_again(stubs, client):
    first, second = stubs(), stubs()
    first.methods["eth_call"] = Refusal({"code": -32000, "message": "header not found"})
    with pytest.raises(ChainUnavailable, match="header not found"):
        client(first, second).call("eth_call", {}, "0x10")
    assert second.bodies == []
