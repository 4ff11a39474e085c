"""One RPC endpoint: one connection, its own back-off, and answers as raw JSON-RPC objects matched by id."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from chalicelib.chain.classify import is_throttled
from chalicelib.chain.health import RpcHealth
from chalicelib.chain.quantities import quantity_or_none
from chalicelib.chain.text import host_of
from chalicelib.chain.transport import NoReply, Transport
from chalicelib.errors import ConfigurationError

Request = tuple[str, Sequence[Any]]
"""A JSON-RPC method and its parameters."""

INTERNAL_ERROR = -32603

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
RECURSION_LIMIT = 1_000  # Python's own. py_ecc, which web3 and eth_account import, makes it 100,000: deep JSON would crash us
IDLE_SECONDS = 50.0  # load balancers drop idle connections after 60 s, and a frozen Lambda does not see it

# Refused at the edge, before any node: whatever the body says, this endpoint is of no use now, and nothing was taken.
_REFUSED_AT_THE_EDGE = frozenset({401, 403, 407, 429})
_NOT_TAKEN = _REFUSED_AT_THE_EDGE | {404, 405, 411, 413, 414, 415, 431}


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request: a result, or an error."""

    result: Any = None
    error: object = None
    """The raw JSON-RPC error object; of a request nobody answered, a sentence why."""
    answered: bool = True
    passing: bool = False
    """Another endpoint may do better."""
    doubtful: bool = False
    """An endpoint may have acted on the request without saying so."""


@dataclass(frozen=True, slots=True)
class _Reply:
    """One HTTP answer. `body` is None when it is no JSON."""

    status: int
    body: Any
    retry_after_seconds: float | None = None


class Endpoint:
    """Not for several threads at once."""

    def __init__(
        self, url: str, chain_id: int, timeout_seconds: float, monotonic: Callable[[], float], health: RpcHealth
    ) -> None:
        sys.setrecursionlimit(min(sys.getrecursionlimit(), RECURSION_LIMIT))
        self.host = host_of(url)
        self.left_out_until = float("-inf")
        self._transport = Transport(url, timeout_seconds)
        self._secrets = _secrets_of(url)
        self._chain_id = chain_id
        self._chain_verified = False
        self._monotonic = monotonic
        self._health = health
        self._failures = 0
        self._used_at = float("-inf")
        self._batch_limit: int | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.host})"

    def ask(self, calls: Sequence[Request]) -> list[Answer]:
        """One answer a call, in order. Raises ConfigurationError when the endpoint is of another chain."""
        if not self._chain_verified:
            refusal = self._verify_chain()
            if refusal is not None:
                return [refusal] * len(calls)
        answers: list[Answer] = []
        while len(answers) < len(calls):
            rest = calls[len(answers) :][: self._batch_limit]
            got = self._exchange(rest)
            if got is None:  # the batch was refused as a whole: too many items for this node, so fewer from now on
                self._batch_limit = max(1, len(rest) // 2)
                continue
            answers += got
            if not any(answer.answered for answer in got):
                answers += [replace(got[0], doubtful=False)] * (len(calls) - len(answers))
        return answers

    def _verify_chain(self) -> Answer | None:
        """None once the endpoint has named the right chain, else why it cannot be asked. It is asked once a process."""
        (answer,) = self._exchange([("eth_chainId", [])]) or [Answer()]
        if not answer.answered or answer.passing:
            return replace(answer, doubtful=False)
        actual = quantity_or_none(answer.result)
        if actual is None:
            return self._failed(f"{self.host} did not tell its chain id")
        if actual != self._chain_id:
            raise ConfigurationError(f"{self.host} serves chain {actual}, but this network's chain id is {self._chain_id}.")
        self._chain_verified = True
        return None

    # --- one HTTP request ----------------------------------------------------------------------------------------------

    def _exchange(self, calls: Sequence[Request]) -> list[Answer] | None:
        """The answers to one HTTP request; None when a batch was refused as a whole."""
        if self._monotonic() - self._used_at > IDLE_SECONDS:
            self._transport.close_idle()
        reply = self._post(calls)
        self._used_at = self._monotonic()
        if isinstance(reply, Answer):
            return [reply] * len(calls)
        sentence = f"{self.host} answered HTTP {reply.status}"
        if reply.status == 429:
            self._pause(reply.retry_after_seconds)
            told = _told(reply.body)
            return [Answer(error=self._redacted({"code": 429, "message": told or sentence}), passing=True)] * len(calls)
        if reply.status in _REFUSED_AT_THE_EDGE or (not _is_success(reply.status) and not _is_json_rpc(reply.body)):
            if reply.status == 413 and len(calls) > 1:
                return None
            doubtful = reply.status not in _NOT_TAKEN
            return [self._failed(sentence, doubtful=doubtful, retry_after=reply.retry_after_seconds)] * len(calls)
        return self._read(calls, reply)

    def _post(self, calls: Sequence[Request]) -> _Reply | Answer:
        items = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": params} for index, (method, params) in enumerate(calls)
        ]
        # One goes alone, so that an error without an id is its for certain.
        reply = self._transport.post(json.dumps(items[0] if len(items) == 1 else items).encode())
        if isinstance(reply, NoReply):
            return self._failed(reply.sentence, doubtful=reply.doubtful)
        try:
            body = json.loads(reply.body)
        except (ValueError, RecursionError):
            body = None
        if body is None and _is_success(reply.status):
            return self._failed(f"{self.host} did not answer in JSON-RPC", doubtful=True)
        return _Reply(reply.status, body, _retry_after(reply.retry_after))

    def _read(self, calls: Sequence[Request], reply: _Reply) -> list[Answer] | None:
        """Answers by id. An item that is missing, doubled or neither result nor error is one nobody answered."""
        body, items, shared = reply.body, {}, False
        if len(calls) == 1:
            items[0] = body[0] if isinstance(body, list) and len(body) == 1 else body
        elif isinstance(body, list):
            found = [item for item in body if isinstance(item, Mapping) and type(item.get("id")) is int]
            ids = [item["id"] for item in found]
            items = {item["id"]: item for item in found if ids.count(item["id"]) == 1}
        elif _is_json_rpc(body):  # one error for the whole batch
            code = body["error"].get("code") if isinstance(body["error"], Mapping) else None
            if reply.status < 500 and code != INTERNAL_ERROR and not is_throttled(body["error"]):
                return None
            items, shared = dict.fromkeys(range(len(calls)), body), code == INTERNAL_ERROR
        answers = [self._answer(items.get(index), unclear=reply.status >= 500 or shared) for index in range(len(calls))]
        if any(answer.answered and not answer.passing for answer in answers):
            self._failures, self.left_out_until = 0, float("-inf")
        else:
            self._pause(reply.retry_after_seconds)
        return answers

    def _answer(self, item: Any, *, unclear: bool) -> Answer:
        if isinstance(item, Mapping):
            if item.get("error") is not None:
                error = self._redacted(item["error"])
                return Answer(error=error, passing=unclear or is_throttled(error), doubtful=unclear)
            if "result" in item:
                return Answer(result=item["result"])
        return Answer(error=f"{self.host} left out the answer", answered=False, passing=True, doubtful=True)

    # --- failures ------------------------------------------------------------------------------------------------------

    def _failed(self, sentence: str, *, doubtful: bool = False, retry_after: float | None = None) -> Answer:
        self._pause(retry_after)
        return Answer(error=sentence, answered=False, passing=True, doubtful=doubtful)

    def leave_out(self) -> None:
        """It answers, but from the past: left out as if it had failed."""
        self._pause(None)

    def _pause(self, retry_after: float | None) -> None:
        """Leave this endpoint out: as long as it asks for, else longer with every failure in a row; both are bounded."""
        self._health.failed(self.host)
        self._failures += 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 10), LONGEST_PAUSE_SECONDS)
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


def _told(body: Any) -> str:
    """The message of a JSON-RPC error body."""
    error = body.get("error") if isinstance(body, Mapping) else None
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
