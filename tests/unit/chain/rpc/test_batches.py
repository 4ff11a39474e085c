"""Batches: order, sizes, refusals of a whole batch."""

from contextlib import suppress

import pytest

from chalicelib.errors import ChainUnavailable
from tests.unit.chain.rpc.faults import RAW
from tests.unit.chain.stub_node import Http, Refusal


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
