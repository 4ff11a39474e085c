"""A JSON-RPC request, the answer to it, and the result of one HTTP request that carries some of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.chain.rpc.transport import Bound

Request = tuple[str, Sequence[Any]]
"""A JSON-RPC method and its parameters: `("eth_getBalance", ["0x…", "latest"])`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one request: its result, the node's error, or why no endpoint answered it."""

    result: Any = None
    """The `result` of the JSON-RPC response; None where there is an error."""
    error: object = None
    """The `error` object of the JSON-RPC response. For a request that no endpoint answered: a sentence that says why."""
    answered: bool = True
    """An endpoint answered this request, if only with an error."""
    retryable: bool = False
    """Another endpoint may answer better: this one throttles, is faulty, or did not answer."""
    maybe_received: bool = False
    """An endpoint may have received the request, and acted on it, although no answer says so. Matters for broadcasts."""
    over_bound: bool = False
    """The request exceeds the bound of time or of bytes even when it is sent by itself, to an endpoint that answers others."""


@dataclass(frozen=True, slots=True)
class BatchRefused:
    """One error came for a whole batch."""

    answer: Answer
    """The answer to each request of the batch, unless the endpoint takes them one by one."""


@dataclass(frozen=True, slots=True)
class BoundExceeded:
    """An HTTP request was given up because its answer was too slow or too large."""

    bound: Bound
    reason: str
    """A sentence without its full stop, with the endpoint's host: `node.example did not answer within 6 s`."""


ExchangeResult = list[Answer] | BatchRefused | BoundExceeded
"""Of one HTTP request: one answer a JSON-RPC request, in order, or why there are none."""
