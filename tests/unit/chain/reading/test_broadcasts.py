"""Raw transactions are sent in one batch, and each answer has its meaning."""

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ConfigurationError
from chalicelib.jobs.ports import BroadcastStatus
from chalicelib.networks import FUSE
from tests.unit.chain.reading.transactions import HASHES, TRANSACTIONS
from tests.unit.chain.stub_node import Http, Refusal


def statuses(broadcasts):
    return [broadcast.status for broadcast in broadcasts]


def test_raw_bytes_go_out_in_one_batch_and_each_has_its_answer(stub, node):
    refusals = {
        1: {"code": -32010, "message": "AlreadyKnown"},
        2: {"code": -32010, "message": "OldNonce, Current nonce: 3, nonce of rejected tx: 2"},
        3: {"code": -32010, "message": "InsufficientFunds, Account balance: 0"},
    }

    def sent(raw):
        index = list(HASHES).index(raw)
        if index in refusals:
            raise Refusal(refusals[index])
        return HASHES[raw]

    stub.methods["eth_sendRawTransaction"] = sent
    assert statuses(node.broadcast(TRANSACTIONS)) == [
        BroadcastStatus.ACCEPTED,
        BroadcastStatus.KNOWN,
        BroadcastStatus.NONCE_TOO_LOW,
        BroadcastStatus.UNFUNDED,
    ]
    assert len(stub.asked) == 1


@pytest.mark.parametrize("result", [None, "0x" + "0" * 64, "0x", True, {}])
def test_a_success_with_another_hash_is_not_believed(stub, node, result):
    stub.methods["eth_sendRawTransaction"] = result
    assert statuses(node.broadcast(TRANSACTIONS[:1])) == [BroadcastStatus.UNKNOWN]


@pytest.mark.parametrize("http", [Http(500, b""), Http(200, b"<html>"), Http(drop=True), Http(403, b"")])
def test_nobody_answering_leaves_every_outcome_unknown(stub, node, http):
    stub.http = lambda body: http
    assert statuses(node.broadcast(TRANSACTIONS)) == [BroadcastStatus.UNKNOWN] * 4
    assert len(stub.asked) == 1


def test_a_limit_for_the_whole_request_throttles_every_transaction(stub, node):
    stub.http = lambda body: Http(429, b"")
    assert statuses(node.broadcast(TRANSACTIONS)) == [BroadcastStatus.THROTTLED] * 4
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("insufficient funds for gas * price + value", BroadcastStatus.UNKNOWN),
        ("transaction underpriced", BroadcastStatus.UNKNOWN),
        ("replacement transaction underpriced", BroadcastStatus.UNKNOWN),
        ("intrinsic gas too low", BroadcastStatus.UNKNOWN),
        ("nonce too high", BroadcastStatus.UNKNOWN),
        ("txpool is full", BroadcastStatus.UNKNOWN),
        ("nonce too low", BroadcastStatus.NONCE_TOO_LOW),
        ("already known", BroadcastStatus.KNOWN),
        (None, BroadcastStatus.ACCEPTED),
    ],
)
def test_a_refusal_counts_only_if_no_earlier_endpoint_may_have_taken_it(stubs, message, status):
    first, second = stubs(), stubs()
    first.http = lambda body: Http(502, b"")
    second.methods["eth_sendRawTransaction"] = (
        (lambda raw: HASHES[raw]) if message is None else Refusal({"code": -32000, "message": message})
    )
    node = Node(FUSE, RpcClient([first.url, second.url], chain_id=122))
    assert statuses(node.broadcast(TRANSACTIONS[:1])) == [status]


def test_an_answer_left_out_is_unknown_and_the_others_keep_theirs(stub, node):
    stub.methods["eth_sendRawTransaction"] = lambda raw: HASHES[raw]
    stub.http = lambda body: Http(body=[stub.reply(item) for item in reversed(body) if item["id"] != 1])
    accepted, unknown = BroadcastStatus.ACCEPTED, BroadcastStatus.UNKNOWN
    assert statuses(node.broadcast(TRANSACTIONS)) == [accepted, unknown, accepted, accepted]


def test_another_chain_gets_no_transaction(stub, node):
    stub.methods["eth_chainId"] = "0x1"
    with pytest.raises(ConfigurationError):
        node.broadcast(TRANSACTIONS)
    assert stub.asked == []


def test_a_raw_transaction_in_a_nodes_answer_stays_out_of_the_message(stub, node):
    stub.methods["eth_sendRawTransaction"] = refuse_quoting
    (told,) = node.broadcast(TRANSACTIONS[:1])
    assert TRANSACTIONS[0].raw.hex()[:40] not in told.message


def refuse_quoting(raw):
    raise Refusal({"code": -32000, "message": f"cannot take {raw}"})
