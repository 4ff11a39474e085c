"""One RPC endpoint: one connection, its own back-off, and the meaning of its HTTP responses."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.chain.rpc import bodies
from chalicelib.chain.rpc.answers import Answer, BatchRefused, BoundExceeded, ExchangeResult, Request
from chalicelib.chain.rpc.backoff import BackOff
from chalicelib.chain.rpc.batching import Batches
from chalicelib.chain.rpc.classify import is_throttled, is_unsupported
from chalicelib.chain.rpc.error_objects import bounded
from chalicelib.chain.rpc.health import RpcHealth
from chalicelib.chain.rpc.http_statuses import (
    BODY_TOO_LARGE,
    GATEWAY_TIMEOUTS,
    NOT_RECEIVED,
    REFUSED_BY_THE_GATEWAY,
    TOO_MANY_REQUESTS,
    is_success,
    retry_after_seconds,
)
from chalicelib.chain.rpc.node_texts import host_of
from chalicelib.chain.rpc.quantities import quantity_or_none
from chalicelib.chain.rpc.redaction import Redaction
from chalicelib.chain.rpc.slow_contracts import runs_code
from chalicelib.chain.rpc.transport import Bound, HttpResponse, NoHttpResponse, Transport
from chalicelib.errors import ConfigurationError

INTERNAL_ERROR = -32603

RECURSION_LIMIT = 1_000
"""Python's own. py_ecc, which web3 and eth_account import, makes it 100,000: then deep JSON would crash the process."""
IDLE_SECONDS = 50.0
"""A connection that was idle for longer is not used again: load balancers drop it after 60 s, and a frozen Lambda does not
notice.
"""

_Send = Callable[[bytes, float], HttpResponse | NoHttpResponse]
"""Sends a body, and waits so many seconds for the response."""


@dataclass(frozen=True, slots=True)
class _Response:
    """One HTTP response. `body` is the parsed JSON; None when it is not JSON."""

    status: int
    body: Any
    retry_after_seconds: float | None = None


class Endpoint:
    """Not for several threads at once."""

    def __init__(
        self,
        url: str,
        chain_id: int,
        monotonic: Callable[[], float],
        health: RpcHealth,
        *,
        answer_bytes: int,
        receipt_bytes: int,
        answer_seconds: float,
        total_seconds: float,
    ) -> None:
        """The bounds are those of `RpcClient`."""
        sys.setrecursionlimit(min(sys.getrecursionlimit(), RECURSION_LIMIT))
        self.host = host_of(url)
        self.back_off = BackOff(monotonic)
        self._transport = Transport(url, answer_bytes)
        self._redaction = Redaction(url)
        self._chain_id = chain_id
        self._chain_verified = False
        self._monotonic = monotonic
        self._health = health
        self._used_at = float("-inf")
        self._answer_seconds = answer_seconds
        self._receipt_bytes = receipt_bytes
        self._batches = Batches(self, answer_seconds, total_seconds, monotonic)

    def __repr__(self) -> str:
        return f"Endpoint({self.host})"

    def ask(self, requests: Sequence[Request], until: float) -> list[Answer]:
        """Return one answer a request, in order. After `until`, on the monotonic clock, no HTTP request begins but the first.

        Raises ConfigurationError when the endpoint serves another chain.
        """
        if not self._chain_verified:
            problem = self._verify_chain()
            if problem is not None:
                return [problem] * len(requests)
        return self._batches.ask(requests, until)

    def _verify_chain(self) -> Answer | None:
        """Ask for the chain id, once a process. Return None when it is the right one, else why the endpoint cannot be used."""
        result = self.exchange([("eth_chainId", [])], self._answer_seconds)
        if isinstance(result, BoundExceeded):
            return self.fail(result.reason)
        answer = result.answer if isinstance(result, BatchRefused) else result[0]
        if not answer.answered or answer.retryable:
            return replace(answer, maybe_received=False)
        actual = quantity_or_none(answer.result)
        if actual is None:
            return self.fail(f"{self.host} did not tell its chain id")
        if actual != self._chain_id:
            raise ConfigurationError(
                f"{self.host} serves chain {actual}, but this network's chain id is {self._chain_id}: correct the RPC URLs."
            )
        self._chain_verified = True
        return None

    # --- one HTTP request ----------------------------------------------------------------------------------------------

    def exchange(self, requests: Sequence[Request], seconds: float) -> ExchangeResult:
        """Send one HTTP request. The result for a single JSON-RPC request is never BatchRefused."""
        return self._exchange(requests, seconds, self._transport.post)

    def exchange_without_lists(self, request: Request, seconds: float) -> ExchangeResult:
        """Send one request whose answer may have `receipt_bytes`. The lists inside the answer's objects become null."""

        def send(body: bytes, time_out: float) -> HttpResponse | NoHttpResponse:
            return self._transport.post_without_lists(body, time_out, self._receipt_bytes)

        return self._exchange([request], seconds, send)

    def _exchange(self, requests: Sequence[Request], seconds: float, send: _Send) -> ExchangeResult:
        if self._monotonic() - self._used_at > IDLE_SECONDS:
            self._transport.close_idle()
        response = self._post(requests, seconds, send)
        self._used_at = self._monotonic()
        if isinstance(response, _Response):
            return self._result_of(requests, response)
        return [response] * len(requests) if isinstance(response, Answer) else response

    def _post(self, requests: Sequence[Request], seconds: float, send: _Send) -> _Response | Answer | BoundExceeded:
        response = send(bodies.request_body(requests), seconds)
        if isinstance(response, NoHttpResponse):
            if response.bound is not None:
                return BoundExceeded(response.bound, response.reason)
            return self.fail(response.reason, maybe_received=response.maybe_received)
        body = bodies.parsed(response.body)
        if body is None and is_success(response.status):
            return self.fail(f"{self.host} did not answer in JSON-RPC", maybe_received=True)
        return _Response(response.status, body, retry_after_seconds(response.retry_after))

    def _result_of(self, requests: Sequence[Request], response: _Response) -> ExchangeResult:
        reason = f"{self.host} answered HTTP {response.status}"
        if response.status == TOO_MANY_REQUESTS:
            self._leave_out_for(response.retry_after_seconds)
            message = bodies.error_message_of(response.body) or reason
            return [Answer(error=self._redaction.of({"code": 429, "message": message}), retryable=True)] * len(requests)
        if self._is_no_answer(response):
            may_be_slow = any(runs_code(request) for request in requests)
            if response.status == BODY_TOO_LARGE and len(requests) > 1:
                return BatchRefused(Answer(error=reason, answered=False, retryable=True))
            if response.status == BODY_TOO_LARGE and may_be_slow:  # only this request's data is too long for the endpoint
                return BoundExceeded(Bound.BYTES, reason)
            if response.status in GATEWAY_TIMEOUTS and not response.retry_after_seconds and may_be_slow:
                return BoundExceeded(Bound.TIME, reason)
            maybe_received = response.status not in NOT_RECEIVED
            failed = self.fail(reason, maybe_received=maybe_received, retry_after=response.retry_after_seconds)
            return [failed] * len(requests)
        return self._answers(requests, response)

    def _is_no_answer(self, response: _Response) -> bool:
        """Return True unless the body is an answer in JSON-RPC.

        Some gateways refuse one method only, and with an HTTP status: that is an answer.
        """
        if response.status in REFUSED_BY_THE_GATEWAY:
            return not (bodies.is_json_rpc(response.body) and is_unsupported(bodies.error_of(response.body)))
        return not is_success(response.status) and not bodies.is_json_rpc(response.body)

    def _answers(self, requests: Sequence[Request], response: _Response) -> ExchangeResult:
        """Match the responses of a body with the requests by id. A request without exactly one response is not answered."""
        is_server_error = response.status >= 500
        if len(requests) == 1:
            items = {0: bodies.only_item(response.body)}
        elif (error := bodies.error_of_whole_batch(response.body)) is not None:
            code = error.get("code") if isinstance(error, Mapping) else None
            return BatchRefused(self._answer({"error": error}, is_unclear=is_server_error or code == INTERNAL_ERROR))
        else:
            items = bodies.items_by_id(response.body)
        answers = [self._answer(items.get(index), is_unclear=is_server_error) for index in range(len(requests))]
        if any(answer.answered and not answer.retryable for answer in answers):
            self.back_off.succeeded()
        else:
            self._leave_out_for(response.retry_after_seconds)
        return answers

    def _answer(self, item: Any, *, is_unclear: bool) -> Answer:
        """Read one JSON-RPC response. `is_unclear`: an error in it does not say that the node did nothing."""
        if isinstance(item, Mapping):
            if item.get("error") is not None:
                error = self._redaction.of(bounded(item["error"]))
                return Answer(error=error, retryable=is_unclear or is_throttled(error), maybe_received=is_unclear)
            if "result" in item:
                return Answer(result=item["result"])
        return Answer(error=f"{self.host} left out the answer", answered=False, retryable=True, maybe_received=True)

    # --- failures ------------------------------------------------------------------------------------------------------

    def fail(self, reason: str, *, maybe_received: bool = False, retry_after: float | None = None) -> Answer:
        """Leave the endpoint out for a while. Return the answer to each of its open requests."""
        self._leave_out_for(retry_after)
        return Answer(error=reason, answered=False, retryable=True, maybe_received=maybe_received)

    def leave_out(self) -> None:
        """Leave the endpoint out for a while: it answers, but it is behind the other endpoints."""
        self._leave_out_for(None)

    def _leave_out_for(self, retry_after: float | None) -> None:
        self._health.failed(self.host)
        self.back_off.failed(retry_after)
