import logging
import socket
import sys
import traceback
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from chalicelib.chain.rpc.client import RpcClient
from chalicelib.chain.rpc.endpoint import RECURSION_LIMIT
from chalicelib.errors import ChainUnavailable, ConfigurationError
from tests.unit.chain.stub_node import Http, Refusal

RAW = ("eth_sendRawTransaction", ["0x02f8"])
KEY = "s3cr3t-api-key-0123456789"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock):
    def build(*stubs, answer_seconds=5.0, suffix=""):
        urls = [stub if isinstance(stub, str) else stub.url for stub in stubs]
        return RpcClient([url + suffix for url in urls], chain_id=122, answer_seconds=answer_seconds, monotonic=clock)

    return build


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def block_number(number: int):
    return {"jsonrpc": "2.0", "id": 0, "result": hex(number)}


# --- what an endpoint may answer ---------------------------------------------------------------------------------------

FAULTS = {
    "500": Http(500, b"oops"),
    "502 in HTML": Http(502, b"<html>bad gateway</html>"),
    "503": Http(503, b""),
    "400": Http(400, b"bad request"),
    "401": Http(401, {"error": {"code": -32000, "message": "nonce too low"}}),
    "403": Http(403, {"error": {"code": -32000, "message": "nonce too low"}}),
    "404": Http(404, b"not found"),
    "429": Http(429, b"slow down"),
    "429 in JSON-RPC": Http(429, {"jsonrpc": "2.0", "id": 0, "error": {"code": -32005, "message": "rate limited"}}),
    "a redirect": Http(307, b"", {"Location": "http://127.0.0.1:9/"}),
    "HTML": Http(200, b"<html>hello</html>"),
    "nothing": Http(200, b""),
    "a number": Http(200, b"7"),
    "null": Http(200, b"null"),
    "a list of nothing": Http(200, b"[]"),
    "no result": Http(200, b'{"jsonrpc":"2.0","id":0}'),
    "no UTF-8": Http(200, b"\xff\xfe"),
    "deep JSON": Http(200, b"[" * 100_000),
    "a closed connection": Http(drop=True),
    "too many requests in JSON-RPC": Http(200, {"id": 0, "error": {"code": -32005, "message": "Too many requests"}}),
    "syncing": Http(200, {"id": 0, "error": {"code": -32000, "message": "node is syncing"}}),
    "500 in JSON-RPC": Http(500, {"id": 0, "error": {"code": -32603, "message": "internal error"}}),
}


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


# --- batches -----------------------------------------------------------------------------------------------------------


def reads(count: int):
    return [("eth_getTransactionReceipt", [f"0x{index}"]) for index in range(count)]


def echo(stub):
    stub.methods["eth_getTransactionReceipt"] = lambda hash_: f"receipt of {hash_}"


def test_a_batch_is_one_request_and_keeps_its_order(stub, client):
    echo(stub)
    answers = client(stub).batch(reads(5))
    assert [answer.result for answer in answers] == [f"receipt of 0x{index}" for index in range(5)]
    assert len(stub.asked) == 1


def test_replies_in_another_order_are_matched_by_id(stub, client):
    echo(stub)
    stub.http = lambda body: Http(body=[stub.reply(item) for item in reversed(body)])
    assert [answer.result for answer in client(stub).batch(reads(5))] == [f"receipt of 0x{index}" for index in range(5)]


def test_a_reply_left_out_shifts_no_other(stub, client):
    echo(stub)
    stub.http = lambda body: Http(body=[stub.reply(item) for item in body if item["id"] != 1])
    answers = client(stub).batch(reads(4))
    assert [answer.result for answer in answers] == ["receipt of 0x0", None, "receipt of 0x2", "receipt of 0x3"]
    assert [answer.answered for answer in answers] == [True, False, True, True]


def test_replies_left_out_are_asked_of_the_next_endpoint(stubs, client):
    first, second = stubs(), stubs()
    echo(first)
    echo(second)
    first.http = lambda body: Http(body=[first.reply(item) for item in body if item["id"] % 2])
    answers = client(first, second).batch(reads(5))
    assert [answer.result for answer in answers] == [f"receipt of 0x{index}" for index in range(5)]
    assert [answer.maybe_received for answer in answers] == [True, False, True, False, True]
    assert second.params_of("eth_getTransactionReceipt") == [["0x0"], ["0x2"], ["0x4"]]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda replies: replies + replies[:1],
        lambda replies: [*replies, {**replies[0], "result": "another"}],
        lambda replies: [{**replies[0], "id": None}, *replies[1:]],
        lambda replies: [{**replies[0], "id": "0"}, *replies[1:]],
        lambda replies: [{**replies[0], "id": 7}, *replies[1:]],
        lambda replies: [{"jsonrpc": "2.0", "id": 0}, *replies[1:]],
    ],
    ids=["doubled", "contradicted", "null id", "text id", "strange id", "empty"],
)
@pytest.mark.filterwarnings("ignore:Received batch response with missing")
def test_a_reply_that_cannot_be_placed_is_no_answer(stub, client, spoil):
    echo(stub)
    stub.http = lambda body: Http(body=spoil([stub.reply(item) for item in body]))
    try:
        answers = client(stub).batch(reads(3))
    except ChainUnavailable:
        return
    assert not answers[0].answered
    assert {answer.result for answer in answers[1:]} <= {"receipt of 0x1", "receipt of 0x2", None}


def test_errors_of_single_items_leave_the_others_alone(stub, client):
    stub.methods["eth_getTransactionReceipt"] = lambda hash_: refuse(hash_) if hash_ == "0x1" else hash_
    answers = client(stub).batch(reads(3))
    assert [answer.result for answer in answers] == ["0x0", None, "0x2"]
    assert answers[1].error == {"code": -32000, "message": "no 0x1"}


def refuse(what):
    raise Refusal({"code": -32000, "message": f"no {what}"})


def test_throttled_items_are_asked_of_the_next_endpoint_and_stay_throttled_without_one(stubs, client):
    first, second = stubs(), stubs()
    echo(second)
    limit = Refusal({"code": 429, "message": "exceeded its compute units per second capacity"})
    first.methods["eth_getTransactionReceipt"] = limit
    assert [answer.result for answer in client(first, second).batch(reads(2))] == ["receipt of 0x0", "receipt of 0x1"]
    assert [answer.error for answer in client(first).batch(reads(2))] == [limit.error] * 2


def test_large_batches_go_in_requests_of_a_hundred(stub, client):
    echo(stub)
    answers = client(stub).batch(reads(250))
    assert [answer.result for answer in answers] == [f"receipt of 0x{index}" for index in range(250)]
    assert [len(body) for body in stub.asked] == [100, 100, 50]


def test_large_parameters_make_smaller_requests(stub, client):
    stub.methods["eth_call"] = "0x"
    client(stub).batch([("eth_call", ["0x" + "ab" * 300_000])] * 4)
    assert [len(body) if isinstance(body, list) else 1 for body in stub.asked] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "refusal",
    [
        Http(200, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}),
        Http(400, {"error": {"code": 31, "message": "Batch of more than 3 requests are not allowed"}}),
        Http(413, b"request entity too large"),
    ],
    ids=["in JSON-RPC", "400", "413"],
)
def test_a_node_that_takes_only_small_batches_gets_small_ones(stub, client, refusal):
    echo(stub)
    stub.http = lambda body: refusal if len(body) > 3 and isinstance(body, list) else None
    rpc = client(stub)
    answers = rpc.batch(reads(10))
    assert [answer.result for answer in answers] == [f"receipt of 0x{index}" for index in range(10)]
    asked = len(stub.asked)
    assert [answer.result for answer in rpc.batch(reads(4))] == [f"receipt of 0x{index}" for index in range(4)]
    assert len(stub.asked) == asked + 2, "what it takes is remembered"


def id_less(code: int, message: str):
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}


REFUSALS = {
    "nethermind": Http(200, id_less(-32005, "Batch size limit exceeded")),
    "besu": Http(200, id_less(-32005, "Number of requests exceeds max batch size")),
    "erigon": Http(200, id_less(-32000, "batch limit 3 exceeded (can increase by --rpc.batch.limit)")),
    "geth": Http(200, [{"jsonrpc": "2.0", "id": 0, "error": {"code": -32600, "message": "batch too large"}}]),
    "a list of one without an id": Http(200, [id_less(-32600, "batch too large")]),
    "a list of all without ids": Http(200, [id_less(-32600, "batch too large")] * 10),
    "words of a throttle": Http(200, id_less(-32005, "Too many requests")),
    "words of a throttle, 400": Http(400, id_less(429, "compute units per second exceeded by this batch")),
    "an internal error": Http(200, id_less(-32603, "internal error")),
    "500": Http(500, id_less(-32603, "internal error")),
    "503": Http(503, id_less(-32000, "cannot do that")),
    "no words": Http(200, {"error": {}, "id": None} | {"error": {"code": -1}}),
    "a text": Http(400, {"error": "no batches of this size"}),
    "413 in JSON-RPC": Http(413, id_less(-32600, "too long")),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_any_refusal_of_a_whole_batch_is_split_until_it_fits(stub, client, refusal):
    echo(stub)
    stub.http = lambda body: REFUSALS[refusal] if isinstance(body, list) and len(body) > 3 else None
    rpc = client(stub)
    answers = rpc.batch(reads(10))
    assert [answer.result for answer in answers] == [f"receipt of 0x{index}" for index in range(10)]
    assert len(stub.asked) < 10
    assert rpc.call("eth_getTransactionReceipt", "0x0"), "the endpoint is in use"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_batch_of_raw_transactions_that_may_have_been_taken_stays_in_doubt(stub, client, refusal):
    stub.methods["eth_sendRawTransaction"] = Refusal({"code": -32000, "message": "insufficient funds"})
    stub.http = lambda body: REFUSALS[refusal] if isinstance(body, list) and len(body) > 3 else None
    answers = client(stub).batch([RAW] * 10)
    assert {answer.error["message"] for answer in answers} == {"insufficient funds"}
    unclear = refusal in ("an internal error", "500", "503")
    assert {answer.maybe_received for answer in answers} == {unclear}


@pytest.mark.parametrize(
    ("http", "asked"),
    [
        (Http(429, b""), 1),
        (Http(429, id_less(429, "too many requests")), 1),
        (Http(200, id_less(-32005, "rate limit exceeded, retry in 7 s")), 2),
        (Http(200, id_less(-32000, "project is disabled")), 2),
        (Http(403, id_less(-32000, "your key is not allowed here")), 1),
        (Http(500, id_less(-32603, "internal error")), 2),
    ],
)
def test_a_node_that_refuses_one_request_in_the_same_words_is_not_asked_for_the_others(stub, client, http, asked):
    stub.http = lambda body: http
    with suppress(ChainUnavailable):
        assert all(answer.error for answer in client(stub).batch(reads(100)))
    assert len(stub.asked) == asked


def test_a_throttled_batch_is_smaller_the_next_time(stub, client, clock):
    echo(stub)
    stub.http = lambda body: Http(429, b"") if isinstance(body, list) and len(body) > 30 else None
    rpc = client(stub)
    for _ in range(2):
        assert all(answer.retryable for answer in rpc.batch(reads(100)))
        clock.now += 60
    answers = rpc.batch(reads(100))
    assert answers[0].result == "receipt of 0x0"
    assert [len(body) for body in stub.asked][:3] == [100, 50, 25]


def test_a_limit_of_batches_is_tried_again_after_a_while(stub, client, clock):
    echo(stub)
    stub.http = lambda body: REFUSALS["geth"] if isinstance(body, list) and len(body) > 3 else None
    rpc = client(stub)
    rpc.batch(reads(10))
    stub.http = None
    asked = len(stub.asked)
    rpc.batch(reads(10))
    assert len(stub.asked) > asked + 1
    clock.now += 601
    asked = len(stub.asked)
    rpc.batch(reads(10))
    assert len(stub.asked) == asked + 1


def test_a_node_that_takes_no_batches_is_asked_one_by_one(stub, client):
    echo(stub)
    refusal = Http(200, {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not supported"}})
    stub.http = lambda body: refusal if isinstance(body, list) else None
    answers = client(stub).batch(reads(5))
    assert [answer.result for answer in answers] == [f"receipt of 0x{index}" for index in range(5)]


def test_an_internal_error_for_a_whole_batch_leaves_every_item_in_doubt(stubs, client):
    first, second = stubs(), stubs()
    first.http = lambda body: Http(200, {"jsonrpc": "2.0", "id": None, "error": {"code": -32603, "message": "internal error"}})
    second.methods["eth_sendRawTransaction"] = Refusal({"code": -32000, "message": "insufficient funds"})
    answers = client(first, second).batch([RAW, RAW, RAW])
    assert all(answer.maybe_received for answer in answers)
    assert (len(first.asked), len(second.asked)) == (2, 1), "the first alone shows that the refusal is not about the batch"


def test_nobody_answering_the_first_requests_of_a_batch_spares_the_rest(stub, client):
    stub.http = lambda body: Http(500, b"")
    with pytest.raises(ChainUnavailable):
        client(stub).batch(reads(500))
    assert len(stub.asked) == 1


def test_one_result_for_a_whole_batch_is_nobodys(stub, client):
    stub.http = lambda body: Http(200, {"jsonrpc": "2.0", "id": 0, "result": "0x1"})
    with pytest.raises(ChainUnavailable):
        client(stub).batch(reads(3))


def test_an_empty_batch_asks_nobody(stub, client):
    assert client(stub).batch([]) == []
    assert stub.bodies == []


# --- leaving out and coming back ---------------------------------------------------------------------------------------


def two(stubs, client):
    first, second = stubs(), stubs()
    first.methods["eth_blockNumber"], second.methods["eth_blockNumber"] = "0x1", "0x2"
    return first, second, client(first, second)


def test_an_endpoint_that_failed_comes_back_after_a_pause_that_grows(stubs, client, clock):
    first, _, rpc = two(stubs, client)
    first.http = lambda body: Http(500, b"")
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        asked = len(first.asked)
        assert rpc.call("eth_blockNumber") == "0x2"
        assert len(first.asked) == asked + 1
        clock.now += pause - 0.01
        assert rpc.call("eth_blockNumber") == "0x2"
        assert len(first.asked) == asked + 1, f"still out after {pause - 0.01} s"
        clock.now += 0.01
    first.http = None
    assert rpc.call("eth_blockNumber") == "0x1"
    first.http = lambda body: Http(500, b"")
    assert rpc.call("eth_blockNumber") == "0x2"
    clock.now += 1
    first.http = None
    assert rpc.call("eth_blockNumber") == "0x1", "an answer in between makes the pause short again"


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_respected(stubs, client, clock, status):
    first, _, rpc = two(stubs, client)
    first.http = lambda body: Http(status, b"", {"Retry-After": "40"})
    assert rpc.call("eth_blockNumber") == "0x2"
    first.http = None
    clock.now += 39.9
    assert rpc.call("eth_blockNumber") == "0x2"
    clock.now += 0.1
    assert rpc.call("eth_blockNumber") == "0x1"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("86400", 300),
        ("-5", 1),
        ("soon", 1),
        ("", 1),
        (format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True), 300),
    ],
)
def test_retry_after_is_bounded_and_forgiving(stubs, client, clock, value, seconds):
    first, _, rpc = two(stubs, client)
    first.http = lambda body: Http(429, b"", {"Retry-After": value})
    assert rpc.call("eth_blockNumber") == "0x2"
    first.http = None
    clock.now += seconds - 0.01
    assert rpc.call("eth_blockNumber") == "0x2"
    clock.now += 0.01
    assert rpc.call("eth_blockNumber") == "0x1"


def test_when_all_are_left_out_the_one_that_comes_back_soonest_is_asked(stubs, client, clock):
    first, second, rpc = two(stubs, client)
    first.http = lambda body: Http(429, b"", {"Retry-After": "100"})
    second.http = lambda body: Http(429, b"", {"Retry-After": "50"})
    with pytest.raises(ChainUnavailable):
        rpc.call("eth_blockNumber")
    second.http = None
    assert rpc.call("eth_blockNumber") == "0x2"
    assert len(first.asked) == 1


def test_an_endpoint_alone_is_asked_again_at_once(stub, client):
    stub.methods["eth_blockNumber"] = "0x1"
    stub.http = lambda body: Http(429, b"", {"Retry-After": "100"})
    rpc = client(stub)
    with pytest.raises(ChainUnavailable):
        rpc.call("eth_blockNumber")
    stub.http = None
    assert rpc.call("eth_blockNumber") == "0x1"


# --- connections, chains, secrets --------------------------------------------------------------------------------------


def test_one_connection_serves_all_requests_and_a_stale_one_is_not_reused(stub, client, clock):
    stub.methods["eth_blockNumber"] = "0x1"
    rpc = client(stub)
    for _ in range(5):
        rpc.call("eth_blockNumber")
        clock.now += 10
    assert len(stub.connections) == 1
    clock.now += 60
    rpc.call("eth_blockNumber")
    assert len(stub.connections) == 2


def test_the_chain_is_asked_for_its_id_once(stub, client):
    stub.methods["eth_blockNumber"] = "0x1"
    rpc = client(stub)
    for _ in range(3):
        rpc.call("eth_blockNumber")
    assert [body["method"] for body in stub.bodies].count("eth_chainId") == 1


def test_an_endpoint_of_another_chain_is_a_fault_of_the_configuration_and_gets_nothing(stub, client):
    stub.methods["eth_chainId"] = "0x7b"
    with pytest.raises(ConfigurationError, match=r"chain 123.*chain id is 122"):
        client(stub).batch([RAW])
    assert stub.asked == []


@pytest.mark.parametrize("answer", [None, "122", "", 122, "0xzz", Refusal({"code": -32601, "message": "no such method"})])
def test_an_endpoint_that_does_not_tell_its_chain_gets_nothing(stubs, client, answer):
    first, second = stubs(), stubs()
    first.methods["eth_chainId"] = answer
    second.methods["eth_blockNumber"] = "0x2"
    assert client(first, second).call("eth_blockNumber") == "0x2"
    assert first.asked == []


def test_deep_json_is_not_read_to_the_end_of_the_stack_whatever_a_library_has_set(stub, client):
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        client(stub)
        assert sys.getrecursionlimit() <= RECURSION_LIMIT
    finally:
        sys.setrecursionlimit(limit)


def test_no_url_or_no_http_url_is_a_fault_of_the_configuration():
    for urls in ([], ["ftp://rpc.example"], ["rpc.example"], [f"http:///{KEY}"], ["wss://rpc.example"], [""]):
        with pytest.raises(ConfigurationError) as raised:
            RpcClient(urls, chain_id=122)
        assert KEY not in raised.value.message


@pytest.mark.parametrize("fault", [*FAULTS, "nobody there", "another chain", "an error that quotes it", "a hang"])
def test_an_api_key_in_a_url_reaches_no_error_and_no_log(stub, client, caplog, fault):
    caplog.set_level(logging.DEBUG)
    for name in ("urllib3", "urllib3.connectionpool"):
        assert logging.getLogger(name).level in (logging.NOTSET, logging.ERROR)
    url = stub.url
    if fault == "nobody there":
        url = f"http://127.0.0.1:{free_port()}"
    elif fault == "another chain":
        stub.methods["eth_chainId"] = "0x7b"
    elif fault == "an error that quotes it":
        stub.http = lambda body: Http(400, {"error": {"code": -32000, "message": f"no such path /v3/{KEY}"}})
    else:
        stub.http = lambda body: FAULTS.get(fault, Http(hang=True))
    url = url.replace("http://", f"http://user:{KEY}@")
    rpc = client(url, suffix=f"/v3/{KEY}?token={KEY}", answer_seconds=0.3)
    with pytest.raises((ChainUnavailable, ConfigurationError)) as raised:
        rpc.call("eth_blockNumber")
    told = "".join(traceback.format_exception(raised.value)) + repr(rpc) + caplog.text
    assert KEY not in told
    assert raised.value.__context__ is None
    assert "127.0.0.1" in repr(rpc)


# --- endpoints that lag ------------------------------------------------------------------------------------------------


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


# --- answers that belong together --------------------------------------------------------------------------------------


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
