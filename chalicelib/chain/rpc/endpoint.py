"""One RPC endpoint: one connection, its own back-off, and answers as raw JSON-RPC objects matched by id."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chalicelib.backoff import doubled
from chalicelib.chain.rpc.batching import RUNS_CODE, Batches
from chalicelib.chain.rpc.classify import is_throttled, is_unsupported
from chalicelib.chain.rpc.error_objects import bounded
from chalicelib.chain.rpc.exchanges import Answer, Cut, Outcome, Refused, Request
from chalicelib.chain.rpc.health import RpcHealth
from chalicelib.chain.rpc.node_texts import host_of
from chalicelib.chain.rpc.quantities import quantity_or_none
from chalicelib.chain.rpc.transport import Bound, NoReply, Reply, Transport
from chalicelib.errors import ConfigurationError

INTERNAL_ERROR = -32603

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
RECURSION_LIMIT = 1_000  # Python's own. py_ecc, which web3 and eth_account import, makes it 100,000: deep JSON would crash us
IDLE_SECONDS = 50.0  # load balancers drop idle connections after 60 s, and a frozen Lambda does not see it

# Refused at the edge, before any node: whatever the body says, this endpoint is of no use now, and nothing was taken.
_REFUSED_AT_THE_EDGE = frozenset({401, 403, 407, 429})
_NOT_TAKEN = _REFUSED_AT_THE_EDGE | {404, 405, 411, 413, 414, 415, 431}
_GATEWAY_TIMEOUTS = frozenset({408, 502, 503, 504, 524})
"""A gateway says with them that the node behind it was too slow, or that it is not there."""

_Send = Callable[[bytes, float], Reply | NoReply]
"""Sends a body, and waits so many seconds for its answer."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """One HTTP answer. `body` is None when it is no JSON."""

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
        self.left_out_until = float("-inf")
        self._transport = Transport(url, answer_bytes)
        self._secrets = _secrets_of(url)
        self._chain_id = chain_id
        self._chain_verified = False
        self._monotonic = monotonic
        self._health = health
        self._failures = 0
        self._used_at = float("-inf")
        self._answer_seconds = answer_seconds
        self._receipt_bytes = receipt_bytes
        self._batches = Batches(self, answer_seconds, total_seconds, monotonic)

    def __repr__(self) -> str:
        return f"Endpoint({self.host})"

    def ask(self, calls: Sequence[Request], until: float) -> list[Answer]:
        """One answer a call, in order. No HTTP request but the first begins after `until`, on the monotonic clock.

        Raises ConfigurationError when the endpoint is of another chain.
        """
        if not self._chain_verified:
            refusal = self._verify_chain()
            if refusal is not None:
                return [refusal] * len(calls)
        return self._batches.ask(calls, until)

    def _verify_chain(self) -> Answer | None:
        """None once the endpoint has named the right chain, else why it cannot be asked. It is asked once a process."""
        outcome = self.exchange([("eth_chainId", [])], self._answer_seconds)
        if isinstance(outcome, Cut):
            return self.failed(outcome.sentence)
        answer = outcome.answer if isinstance(outcome, Refused) else outcome[0]
        if not answer.answered or answer.passing:
            return replace(answer, doubtful=False)
        actual = quantity_or_none(answer.result)
        if actual is None:
            return self.failed(f"{self.host} did not tell its chain id")
        if actual != self._chain_id:
            raise ConfigurationError(f"{self.host} serves chain {actual}, but this network's chain id is {self._chain_id}.")
        self._chain_verified = True
        return None

    # --- one HTTP request ----------------------------------------------------------------------------------------------

    def exchange(self, calls: Sequence[Request], seconds: float) -> Outcome:
        """One HTTP request. One that goes alone is never Refused."""
        return self._exchange(calls, seconds, self._transport.post)

    def skim(self, call: Request, seconds: float) -> Outcome:
        """Ask for one answer that is bounded by `receipt_bytes`, and leave out the lists in it."""
        return self._exchange([call], seconds, lambda body, time_out: self._transport.skim(body, time_out, self._receipt_bytes))

    def _exchange(self, calls: Sequence[Request], seconds: float, send: _Send) -> Outcome:
        if self._monotonic() - self._used_at > IDLE_SECONDS:
            self._transport.close_idle()
        reply = self._post(calls, seconds, send)
        self._used_at = self._monotonic()
        if isinstance(reply, _Reply):
            return self._outcome(calls, reply)
        return [reply] * len(calls) if isinstance(reply, Answer) else reply

    def _outcome(self, calls: Sequence[Request], reply: _Reply) -> Outcome:
        sentence = f"{self.host} answered HTTP {reply.status}"
        if reply.status == 429:
            self._pause(reply.retry_after_seconds)
            told = _told(reply.body)
            return [Answer(error=self._redacted({"code": 429, "message": told or sentence}), passing=True)] * len(calls)
        if self._is_no_answer(reply):
            if reply.status == 413 and len(calls) > 1:
                return Refused(Answer(error=sentence, answered=False, passing=True))
            if reply.status == 413 and _run_code(calls):  # one call's data is too long for this endpoint, which serves others
                return Cut(Bound.BYTES, sentence)
            if reply.status in _GATEWAY_TIMEOUTS and not reply.retry_after_seconds and _run_code(calls):
                return Cut(Bound.TIME, sentence)
            doubtful = reply.status not in _NOT_TAKEN
            return [self.failed(sentence, doubtful=doubtful, retry_after=reply.retry_after_seconds)] * len(calls)
        return self._read(calls, reply)

    def _is_no_answer(self, reply: _Reply) -> bool:
        """Not by JSON-RPC. Some gateways refuse a method, and nothing else, with an HTTP status for all."""
        if reply.status in _REFUSED_AT_THE_EDGE:
            return not (_is_json_rpc(reply.body) and is_unsupported(_error_of(reply.body)))
        return not _is_success(reply.status) and not _is_json_rpc(reply.body)

    def _post(self, calls: Sequence[Request], seconds: float, send: _Send) -> _Reply | Answer | Cut:
        items = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": params} for index, (method, params) in enumerate(calls)
        ]
        # One goes alone, so that an error without an id is its for certain.
        reply = send(json.dumps(items[0] if len(items) == 1 else items).encode(), seconds)
        if isinstance(reply, NoReply):
            if reply.bound is not None:
                return Cut(reply.bound, reply.sentence)
            return self.failed(reply.sentence, doubtful=reply.doubtful)
        try:
            body = json.loads(reply.body)
        except (ValueError, RecursionError):
            body = None
        if body is None and _is_success(reply.status):
            return self.failed(f"{self.host} did not answer in JSON-RPC", doubtful=True)
        return _Reply(reply.status, body, _retry_after(reply.retry_after))

    def _read(self, calls: Sequence[Request], reply: _Reply) -> Outcome:
        """Answers by id. An item that is missing, doubled or neither result nor error is one nobody answered."""
        body, items = reply.body, {}
        if len(calls) == 1:
            items[0] = body[0] if isinstance(body, list) and len(body) == 1 else body
        elif (error := _refusal_of(body)) is not None:
            code = error.get("code") if isinstance(error, Mapping) else None
            doubtful = reply.status >= 500 or code == INTERNAL_ERROR
            return Refused(self._answer({"error": error}, unclear=doubtful))
        elif isinstance(body, list):
            found = [item for item in body if isinstance(item, Mapping) and type(item.get("id")) is int]
            ids = [item["id"] for item in found]
            items = {item["id"]: item for item in found if ids.count(item["id"]) == 1}
        answers = [self._answer(items.get(index), unclear=reply.status >= 500) for index in range(len(calls))]
        if any(answer.answered and not answer.passing for answer in answers):
            self._failures, self.left_out_until = 0, float("-inf")
        else:
            self._pause(reply.retry_after_seconds)
        return answers

    def _answer(self, item: Any, *, unclear: bool) -> Answer:
        if isinstance(item, Mapping):
            if item.get("error") is not None:
                error = self._redacted(bounded(item["error"]))
                return Answer(error=error, passing=unclear or is_throttled(error), doubtful=unclear)
            if "result" in item:
                return Answer(result=item["result"])
        return Answer(error=f"{self.host} left out the answer", answered=False, passing=True, doubtful=True)

    # --- failures ------------------------------------------------------------------------------------------------------

    def failed(self, sentence: str, *, doubtful: bool = False, retry_after: float | None = None) -> Answer:
        """Leave the endpoint out for a while. Returns what each of its open requests is told."""
        self._pause(retry_after)
        return Answer(error=sentence, answered=False, passing=True, doubtful=doubtful)

    def leave_out(self) -> None:
        """It answers, but from the past: left out as if it had failed."""
        self._pause(None)

    def _pause(self, retry_after: float | None) -> None:
        """Leave this endpoint out: as long as it asks for, else longer with every failure in a row; both are bounded."""
        self._health.failed(self.host)
        self._failures += 1
        pause = doubled(FIRST_PAUSE_SECONDS, self._failures - 1, LONGEST_PAUSE_SECONDS)
        self.left_out_until = self._monotonic() + max(pause, min(retry_after or 0, LONGEST_RETRY_AFTER_SECONDS))

    def _redacted(self, error: Any) -> Any:
        """The error without the parts of this endpoint's URL, should the answer quote them."""
        if isinstance(error, str):
            for secret in self._secrets:
                error = error.replace(secret, "…")
            return error
        if isinstance(error, Mapping):
            return {key: self._redacted(value) for key, value in error.items()}
        return error


def _secrets_of(url: str) -> tuple[str, ...]:
    parts = urlsplit(url)
    pieces = [
        parts.username or "",
        parts.password or "",
        *parts.path.split("/"),
        *(value for _, value in parse_qsl(parts.query)),
    ]
    return tuple(piece for piece in pieces if len(piece) >= 12)  # shorter ones are words, such as mainnet


def _is_success(status: int) -> bool:
    return 200 <= status < 300


def _is_json_rpc(body: Any) -> bool:
    return isinstance(body, list) or (isinstance(body, Mapping) and body.get("error") is not None)


def _run_code(calls: Sequence[Request]) -> bool:
    return any(method in RUNS_CODE for method, _ in calls)


def _error_of(body: Any) -> Any:
    return body.get("error") if isinstance(body, Mapping) else None


def _refusal_of(body: Any) -> Any:
    """The error that stands for a whole batch, else None: one object, or a list in which nothing but errors without an id, or
    one error alone, stands (geth gives it the id of the first request).
    """
    if isinstance(body, Mapping):
        return body.get("error")
    if not isinstance(body, list) or not body or not all(isinstance(item, Mapping) and item.get("error") for item in body):
        return None
    return body[0]["error"] if len(body) == 1 or all(type(item.get("id")) is not int for item in body) else None


def _told(body: Any) -> str:
    """The message of a JSON-RPC error body."""
    error = _error_of(body)
    message = error.get("message") if isinstance(error, Mapping) else error
    return message if isinstance(message, str) else ""


def _retry_after(value: str) -> float | None:
    """RFC 9110 section 10.2.3: seconds, or a date."""
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        return (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds() if value else None
    except (TypeError, ValueError):
        return None
