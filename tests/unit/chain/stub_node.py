"""A JSON-RPC node on the loopback, real HTTP and all, that answers what a test tells it to and remembers what it was asked."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Http:
    """One answer as it goes over the wire. `hang` keeps the connection open and says nothing until the test ends."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    drop: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Refusal(Exception):
    """Raised by a stub's method: the JSON-RPC error object of its answer."""

    def __init__(self, error: Any) -> None:
        super().__init__(error)
        self.error = error


class StubNode:
    """`methods` holds a result, or a function of the parameters, by method name. `http`, where set, answers instead of them:
    a function of the parsed request body, asked for everything but the check of the chain id.
    """

    def __init__(self) -> None:
        self.methods: dict[str, Any] = {"eth_chainId": "0x7a"}
        self.http: Callable[[Any], Http | None] | None = None
        self.bodies: list[Any] = []
        self.connections: set[tuple[str, int]] = set()
        self.released = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # headers and body in one packet: apart, they wait for each other on the loopback

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.bodies.append(body)
                stub.connections.add(self.client_address)
                answer = stub.answer(body)
                if answer.hang:
                    stub.released.wait(30)
                if answer.hang or answer.drop:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # a client that hangs up is part of many tests
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, body: Any) -> Http:
        is_chain_check = isinstance(body, dict) and body["method"] == "eth_chainId"
        told = self.http(body) if self.http and not is_chain_check else None
        if told is not None:
            return told
        return Http(body=[self.reply(item) for item in body] if isinstance(body, list) else self.reply(body))

    def reply(self, item: dict[str, Any]) -> dict[str, Any]:
        told = self.methods.get(item["method"], Refusal({"code": -32601, "message": "the method does not exist"}))
        try:
            if isinstance(told, Refusal):
                raise told
            result = told(*item["params"]) if callable(told) else told
        except Refusal as refusal:
            return {"jsonrpc": "2.0", "id": item["id"], "error": refusal.error}
        return {"jsonrpc": "2.0", "id": item["id"], "result": result}

    @property
    def asked(self) -> list[Any]:
        """The HTTP bodies, without the check of the chain id."""
        return [body for body in self.bodies if isinstance(body, list) or body["method"] != "eth_chainId"]

    def params_of(self, method: str) -> list[Any]:
        items = [item for body in self.bodies for item in (body if isinstance(body, list) else [body])]
        return [item["params"] for item in items if item["method"] == method]

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)
