"""JSON-RPC over several endpoints, in their order. One that fails is left out for a while, and the next one is asked."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.bounds import Bounds
from chalicelib.chain.rpc.answers import Answer, Request
from chalicelib.chain.rpc.classify import message_of
from chalicelib.chain.rpc.endpoint import Endpoint
from chalicelib.chain.rpc.health import RpcHealth, Uncounted
from chalicelib.chain.rpc.quantities import quantity_or_none
from chalicelib.errors import ChainUnavailable, ConfigurationError

__all__ = ["Answer", "Request", "RpcClient"]

LAG_BLOCKS = 2
"""Healthy nodes of one network are up to this many blocks apart. A reorg moves the newest block back by as many."""
NEWEST_BLOCK: Request = ("eth_getBlockByNumber", ["latest", False])
BEST_SEEN_SECONDS = 60
"""How long endpoints are compared with the newest block seen. After that, a chain that was reset is read again."""


class RpcClient:
    """A request may reach several endpoints, so it must be safe to repeat. A broadcast of the same signed bytes is.

    The first use of an endpoint asks for its chain id. Every method raises ConfigurationError when it is not `chain_id`.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        chain_id: int,
        answer_bytes: int = Bounds().rpc_answer_bytes,
        receipt_bytes: int = Bounds().rpc_receipt_bytes,
        answer_seconds: float = Bounds().rpc_answer_seconds,
        total_seconds: float = Bounds().estimate_seconds,
        monotonic: Callable[[], float] = time.monotonic,
        health: RpcHealth | None = None,
    ) -> None:
        """`answer_bytes` and `answer_seconds` bound one HTTP response: its decompressed bytes, and the time until its last
        byte. A receipt with a larger answer is read without its logs, up to `receipt_bytes`.
        `total_seconds` bounds one call of a method of this class, however often a batch is split. After that, each endpoint
        that has to be asked may still get one HTTP request.
        """
        if not urls:
            raise ConfigurationError("RPC_URLS is empty: name at least one endpoint of the chain.")
        self._health = health or Uncounted()
        self._endpoints = tuple(
            Endpoint(
                url,
                chain_id,
                monotonic,
                self._health,
                answer_bytes=answer_bytes,
                receipt_bytes=receipt_bytes,
                answer_seconds=answer_seconds,
                total_seconds=total_seconds,
            )
            for url in urls
        )
        self._total_seconds = total_seconds
        self._monotonic = monotonic
        self._best_seen, self._best_seen_at = -1, float("-inf")

    def __repr__(self) -> str:
        return f"RpcClient({', '.join(endpoint.host for endpoint in self._endpoints)})"

    def call(self, method: str, *params: Any) -> Any:
        """Return the result of one read. Raises ChainUnavailable when no endpoint answers, or when the answer is an error."""
        answer = self.request(method, *params)
        if answer.error is not None:
            raise ChainUnavailable(f"The chain's node refused {method}: {message_of(answer.error)}.")
        return answer.result

    def request(self, method: str, *params: Any) -> Answer:
        """Return one answer, which may be an error. Raises ChainUnavailable when no endpoint answers."""
        return self.batch([(method, list(params))])[0]

    def newest_block(self) -> Mapping[str, Any]:
        """Return the newest block, without its transactions. Raises as `read_newest` does."""
        return self.read_newest([])[0]

    def read_newest(self, requests: Sequence[Request], until: float | None = None) -> tuple[Mapping[str, Any], list[Answer]]:
        """Return the newest block, without its transactions, and one answer a request, in order.

        All are from one endpoint, in one HTTP request. Where there are several endpoints, each usable one is first asked for
        its newest block. Those behind the best are left out for a while, because a nonce or a receipt that they give is out of
        date. Among the answers may be errors, and requests that were not answered; an endpoint that answers them all is
        preferred. `until`, on the client's clock, replaces the total time.

        Raises ChainUnavailable when no endpoint answers, or when all are behind the newest block seen.
        """
        problem: object = "every one is behind the newest block seen"
        partial: tuple[Mapping[str, Any], list[Answer]] | None = None
        until = self.until() if until is None else until
        for endpoint in self._compared(until):
            block, *answers = endpoint.ask([NEWEST_BLOCK, *requests], until)
            number = _number_of(block)
            if number is None:
                problem = block.error or f"{endpoint.host} did not tell its newest block"
                continue
            self._remember(number)
            if self._is_behind(number):
                endpoint.leave_out()
                continue
            if not any(answer.retryable for answer in answers):
                return block.result, answers
            partial = partial or (block.result, answers)
        if partial is None:
            raise self._down(f"can be read: {message_of(problem)}")
        return partial

    def _compared(self, until: float) -> list[Endpoint]:
        """Return the usable endpoints in their order, after asking all but the first for their newest block.

        The caller asks the first one next. Endpoints that are behind are left out.
        """
        first, *others = self._in_order()
        numbers: dict[Endpoint, int] = {}
        for endpoint in others:
            number = _number_of(endpoint.ask([NEWEST_BLOCK], until)[0])
            if number is not None:
                numbers[endpoint] = number
                self._remember(number)
        for endpoint in [endpoint for endpoint, number in numbers.items() if self._is_behind(number)]:
            endpoint.leave_out()
            del numbers[endpoint]
        return [first, *numbers]

    def batch(self, requests: Sequence[Request], until: float | None = None) -> list[Answer]:
        """Return one answer a request, in order. Among them may be errors, and requests that no endpoint answered.

        `until`, on the client's clock, replaces the total time. Raises ChainUnavailable when no request was answered, and none
        exceeds a bound by itself.
        """
        answers = self._ask(requests, self.until() if until is None else until)
        if answers and not any(answer.answered or answer.over_bound for answer in answers):
            raise self._down(f"answers: {answers[0].error}")
        if answers and all(answer.retryable for answer in answers):
            self._health.down()  # such as throttled by every endpoint
        return answers

    def read_together(self, requests: Sequence[Request]) -> list[Answer]:
        """Return one answer a request, in order: a result, or an error of the node's own.

        All are from one endpoint that is not behind the newest block seen. The same HTTP request asks for its block number.

        Raises ChainUnavailable when there is no such endpoint.
        """
        problem: object = "every one is behind the newest block seen"
        until = self.until()
        for endpoint in self._in_order():
            answers = endpoint.ask([*requests, ("eth_blockNumber", [])], until)
            missing = next((answer for answer in answers if not answer.answered or answer.retryable), None)
            number = None if missing else quantity_or_none(answers[-1].result)
            if number is None:
                problem = missing.error if missing else f"{endpoint.host} did not tell its newest block"
                continue
            self._remember(number)
            if not self._is_behind(number):
                return answers[:-1]
            endpoint.leave_out()
        raise self._down(f"can be read: {message_of(problem)}")

    def until(self, seconds: float | None = None) -> float:
        """Return the time on the client's clock that is `seconds` from now; None means the total time."""
        return self._monotonic() + (self._total_seconds if seconds is None else seconds)

    def _down(self, what: str) -> ChainUnavailable:
        self._health.down()
        return ChainUnavailable(f"No RPC endpoint of the chain {what}.")

    def _remember(self, number: int) -> None:
        now = self._monotonic()
        if now - self._best_seen_at > BEST_SEEN_SECONDS or number >= self._best_seen:
            self._best_seen, self._best_seen_at = number, now

    def _is_behind(self, number: int) -> bool:
        return number < self._best_seen - LAG_BLOCKS

    def _ask(self, requests: Sequence[Request], until: float) -> list[Answer]:
        """Ask each endpoint in turn for what is still open. An answer keeps `maybe_received` of earlier endpoints."""
        answers: list[Answer | None] = [None] * len(requests)
        for endpoint in self._in_order():
            open_ = [index for index, answer in enumerate(answers) if answer is None or answer.retryable]
            if not open_:
                break
            for index, answer in zip(open_, endpoint.ask([requests[index] for index in open_], until), strict=True):
                answers[index] = _better(answers[index], answer)
        return [answer for answer in answers if answer is not None]

    def _in_order(self) -> Iterator[Endpoint]:
        """Yield the endpoints that are not left out, in their order; when all are, the one that comes back soonest."""
        now = self._monotonic()
        usable = [endpoint for endpoint in self._endpoints if endpoint.back_off.ends_at <= now]
        yield from usable or [min(self._endpoints, key=lambda endpoint: endpoint.back_off.ends_at)]


def _number_of(answer: Answer) -> int | None:
    """Return the number of the block in this answer; None where it cannot be read."""
    return quantity_or_none(answer.result.get("number")) if isinstance(answer.result, Mapping) else None


def _better(earlier: Answer | None, later: Answer) -> Answer:
    """Combine the answers of two endpoints to one request: the later one, unless only the earlier endpoint answered."""
    if earlier is None:
        return later
    maybe_received = earlier.maybe_received or later.maybe_received
    if not earlier.answered and not later.answered:
        return replace(later, error=f"{earlier.error}; {later.error}", maybe_received=maybe_received)
    return replace(later if later.answered else earlier, maybe_received=maybe_received)
