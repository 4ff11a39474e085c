"""A receipt with tens of thousands of logs still settles its job, and keeps nobody else's receipt waiting."""

import gzip
import json
import logging
import time
import tracemalloc

import pytest

from chalicelib.bounds import Bounds
from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.networks import FUSE
from tests.unit.chain.slow_node import SlowNode
from tests.unit.chain.standing_node import WHO, standing_at
from tests.unit.chain.stub_node import Http

pytestmark = pytest.mark.slow

SMALL, LARGE, LARGER = (f"0x{number:064x}" for number in (1, 2, 3))
LOG = {
    "address": WHO,
    "topics": [],
    "data": "0x",
    "blockNumber": "0x10",
    "transactionHash": LARGE,
    "transactionIndex": "0x0",
    "blockHash": f"0x{16:064x}",
    "logIndex": "0xabcd",
    "removed": False,
}
ANSWER_BYTES = 100_000
RECEIPT_BYTES = 1_000_000


def receipt(hash_: str, status: str = "0x1") -> dict[str, object]:
    return {
        "transactionHash": hash_,
        "blockNumber": "0x10",
        "blockHash": f"0x{16:064X}",
        "gasUsed": "0x1036640",
        "effectiveGasPrice": "0x7",
        "contractAddress": WHO.lower(),
        "logs": [],
        "logsBloom": "0x" + "ff" * 256,
        "status": status,
    }


def with_logs(count: int, *, hash_: str = LARGE, status: str = "0x1") -> bytes:
    """The answer to the request for this receipt alone."""
    text = json.dumps({"jsonrpc": "2.0", "id": 0, "result": receipt(hash_, status)})
    before, after = text.split("[]")
    return f"{before}[{','.join([json.dumps(LOG)] * count)}]{after}".encode()


def receipts_in(body) -> list[str]:
    items = body if isinstance(body, list) else [body]
    return [item["params"][0] for item in items if item["method"] == "eth_getTransactionReceipt"]


def with_large(stub, answers: dict[str, bytes]):
    """The stub, as a node with these large receipts: an answer that holds one of them is as large."""
    standing_at(stub, 16).methods["eth_getTransactionReceipt"] = receipt
    stub.http = lambda body: next((Http(body=answers[hash_]) for hash_ in receipts_in(body) if hash_ in answers), None)
    return stub


def node_of(*stubs, answer_seconds: float = 5) -> Node:
    bounds = {"answer_bytes": ANSWER_BYTES, "receipt_bytes": RECEIPT_BYTES, "answer_seconds": answer_seconds}
    return Node(FUSE, RpcClient([stub.url for stub in stubs], chain_id=122, **bounds))


@pytest.mark.parametrize(("status", "succeeded", "is_zipped"), [("0x1", True, False), ("0x0", False, True)])
def test_a_receipt_of_16_megabytes_is_read_without_its_logs_in_little_memory(stub, status, succeeded, is_zipped):
    content = with_logs(44_500, status=status)
    assert len(content) > 1.5 * Bounds().rpc_answer_bytes
    with_large(stub, {LARGE: content})
    if is_zipped:
        zipped = Http(body=gzip.compress(content), headers={"Content-Encoding": "gzip"})
        stub.http = lambda body: zipped if LARGE in receipts_in(body) else None
    node = Node(FUSE, RpcClient([stub.url], chain_id=122, answer_seconds=30, total_seconds=90))  # tracing is slow
    assert node.transactions_view(WHO, [LARGE]).receipts.keys() == {LARGE}, "although it was not known to be large"
    tracemalloc.start()
    try:
        view = node.transactions_view(WHO, [LARGE])
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()
    read = view.receipts[LARGE]
    assert (read.succeeded, read.block_number, read.block_hash) == (succeeded, 16, f"0x{16:064x}")
    assert (read.gas_used, read.effective_gas_price, read.contract_address) == (17_000_000, 7, WHO)
    assert (read.events, read.transfers) == ((), None), "the logs are not known"
    assert view.too_large == frozenset()


def test_the_others_of_the_same_poll_are_read_first(stub):
    with_large(stub, {LARGE: with_logs(1_000)})
    others = [f"0x{number:064x}" for number in range(100, 140)]
    view = node_of(stub).transactions_view(WHO, [LARGE, *others])
    assert view.receipts.keys() == {LARGE, *others}
    assert receipts_in(stub.asked[-1]) == [LARGE]


def test_a_receipt_that_is_known_to_be_large_is_asked_for_alone_and_last(stub):
    with_large(stub, {LARGE: with_logs(1_000)})
    node = node_of(stub)
    node.transactions_view(WHO, [LARGE, SMALL])
    asked = len(stub.asked)
    assert node.transactions_view(WHO, [LARGE, SMALL]).receipts.keys() == {LARGE, SMALL}
    *before, last = [receipts_in(body) for body in stub.asked[asked:]]
    assert ([hash_ for hashes in before for hash_ in hashes], last) == ([SMALL], [LARGE])
    assert node.receipts([LARGE]).keys() == {LARGE}


def test_one_large_receipt_is_read_each_time_and_each_has_its_turn(stub):
    with_large(stub, {hash_: with_logs(1_000, hash_=hash_) for hash_ in (LARGE, LARGER)})
    node = node_of(stub)
    views = [node.transactions_view(WHO, [LARGE, SMALL, LARGER]) for _ in range(4)]
    read = [next(iter(view.receipts.keys() - {SMALL})) for view in views]
    assert [view.receipts.keys() | view.too_large for view in views] == [{SMALL, LARGE, LARGER}] * 4
    assert read[0] != read[1]
    assert read[2:] == read[:2]


def test_a_receipt_above_its_own_bound_is_told_apart_from_one_that_is_missing(stub, caplog):
    with_large(stub, {LARGE: with_logs(4_000)})
    assert len(with_logs(4_000)) > RECEIPT_BYTES
    node = node_of(stub)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            view = node.transactions_view(WHO, [LARGE, SMALL])
            assert (view.mined_count, view.receipts.keys(), view.too_large) == (9, {SMALL}, {LARGE})
    assert [record.message for record in caplog.records] == ["a receipt is too large to be read"]
    assert node.transactions_view(WHO, [LARGE]).too_large == {LARGE}, "although no other receipt was read"
    with pytest.raises(ChainUnavailable):
        node.receipts([LARGE])


def test_what_is_left_without_lists_is_bounded_too(stub):
    content = json.dumps({"jsonrpc": "2.0", "id": 0, "result": receipt(LARGE) | {"note": "a" * 700_000}}).encode()
    with_large(stub, {LARGE: content})
    assert node_of(stub).transactions_view(WHO, [LARGE]).too_large == {LARGE}


def test_a_large_receipt_has_the_time_of_one_answer_and_its_endpoint_is_not_blamed(stub):
    with_large(stub, {LARGE: with_logs(1_000)})
    node = node_of(stub, answer_seconds=0.4)
    node.transactions_view(WHO, [LARGE, SMALL])
    large = stub.http
    stub.http = lambda body: Http(hang=True) if receipts_in(body) == [LARGE] else large(body)
    started = time.monotonic()
    view = node.transactions_view(WHO, [LARGE, SMALL])
    assert time.monotonic() - started < 2
    assert (view.receipts.keys(), view.too_large) == ({SMALL}, {LARGE})


def test_another_endpoint_is_asked_for_all_when_one_fails_that_has_a_large_receipt(stubs):
    first, second = (with_large(stubs(), {LARGE: with_logs(1_000)}) for _ in range(2))
    node = node_of(first, second)
    node.transactions_view(WHO, [LARGE, SMALL])
    first.http = lambda body: Http(500, b"<html>")
    assert node.transactions_view(WHO, [LARGE, SMALL]).receipts.keys() == {LARGE, SMALL}


def test_receipts_that_are_large_only_together_are_not_taken_for_large_ones(stub):
    SlowNode(standing_at(stub, 16))
    hashes = [f"0x{number:064x}" for number in range(1, 41)]
    stub.methods["eth_getTransactionReceipt"] = lambda hash_: receipt(hash_) | {"logs": [LOG] * 50}
    view = node_of(stub).transactions_view(WHO, hashes)
    assert view.receipts.keys() == set(hashes)
    assert all(read.transfers == () for read in view.receipts.values())
