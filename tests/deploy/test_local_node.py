"""The local node and the pages that a developer's browser has open: they may not use its unlocked accounts."""

import json
from collections.abc import Iterator, Mapping

import pytest
import requests

from stack.machine import anvil
from stack.machine.processes import Process

PAGE = {"Origin": "https://example.org"}
SIMPLE_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b")
"""A page sends these to any origin without a preflight request (Fetch standard, CORS-safelisted request headers)."""
UNLOCKED = {"jsonrpc": "2.0", "id": 1, "method": "eth_accounts", "params": []}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("node")
    process = Process("anvil", directory)
    try:
        yield anvil.start(process, directory)
    finally:
        process.stop()


def asked(url: str, method: str, headers: Mapping[str, str]) -> requests.Response:
    body = json.dumps(UNLOCKED) if method == "POST" else None
    return requests.request(method, url, data=body, headers=dict(headers), timeout=10)


def cors_headers(answer: requests.Response) -> list[str]:
    return [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_preflight_request_of_a_page_is_allowed_nothing(url: str) -> None:
    wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    assert cors_headers(asked(url, "OPTIONS", PAGE | wanted)) == []


def test_an_answer_may_not_be_read_by_a_page(url: str) -> None:
    answer = asked(url, "POST", PAGE | {"Content-Type": "application/json"})
    assert answer.json()["result"], "the local stack's own requests are answered"
    assert cors_headers(answer) == []


@pytest.mark.parametrize("content_type", SIMPLE_TYPES)
def test_what_a_page_can_send_without_a_preflight_request_does_nothing(url: str, content_type: str) -> None:
    assert '"result"' not in asked(url, "POST", PAGE | {"Content-Type": content_type}).text
