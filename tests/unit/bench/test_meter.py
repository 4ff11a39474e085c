"""The meter between a client and what it calls: everything passes, and is counted under its name."""

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
from eth_utils.crypto import keccak

from tests.bench.meter import Lane, Meter


class Upstream(ThreadingHTTPServer):
    """Answers every request with `answer`, and keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Any = {}
        self.got: list[tuple[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Upstream
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, json.loads(body)))
        content = json.dumps(self.server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def lane(upstream: Upstream) -> Iterator[Lane]:
    meter = Meter()
    meter.aws = meter.node = upstream.url
    yield meter.lane("execute")
    meter.close()


def post(url: str, body: Any, target: str | None = None) -> Any:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("POST", parts.path or "/", json.dumps(body), {"X-Amz-Target": target} if target else {})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def test_rpc_requests_and_their_methods_are_counted(lane: Lane, upstream: Upstream) -> None:
    upstream.answer = {"result": "0x1"}
    batch = [
        {"id": number, "method": method, "params": []} for number, method in enumerate(["eth_call", "eth_call", "eth_gasPrice"])
    ]
    assert post(lane.node_url, batch) == {"result": "0x1"}
    post(lane.node_url, {"id": 1, "method": "eth_call", "params": []})
    tally = lane.take()
    assert (tally.rpc_http, dict(tally.rpc_methods)) == (2, {"eth_call": 3, "eth_gasPrice": 1})
    assert upstream.got[0] == ("/", batch)
    assert lane.take().rpc_http == 0


def test_a_broadcast_is_noted_by_its_hash_the_first_time(lane: Lane) -> None:
    raw = bytes.fromhex("02f8")
    send = {"id": 1, "method": "eth_sendRawTransaction", "params": [f"0x{raw.hex()}"]}
    post(lane.node_url, send)
    (first,) = lane.broadcasts.items()
    post(lane.node_url, [send])
    assert list(lane.broadcasts.items()) == [first]
    assert first[0] == f"0x{keccak(raw).hex()}"


def test_queue_requests_are_counted_by_the_kind_of_queue(lane: Lane) -> None:
    for name in ("execute.fifo", "confirm", "confirm"):
        post(lane.url, {"QueueUrl": f"http://queues/{name}"}, "AmazonSQS.SendMessageBatch")
    tally = lane.take()
    assert (tally.sqs_fifo, tally.sqs_standard, tally.of_service("sqs")) == (1, 2, 3)


def test_tables_are_asked_what_they_consume_and_may_be_elsewhere(lane: Lane, upstream: Upstream) -> None:
    upstream.answer = {"ConsumedCapacity": {"TableName": "jobs", "CapacityUnits": 3.0}}
    post(lane.url, {"TableName": "jobs", "Item": {}}, "DynamoDB_20120810.PutItem")
    tally = lane.take()
    assert tally.write_units == {"PutItem jobs": 3.0}
    assert tally.requests == {"dynamodb.PutItem": 1}
    assert upstream.got[-1][1]["ReturnConsumedCapacity"] == "INDEXES"


def test_a_filtered_query_is_asked_again_without_being_counted_again(lane: Lane, upstream: Upstream) -> None:
    upstream.answer = {"Items": [{"id": {"S": "x" * 5_000}}]}
    query = {"TableName": "jobs", "KeyConditionExpression": "a = b", "FilterExpression": "c = d", "Limit": 1}
    post(lane.url, query, "DynamoDB_20120810.Query")
    tally = lane.take()
    assert tally.requests == {"dynamodb.Query": 1}
    assert tally.read_units == {"Query jobs": 1.0}
    assert len(upstream.got) == 2


def test_lanes_count_apart(upstream: Upstream) -> None:
    meter = Meter()
    meter.aws = upstream.url
    one, other = meter.lane("api"), meter.lane("confirm")
    post(one.url, {}, "TrentService.Sign")
    assert (one.take().of_service("kms"), other.take().of_service("kms")) == (1, 0)
    meter.close()
