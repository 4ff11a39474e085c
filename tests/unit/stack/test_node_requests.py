"""A request to a node: its answer, or one sentence that shows no more of the URL than its host."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from stack import rpc
from stack.errors import StackError
from stack.machine.processes import free_port


class NodeAnswers(BaseHTTPRequestHandler):
    """Answers each request by its method's name: the key of `answers`."""

    answers: dict[str, tuple[int, bytes]] = {}  # noqa: RUF012 -- one for all requests

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, body = self.answers[asked["method"]]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


def reply(**content: Any) -> tuple[int, bytes]:
    return 200, json.dumps({"jsonrpc": "2.0", "id": 0, **content}).encode()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    NodeAnswers.answers = {
        "eth_chainId": reply(result="0x7a"),
        "with_a_null_error": reply(result=None, error=None),
        "refused": reply(error={"code": -32601, "message": "no such method"}),
        "refused_by_a_text": reply(error="no such method"),
        "not_json_rpc": (200, b"[]"),
        "not_json": (200, b"<html>"),
        "forbidden": (403, b"{}"),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), NodeAnswers)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://user:secret@127.0.0.1:{server.server_port}/v2/secret?token=secret"
    server.shutdown()


def test_the_result_is_as_json_has_it(url: str) -> None:
    assert rpc.call(url, "eth_chainId") == "0x7a"
    assert rpc.call(url, "with_a_null_error") is None
    assert rpc.chain_id(url) == 122
    assert rpc.connect(url).eth.chain_id == 122


@pytest.mark.parametrize(
    ("method", "kind", "sentence"),
    [
        ("refused", rpc.RpcRefused, "refuses refused: no such method."),
        ("refused_by_a_text", rpc.RpcRefused, "refuses refused_by_a_text: no such method."),
        ("not_json_rpc", rpc.RpcRefused, "answers not_json_rpc with something that is not JSON-RPC."),
        ("not_json", rpc.RpcUnavailable, "does not answer: it sends something that is not JSON."),
        ("forbidden", rpc.RpcUnavailable, "does not answer: HTTP status 403."),
    ],
)
def test_what_is_not_a_result_is_one_sentence(url: str, method: str, kind: type[StackError], sentence: str) -> None:
    with pytest.raises(kind) as refused:
        rpc.call(url, method)
    assert str(refused.value) == f"The node at {rpc.shown(url)} {sentence}"
    assert "secret" not in str(refused.value)


def test_a_node_that_does_not_run_is_one_sentence() -> None:
    url = f"http://127.0.0.1:{free_port()}/secret"
    with pytest.raises(rpc.RpcUnavailable) as refused:
        rpc.call(url, "eth_chainId")
    assert str(refused.value) == f"The node at {url.removesuffix('/secret')} does not answer: Connection refused."


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:key@node.example:8545/v2/key?token=key", "https://node.example:8545"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("https://node.example?token=key", "https://node.example"),
    ],
)
def test_only_the_host_of_a_url_is_shown(url: str, shown: str) -> None:
    assert rpc.shown(url) == shown
