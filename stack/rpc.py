"""The few JSON-RPC calls the stack makes of a node: a probe starts faster without a client library."""

import json
import urllib.request
from typing import Any

from stack.errors import StackError


class RpcUnavailable(StackError):
    """The node gave no answer."""


class RpcRefused(StackError):
    """The node answered with an error."""


def call(url: str, method: str, *params: Any, timeout: float = 10.0) -> Any:
    """The `result` of one call. Raises RpcUnavailable without an answer, RpcRefused with the node's text for an error."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 — checked by `node_url`
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:  # nosec B310 # noqa: S310 -- node_url() lets only http(s) in
            answer = json.load(response)
    except (OSError, ValueError) as error:
        raise RpcUnavailable(f"The node at {shown(url)} does not answer: {error}.") from None
    if "error" in answer:
        raise RpcRefused(f"The node at {shown(url)} refuses {method}: {answer['error'].get('message', answer['error'])}.")
    return answer["result"]


def chain_id(url: str) -> int:
    return int(call(url, "eth_chainId"), 16)


def node_url(url: str) -> str:
    """`url`, when it is one of a node. Raises StackError otherwise."""
    if not url.startswith(("http://", "https://")):
        raise StackError("RPC_URL must be an http:// or https:// URL.")
    return url


def shown(url: str) -> str:
    """The URL as it may be shown: providers put keys into path, query and user name."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.split('/')[0].split('@')[-1]}"
