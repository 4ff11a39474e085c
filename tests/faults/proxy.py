"""An HTTP proxy between worker processes and AWS and the node: it numbers their calls, and puts faults in.

Every process has a lane of its own, one loopback port, so that the proxy knows whose call it is and whom to kill. AWS is under
every path but /node. The proxy also keeps the queue's delays: it sends each message at once and tells the driver when it is
due, so that a minute of the service's time costs nothing.
"""

import base64
import http.client
import json
import os
import re
import signal
import socketserver
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from tests.faults.boundaries import Call, Choose, Kind, broadcast_hashes, jobs_named, no_fault, operation_of, passing_error
from tests.http_wire import read_request, response

THAW_SECONDS = 120.0
_HASH = re.compile(r'"B": ?"([A-Za-z0-9+/]{43}=)"')
"""32 bytes of an item."""
STORING = {"dynamodb.PutItem", "dynamodb.TransactWriteItems", "dynamodb.BatchExecuteStatement"}
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


@dataclass(frozen=True, slots=True)
class Request:
    """What a process sent. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        return operation_of(self.headers, self.body)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 16


class Lane:
    """The way of one process to everything outside of it."""

    def __init__(self, proxy: "Proxy") -> None:
        self.proxy = proxy
        self.function = ""
        self.pid = 0
        self.frozen = False
        self._told, self._tell = os.pipe()
        self._thawed = threading.Event()
        lane = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with suppress(ConnectionError, http.client.HTTPException):
                    proxy.serve(lane, self.rfile, self.connection.sendall)  # type: ignore[arg-type]

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fileno(self) -> int:
        """Readable when the process has been frozen."""
        return self._told

    def take(self, function: str) -> None:
        self.function, self.pid, self.frozen = function, 0, False
        self._thawed.clear()

    def kill(self) -> None:
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def freeze(self) -> None:
        self._thawed.clear()
        self.frozen = True
        os.kill(self.pid, signal.SIGSTOP)
        os.write(self._tell, b"f")

    def thaw(self) -> None:
        """Let it go on, and the call it was frozen at arrive."""
        os.read(self._told, 1)
        self.frozen = False
        self._thawed.set()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)

    def wait_thawed(self) -> bool:
        return self._thawed.wait(THAW_SECONDS)

    def close(self) -> None:
        self._thawed.set()
        self._server.shutdown()
        self._server.server_close()
        os.close(self._told)
        os.close(self._tell)


class Proxy:
    """`choose` decides what happens to each call; `log` has them all since `reset`."""

    def __init__(self, aws_url: str, node_url: str) -> None:
        self._aws, self._node = urlsplit(aws_url).netloc, urlsplit(node_url).netloc
        self._lock = threading.Lock()
        self._lanes: list[Lane] = []
        self._free: list[Lane] = []
        self.reset()

    def reset(self) -> None:
        """For the next case."""
        self.choose: Choose = no_fault
        self.log: list[Call] = []
        self.faults: Counter[Kind] = Counter()
        self._counts: Counter[str] = Counter()
        self.now: Callable[[], float] = lambda: 0.0
        self.stored: set[str] = set()
        """Every hash that is in a row by now."""
        self.unstored: list[str] = []
        """Hashes that were broadcast before any row had them."""
        self.due: dict[str, float] = {}
        """By message id: when the message's delay ends, in the case's time."""

    def lane(self, function: str) -> Lane:
        with self._lock:
            if not self._free:
                self._lanes.append(Lane(self))
                self._free.append(self._lanes[-1])
            lane = self._free.pop()
        lane.take(function)
        return lane

    def give_back(self, lane: Lane) -> None:
        with self._lock:
            self._free.append(lane)

    def close(self) -> None:
        for lane in self._lanes:
            lane.close()

    # --- one connection ------------------------------------------------------------------------------------------------

    def serve(self, lane: Lane, source: BinaryIO, send: Callable[[bytes], None]) -> None:
        """Requests of one connection, until either side closes it."""
        upstream: dict[str, http.client.HTTPConnection] = {}
        try:
            while (read := read_request(source)) is not None:
                request = Request(*read)
                if not self._exchange(lane, request, send, upstream):
                    return
        finally:
            for connection in upstream.values():
                connection.close()

    def _exchange(
        self,
        lane: Lane,
        request: Request,
        send: Callable[[bytes], None],
        upstream: dict[str, http.client.HTTPConnection],
    ) -> bool:
        """False when the connection is to be closed."""
        operation = request.operation
        with self._lock:
            name = f"{lane.function}:{operation}"
            self._counts[name] += 1
            count = self._counts[name]
            fault = self.choose(lane.function, operation, count)
            call = Call(self.now(), lane.pid, f"{name}#{count}", fault, about=jobs_named(request.body))
            self.log.append(call)
            if fault:
                self.faults[fault] += 1
        if fault is not None and not self._comes_through(lane, request, call, send):
            return fault is Kind.PASSING
        if operation == "node.eth_sendRawTransaction":
            self.unstored += [hash_ for hash_ in broadcast_hashes(request.body) if hash_ not in self.stored]
        status, answered, content = self._forward(request, operation, upstream)
        call.answer = f"{status} {_short(operation, status, content)}"
        if fault is Kind.KILLED_AFTER:
            lane.kill()
        if fault in (Kind.KILLED_AFTER, Kind.LOST):
            return False
        if fault is Kind.FROZEN_AFTER:
            lane.freeze()
        send(response(status, answered, content))
        return True

    def _comes_through(self, lane: Lane, request: Request, call: Call, send: Callable[[bytes], None]) -> bool:
        """Whether the call is applied at all; what befalls it when not."""
        match call.fault:
            case Kind.REFUSED if call.count % 2 == 0:
                call.answer = "503"
                send(response(503, {}, b""))
            case Kind.REFUSED:
                call.answer = "closed"
            case Kind.PASSING:
                status, text = passing_error(request.operation, request.body)
                call.answer = str(status)
                send(response(status, {"Content-Type": "application/json"}, text.encode()))
            case Kind.KILLED_BEFORE:
                lane.kill()
            case Kind.FROZEN_BEFORE:
                lane.freeze()
                return lane.wait_thawed()
            case _:
                return True
        return False

    def _forward(
        self, request: Request, operation: str, upstream: dict[str, http.client.HTTPConnection]
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the real answer."""
        body = request.body
        delays: dict[str, int] = {}
        if operation == "sqs.SendMessageBatch":
            body, delays = _without_delays(body)
        host = self._node if request.path.startswith("/node") else self._aws
        if host not in upstream:
            upstream[host] = http.client.HTTPConnection(host, timeout=30)
        connection = upstream[host]
        sent = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        connection.request(request.method, "/" if host == self._node else request.path, body, sent | {"Host": host})
        response = connection.getresponse()
        content = response.read()
        if response.will_close:
            upstream.pop(host).close()
        if operation == "sqs.SendMessageBatch" and response.status == 200:
            for entry in json.loads(content).get("Successful", []):
                self.due[entry["MessageId"]] = self.now() + delays.get(entry["Id"], 0)
        if operation in STORING and response.status == 200:
            self.stored |= {f"0x{base64.b64decode(hash_).hex()}" for hash_ in _HASH.findall(body.decode())}
        kept = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
        return response.status, kept, content


def _without_delays(body: bytes) -> tuple[bytes, dict[str, int]]:
    parsed: dict[str, Any] = json.loads(body)
    delays = {entry["Id"]: int(entry.pop("DelaySeconds", 0)) for entry in parsed["Entries"]}
    return json.dumps(parsed).encode(), delays


def _short(operation: str, status: int, content: bytes) -> str:
    """What the log says of an answer: an error's own words, and of a broadcast the node's."""
    if status != 200 or "eth_sendRawTransaction" in operation or b'"error"' in content:
        return " ".join(content[:160].decode(errors="replace").split())
    return ""
