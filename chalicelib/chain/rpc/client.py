"""JSON-RPC over several endpoints, in their order: one that fails is left out for a while, and the next one asked."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chalicelib.bounds import Bounds
from chalicelib.chain.rpc.classify import message_of
from chalicelib.chain.rpc.endpoint import Endpoint
from chalicelib.chain.rpc.exchanges import Answer, Request
from chalicelib.chain.rpc.health import RpcHealth, Uncounted
from chalicelib.chain.rpc.quantities import quantity_or_none
from chalicelib.errors import ChainUnavailable, ConfigurationError

__all__ = ["Answer", "Request", "RpcClient"]

LAG_BLOCKS = 2
"""Nodes of one network are this far apart in good health; a reorg moves the head back by as much."""
NEWEST_BLOCK: Request = ("eth_getBlockByNumber", ["latest", False])
BEST_SEEN_SECONDS = 60
"""How long the newest block seen is held against the endpoints: a chain that was reset must not be refused for ever."""


class RpcClient:
    """Every request may reach several endpoints: only what is safe to repeat may be asked, as the same signed bytes are.

    The first use of an endpoint asks for its chain id: another than `chain_id` raises ConfigurationError, from every method.
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
        """`answer_bytes` and `answer_seconds` bound one HTTP answer: its decompressed bytes, and the time until its last one.
        A receipt with a larger answer is read without its logs, up to `receipt_bytes`.
        `total_seconds` bounds one call of a method here, however often a batch is split. Each endpoint that has to be asked
        may still have one HTTP request after that.
        """
        if not urls:
            raise ConfigurationError("RPC_URLS is empty: it must hold at least one endpoint of the chain.")
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
        """The result of one read. Raises ChainUnavailable when nobody answers, or when the answer is an error."""
        answer = self.request(method, *params)
        if answer.error is not None:
            raise ChainUnavailable(f"The chain's node refused {method}: {message_of(answer.error)}.")
        return answer.result

    def request(self, method: str, *params: Any) -> Answer:
        """One answer, which may be an error. Raises ChainUnavailable when nobody answers."""
        return self.batch([(method, list(params))])[0]

    def newest_block(self) -> Mapping[str, Any]:
        """The newest block, without its transactions. Raises as `read_newest` does."""
        return self.read_newest([])[0]

    def read_newest(self, calls: Sequence[Request], until: float | None = None) -> tuple[Mapping[str, Any], list[Answer]]:
        """The newest block, without its transactions, and one answer a call, in order: all of one endpoint, in one request.

        Of several endpoints each usable one tells its newest block, and those behind the best are left out for a while: a nonce
        or a receipt read from them would be of the past. Among the answers may be errors, and requests that were not answered;
        an endpoint that answers them all is preferred. `until`, on the client's clock, stands in for its total time.

        Raises ChainUnavailable when nobody answers, or when all are behind what was seen a moment ago.
        """
        problem: object = "every one is behind the newest block seen"
        partial: tuple[Mapping[str, Any], list[Answer]] | None = None
        until = self.until() if until is None else until
        for endpoint in self._compared(until):
            block, *answers = endpoint.ask([NEWEST_BLOCK, *calls], until)
            number = _number_of(block)
            if number is None:
                problem = block.error or f"{endpoint.host} did not tell its newest block"
                continue
            self._remember(number)
            if self._is_behind(number):
                endpoint.leave_out()
                continue
            if not any(answer.passing for answer in answers):
                return block.result, answers
            partial = partial or (block.result, answers)
        if partial is None:
            raise self._down(f"can be read: {message_of(problem)}")
        return partial

    def _compared(self, until: float) -> list[Endpoint]:
        """The usable endpoints, first named first, after all but the first (it is asked next) have told their newest block."""
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

    def batch(self, calls: Sequence[Request], until: float | None = None) -> list[Answer]:
        """One answer a call, in order; errors and requests nobody answered are among them, not raised. `until`, on the client's
        clock, stands in for its total time.

        Raises ChainUnavailable when none of the calls was answered at all, and none was too slow or too large by itself.
        """
        answers = self._ask(calls, self.until() if until is None else until)
        if answers and not any(answer.answered or answer.alone for answer in answers):
            raise self._down(f"answers: {answers[0].error}")
        if answers and all(answer.passing for answer in answers):
            self._health.down()  # throttled everywhere, perhaps: answered, and no answer
        return answers

    def read_together(self, calls: Sequence[Request]) -> list[Answer]:
        """One answer a call, in order, all of one endpoint that is not behind the newest block seen; each is a result or an
        error of the node's own. Which block it stands at is asked along, in the same request.

        Raises ChainUnavailable when there is no such endpoint.
        """
        problem: object = "every one is behind the newest block seen"
        until = self.until()
        for endpoint in self._in_order():
            answers = endpoint.ask([*calls, ("eth_blockNumber", [])], until)
            lacking = next((answer for answer in answers if not answer.answered or answer.passing), None)
            number = None if lacking else quantity_or_none(answers[-1].result)
            if number is None:
                problem = lacking.error if lacking else f"{endpoint.host} did not tell its newest block"
                continue
            self._remember(number)
            if not self._is_behind(number):
                return answers[:-1]
            endpoint.leave_out()
        raise self._down(f"can be read: {message_of(problem)}")

    def until(self, seconds: float | None = None) -> float:
        """The time on the client's clock, that many seconds from now; without them, when its total time is over."""
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

    def _ask(self, calls: Sequence[Request], until: float) -> list[Answer]:
        """Each endpoint in turn is asked what is still open; an answer knows whether an earlier endpoint left a doubt."""
        answers: list[Answer | None] = [None] * len(calls)
        for endpoint in self._in_order():
            open_ = [index for index, answer in enumerate(answers) if answer is None or answer.passing]
            if not open_:
                break
            for index, answer in zip(open_, endpoint.ask([calls[index] for index in open_], until), strict=True):
                answers[index] = _better(answers[index], answer)
        return [answer for answer in answers if answer is not None]

    def _in_order(self) -> Iterator[Endpoint]:
        """Those not left out now, first named first; when all are, the one that comes back soonest, rather than none."""
        now = self._monotonic()
        usable = [endpoint for endpoint in self._endpoints if endpoint.left_out_until <= now]
        yield from usable or [min(self._endpoints, key=lambda endpoint: endpoint.left_out_until)]


def _number_of(answer: Answer) -> int | None:
    """Of the newest block that was asked for."""
    return quantity_or_none(answer.result.get("number")) if isinstance(answer.result, Mapping) else None


def _better(earlier: Answer | None, later: Answer) -> Answer:
    if earlier is None:
        return later
    doubtful = earlier.doubtful or later.doubtful
    if not earlier.answered and not later.answered:
        return replace(later, error=f"{earlier.error}; {later.error}", doubtful=doubtful)
    return replace(later if later.answered else earlier, doubtful=doubtful)
