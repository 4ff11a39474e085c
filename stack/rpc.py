"""Requests to a node, made by web3. What goes wrong is one sentence that never shows a provider's key."""

from typing import Any
from urllib.parse import urlsplit

import requests
from eth_typing import URI
from web3 import HTTPProvider, Web3
from web3.middleware import ExtraDataToPOAMiddleware
from web3.types import RPCEndpoint, RPCResponse

from stack.errors import StackError

TIMEOUT_SECONDS = 10.0


class RpcUnavailable(StackError):
    """The node gave no answer."""


class RpcRefused(StackError):
    """The node answered with an error, or with something that is not JSON-RPC."""


class Node(HTTPProvider):
    """web3's HTTP provider. It asks once, and raises RpcUnavailable or RpcRefused where web3 raises other errors."""

    def __init__(self, url: str, timeout_seconds: float = TIMEOUT_SECONDS, session: requests.Session | None = None) -> None:
        # Without a retry configuration web3 sends each request once. The time limit is one of the keywords for `requests`.
        super().__init__(URI(url), {"timeout": timeout_seconds}, session=session, exception_retry_configuration=None)
        self._shown = shown(url)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            response = super().make_request(method, params)
        except (OSError, ValueError) as error:
            raise RpcUnavailable(f"The node at {self._shown} does not answer: {_reason(error)}.") from None
        if not isinstance(response, dict) or ("result" not in response and "error" not in response):
            raise RpcRefused(f"The node at {self._shown} answers {method} with something that is not JSON-RPC.")
        refusal = response.get("error")
        if refusal is not None:
            text = refusal.get("message", refusal) if isinstance(refusal, dict) else refusal
            raise RpcRefused(f"The node at {self._shown} refuses {method}: {text}.")
        return response


def call(url: str, method: str, *params: Any, timeout: float = TIMEOUT_SECONDS) -> Any:
    """Return the `result` of one request, as JSON has it. `timeout` is in seconds.

    Raises RpcUnavailable without an answer, and RpcRefused with the node's text for an error.
    """
    with requests.Session() as session:
        return Node(url, timeout, session).make_request(RPCEndpoint(method), params)["result"]


def connect(url: str) -> Web3:
    """Return a web3 for the node. Its requests raise RpcUnavailable and RpcRefused."""
    w3 = Web3(Node(url))
    w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)  # a block of an authority chain has a longer extraData
    return w3


def chain_id(url: str) -> int:
    return int(call(url, "eth_chainId"), 16)


def node_url(url: str) -> str:
    """Return `url` when it may be a node's. Raises StackError otherwise."""
    if not url.startswith(("http://", "https://")):
        raise StackError("RPC_URL must be an http:// or https:// URL.")
    return url


def shown(url: str) -> str:
    """Return scheme, host and port: path, query and user name may hold a provider's key.

    Example: `https://user:key@node.example:8545/v2/key` gives `https://node.example:8545`.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _reason(error: BaseException) -> str:
    """Say in a few words why there is no answer. The error's own text holds the whole URL."""
    if isinstance(error, requests.Timeout):
        return "it takes too long"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, ValueError) and not isinstance(error, requests.RequestException):
        return "it sends something that is not JSON"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "there is no connection"
