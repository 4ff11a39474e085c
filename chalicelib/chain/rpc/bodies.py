"""JSON-RPC bodies: build the body of a request, and read that of a response, which may have any shape."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.chain.rpc.answers import Request


def request_body(requests: Sequence[Request]) -> bytes:
    """Return the body of one HTTP request. The index of each request is its id.

    One request goes without a list around it, so that an error without an id is certainly its error.
    """
    items = [
        {"jsonrpc": "2.0", "id": index, "method": method, "params": params} for index, (method, params) in enumerate(requests)
    ]
    return json.dumps(items[0] if len(items) == 1 else items).encode()


def parsed(content: bytes) -> Any:
    """Return the JSON value; None for anything that is not JSON, or is nested too deep."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def is_json_rpc(body: Any) -> bool:
    return isinstance(body, list) or (isinstance(body, Mapping) and body.get("error") is not None)


def error_of(body: Any) -> Any:
    """Return the error of a response that is not a list; None where it has none."""
    return body.get("error") if isinstance(body, Mapping) else None


def error_message_of(body: Any) -> str:
    """Return the message of a response's error; empty where there is none."""
    error = error_of(body)
    message = error.get("message") if isinstance(error, Mapping) else error
    return message if isinstance(message, str) else ""


def error_of_whole_batch(body: Any) -> Any:
    """Return the one error that answers a whole batch; None where the body answers the requests of the batch.

    Such a body is one object, or a list of nothing but errors without an id, or of one error only. (geth gives that one the id
    of the first request.)
    """
    if isinstance(body, Mapping):
        return body.get("error")
    if not isinstance(body, list) or not body or not all(isinstance(item, Mapping) and item.get("error") for item in body):
        return None
    return body[0]["error"] if len(body) == 1 or all(type(item.get("id")) is not int for item in body) else None


def only_item(body: Any) -> Any:
    """Return the response to a request that was sent alone. Some nodes put a list around it."""
    return body[0] if isinstance(body, list) and len(body) == 1 else body


def items_by_id(body: Any) -> dict[int, Any]:
    """Return the responses to a batch. A response whose id comes twice is left out."""
    if not isinstance(body, list):
        return {}
    found = [item for item in body if isinstance(item, Mapping) and type(item.get("id")) is int]
    ids = [item["id"] for item in found]
    return {item["id"]: item for item in found if ids.count(item["id"]) == 1}
