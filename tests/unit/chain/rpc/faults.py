"""What an endpoint may answer instead of a result, and what the tests of the RPC client share."""

import socket

from tests.unit.chain.stub_node import Http

RAW = ("eth_sendRawTransaction", ["0x02f8"])
KEY = "s3cr3t-api-key-0123456789"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


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
