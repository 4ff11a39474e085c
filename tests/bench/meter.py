"""A proxy between functions and all they call: it counts, and changes nothing but ReturnConsumedCapacity.

Every function has a lane of its own, one loopback port, so that the meter knows whose call it is. AWS is under every path but
/node. Requests keep their signature although their body may differ: the emulators do not look at it.
"""

import http.client
import json
import socketserver
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from eth_utils.crypto import keccak

from stack import paths
from tests.bench.billing import bill, parsed, with_consumed_capacity
from tests.bench.capacity import Index, indexes_of
from tests.bench.statements import OPERATION, Statements
from tests.bench.tally import Tally
from tests.http_wire import read_request, response

UPSTREAM_TIMEOUT_SECONDS = 60
TABLES = "DynamoDB_20120810"
SERVICES = {
    TABLES: "dynamodb",
    "AmazonSQS": "sqs",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer. Header names of the request are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


class Lane:
    """One function's way to AWS and the node, and what went over it."""

    def __init__(self, meter: "Meter", function: str) -> None:
        self.function = function
        self.tally = Tally()
        self.broadcasts: dict[str, float] = {}
        """By transaction hash: when the node had answered the first request that sent it, on time.time()'s clock."""
        self.looks: defaultdict[str, list[float]] = defaultdict(list)
        """By transaction hash: when each request for its receipt came, on the same clock."""
        self._lock = threading.Lock()
        lane = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with suppress(ConnectionError, http.client.HTTPException):
                    meter.serve(lane, self.rfile, self.connection.sendall)  # type: ignore[arg-type]

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.node_url = f"{self.url}/node"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self) -> Tally:
        """What was counted since the last time."""
        with self._lock:
            taken, self.tally = self.tally, Tally()
        return taken

    def count_rpc(self, calls: Sequence[Mapping[str, Any]]) -> None:
        with self._lock:
            self.tally.rpc_http += 1
            self.tally.rpc_methods.update(str(call.get("method")) for call in calls)

    def count_aws(self, operation: str, request: Mapping[str, Any]) -> None:
        with self._lock:
            self.tally.requests[operation] += 1
            if operation.startswith("sqs."):
                fifo = str(request.get("QueueUrl", "")).endswith(".fifo")
                self.tally.sqs_fifo += fifo
                self.tally.sqs_standard += not fifo

    def count_units(self, count: Callable[[Tally], None]) -> None:
        with self._lock:
            count(self.tally)

    def note_looks(self, calls: Sequence[Mapping[str, Any]]) -> None:
        began = time.time()
        for call in calls:
            if call.get("method") == "eth_getTransactionReceipt":
                self.looks[str(call["params"][0])].append(began)

    def note_broadcast(self, calls: Sequence[Mapping[str, Any]]) -> None:
        answered = time.time()
        for call in calls:
            if call.get("method") == "eth_sendRawTransaction":
                raw = bytes.fromhex(str(call["params"][0]).removeprefix("0x"))
                self.broadcasts.setdefault(f"0x{keccak(raw).hex()}", answered)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Meter:
    """`aws` and `node` are the URLs behind it; `dynamodb` that of the tables where they are elsewhere. Set before use."""

    def __init__(self) -> None:
        self.aws = self.node = ""
        self.dynamodb: str | None = None
        self._lanes: list[Lane] = []

    def lane(self, function: str) -> Lane:
        lane = Lane(self, function)
        self._lanes.append(lane)
        return lane

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()

    def serve(self, lane: Lane, source: BinaryIO, send: Callable[[bytes], None]) -> None:
        """Requests of one connection, until its other side closes it."""
        upstream = _Upstream()
        try:
            while (read := read_request(source)) is not None:
                exchange = Exchange(*read)
                status, headers, content = self._exchange(lane, exchange, upstream)
                send(response(status, headers, content))
        finally:
            upstream.close()

    def _exchange(self, lane: Lane, exchange: Exchange, upstream: "_Upstream") -> tuple[int, dict[str, str], bytes]:
        if exchange.path.startswith("/node"):
            calls = rpc_calls(exchange.body)
            lane.count_rpc(calls)
            lane.note_looks(calls)
            answer = upstream.ask(self.node, exchange, "/", exchange.body)
            lane.note_broadcast(calls)
            return answer
        service, operation = _target(exchange.headers)
        request = parsed(exchange.body)
        lane.count_aws(f"{service}.{operation}", request)
        if service != "dynamodb":
            return upstream.ask(self.aws, exchange, exchange.path, exchange.body)
        tables = self.dynamodb or self.aws

        def ask(asked: str, plain: Mapping[str, Any]) -> Mapping[str, Any]:
            another = replace(exchange, headers={**exchange.headers, "x-amz-target": f"{TABLES}.{asked}"})
            again_status, _, again = upstream.ask(tables, another, exchange.path, json.dumps(plain).encode())
            if again_status != 200:
                raise RuntimeError(f"{asked} cannot be asked beside {operation}: {again.decode(errors='replace')}")
            return parsed(again)

        statements = Statements(request, _indexes(), ask) if operation == OPERATION else None
        body = json.dumps(with_consumed_capacity(operation, request)).encode()
        status, headers, content = upstream.ask(tables, exchange, exchange.path, body)
        if statements is not None:
            if status == 200:
                lane.count_units(lambda tally: statements.bill(tally, parsed(content)))
            return status, headers, content
        lane.count_units(lambda tally: bill(tally, operation, request, status=status, answer=parsed(content), ask=ask))
        return status, headers, content


class _Upstream:
    """One connection's connections to what is behind the meter."""

    def __init__(self) -> None:
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def ask(self, url: str, exchange: Exchange, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer."""
        host = urlsplit(url).netloc
        if host not in self._connections:
            self._connections[host] = http.client.HTTPConnection(host, timeout=UPSTREAM_TIMEOUT_SECONDS)
        sent = {name: value for name, value in exchange.headers.items() if name not in _HOP_BY_HOP}
        connection = self._connections[host]
        connection.request(exchange.method, path, body, sent | {"Host": host})
        response = connection.getresponse()
        content = response.read()
        if response.will_close:
            self._connections.pop(host).close()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
        return response.status, kept, content

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def rpc_calls(body: bytes) -> list[Mapping[str, Any]]:
    """The calls of a JSON-RPC request, alone or in a batch."""
    try:
        found = json.loads(body)
    except ValueError:
        return []
    return found if isinstance(found, list) else [found]


@cache
def _indexes() -> list[Index]:
    """Of the table of jobs, by the template: to be asked, DynamoDB Local counts all rows."""
    template = json.loads((paths.ROOT / ".chalice" / "resources.json").read_text())
    return indexes_of(template["Resources"]["JobsTable"]["Properties"])


def _target(headers: Mapping[str, str]) -> tuple[str, str]:
    prefix, _, operation = headers.get("x-amz-target", "unknown.request").partition(".")
    return SERVICES.get(prefix, prefix), operation
