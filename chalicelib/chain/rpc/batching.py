"""Sends many requests to one endpoint, in HTTP requests that it takes and answers within the bounds of bytes and time.

- A batch that is refused as a whole is split, whatever the refusal says. A request that is sent by itself decides what it
  means.
- A batch whose answer exceeds a bound is split, until the request that exceeds it is by itself.
- A receipt that is too large by itself is read after all else, without its logs. One such receipt is read in each call.
- All HTTP requests of one call share one total time. A request that there was no time for is left without an answer.
- How many requests fit is remembered. So is which contracts were slow: requests that run them are sent last.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from chalicelib.chain.rpc.answers import Answer, BatchRefused, BoundExceeded, ExchangeResult, Request
from chalicelib.chain.rpc.batch_sizes import BatchSizes
from chalicelib.chain.rpc.classify import meets_own_bound, message_of
from chalicelib.chain.rpc.large_receipts import LargeReceipts
from chalicelib.chain.rpc.open_requests import OpenRequests
from chalicelib.chain.rpc.slow_contracts import SlowContracts
from chalicelib.chain.rpc.transport import Bound

PROBE: Request = ("eth_call", [{"to": "0x" + "0" * 40, "data": "0x"}, "latest"])
"""A call of an address without code. An endpoint that answers it in time can run code in time."""
SPLIT_INTO = 4
LEAST_SECONDS = 0.05
NOT_ITS_TURN = "the receipt is large, and it was not its turn to be read"


class Connection(Protocol):
    """One endpoint's connection: `chalicelib.chain.rpc.endpoint.Endpoint`."""

    def exchange(self, requests: Sequence[Request], seconds: float) -> ExchangeResult:
        """Send one HTTP request. The result for a single JSON-RPC request is never BatchRefused."""

    def exchange_without_lists(self, request: Request, seconds: float) -> ExchangeResult:
        """Send one request whose answer is large. The lists inside the answer's objects become null."""

    def fail(self, reason: str, *, maybe_received: bool = False) -> Answer:
        """Leave the endpoint out for a while. Return the answer to each of its open requests."""


class Batches:
    """Not for several threads at once."""

    def __init__(
        self, connection: Connection, answer_seconds: float, total_seconds: float, monotonic: Callable[[], float]
    ) -> None:
        """`answer_seconds` bounds one HTTP request. A batch that runs code first gets a third of `total_seconds`, and its parts
        a twelfth each. So there is time to find the slow requests in it.
        """
        self._connection = connection
        self._answer_seconds = answer_seconds
        self._first_seconds = min(answer_seconds, total_seconds / 3)
        self._part_seconds = min(answer_seconds, total_seconds / 12)
        self._monotonic = monotonic
        self._sizes = BatchSizes(monotonic)
        self._slow = SlowContracts()
        self._large = LargeReceipts()

    def ask(self, requests: Sequence[Request], until: float) -> list[Answer]:
        """Return one answer a request, in order. `until` is on the monotonic clock; the first HTTP request is always sent."""
        self._sizes.forget_old_refusal()
        slow = {index for index, request in enumerate(requests) if self._slow.is_slow(request)}
        large = self._large.known_among(requests)
        others = [index for index in range(len(requests)) if index not in slow.union(large)]
        open_ = OpenRequests(requests, until, deque([others] if others else []), sorted(slow), large)
        while open_.groups and self._has_time(open_):
            self._send_part(open_, self._next_part(open_))
        while open_.slow and self._has_time(open_):
            self._send_alone(open_, open_.slow.pop(0))
        if open_.large and not open_.has_ended:
            self._read_large(open_)
        self._check_that_code_runs(open_)
        return open_.in_order()

    # --- time ----------------------------------------------------------------------------------------------------------

    def _has_time(self, open_: OpenRequests) -> bool:
        return not open_.http_requests or open_.until - self._monotonic() > LEAST_SECONDS

    def _seconds_for(self, open_: OpenRequests, part: Sequence[int]) -> float:
        if any(open_.runs_code(index) for index in part):
            return self._within(open_, self._part_seconds if open_.exceeded_a_bound else self._first_seconds)
        return self._within(open_, self._first_seconds if open_.exceeded_a_bound else self._answer_seconds)

    def _within(self, open_: OpenRequests, seconds: float) -> float:
        """Return `seconds`, or what is left where that is less.

        The first HTTP request has a little time in any case, because another endpoint may have used up the total.
        """
        least = LEAST_SECONDS if open_.http_requests else 2 * self._part_seconds
        return min(seconds, max(open_.until - self._monotonic(), least))

    # --- parts ---------------------------------------------------------------------------------------------------------

    def _next_part(self, open_: OpenRequests) -> list[int]:
        """Take as many requests of the next group as fit into one HTTP request."""
        group = open_.take_group()
        size = self._sizes.fitting(open_.of(group))
        open_.put_back(group[size:])
        return group[:size]

    def _exchange(self, open_: OpenRequests, part: Sequence[int], seconds: float) -> ExchangeResult:
        open_.http_requests += 1
        return self._connection.exchange(open_.of(part), seconds)

    def _send_part(self, open_: OpenRequests, part: list[int]) -> None:
        started, seconds = self._monotonic(), self._seconds_for(open_, part)
        result = self._exchange(open_, part, seconds)
        match result:
            case BatchRefused(answer):
                self._split_refused(open_, part, answer)
            case BoundExceeded():
                self._split_exceeding(open_, part, result)
            case answers:
                if self._keep(open_, part, answers) and self._monotonic() - started <= seconds / 4:
                    self._sizes.grow(open_.of(part))

    def _keep(self, open_: OpenRequests, part: Sequence[int], answers: Sequence[Answer]) -> bool:
        """Keep the answers. Return True if every request has one.

        A request that met the node's own bound is put back, to be sent with fewer others.
        """
        again = [index for index, answer in zip(part, answers, strict=True) if meets_own_bound(answer.error)]
        for index, answer in zip(part, answers, strict=True):
            if index not in again:
                open_.answers[index] = answer
                open_.ran_code |= open_.runs_code(index) and answer.answered and not answer.retryable
            elif len(part) == 1:
                open_.answers[index] = replace(answer, over_bound=True)
        if not any(answer.answered for answer in answers):
            open_.end(replace(answers[0], maybe_received=False))
        elif all(answer.retryable for answer in answers):  # throttled: fewer at once the next time
            self._sizes.shrink(open_.of(part), 2)
            open_.end(replace(answers[0], maybe_received=False))
        elif again and len(part) > 1:
            open_.exceeded_a_bound = True
            self._sizes.shrink(open_.of(part), SPLIT_INTO if len(again) == len(part) else 2)
            open_.put_back(again, SPLIT_INTO if len(again) == len(part) else 1)
        else:
            return True
        return False

    # --- refusals of a whole batch ----------------------------------------------------------------------------------------

    def _split_refused(self, open_: OpenRequests, part: list[int], refusal: Answer) -> None:
        """Send the first request by itself, once. A refusal with the same words is not about the batch, and ends everything."""
        if refusal.maybe_received:
            open_.maybe_received.update(part)
        rest = part
        if not open_.sent_one_alone:
            open_.sent_one_alone = True
            first, *rest = part
            self._send_part(open_, [first])
            own = open_.answers.get(first)
            if own is not None and (own.retryable or message_of(own.error) == message_of(refusal.error) != ""):
                open_.end(replace(refusal, retryable=refusal.retryable or own.retryable))
                return
        self._sizes.refused(len(part))
        open_.put_back(rest)

    # --- answers that are too slow or too large -----------------------------------------------------------------------------

    def _split_exceeding(self, open_: OpenRequests, part: list[int], exceeded: BoundExceeded) -> None:
        running = [index for index in part if open_.runs_code(index)]
        if not running and (exceeded.bound is Bound.TIME or len(part) == 1):
            self._exceeded_without_code(open_, part, exceeded)
            return
        is_first, open_.exceeded_a_bound = not open_.exceeded_a_bound, True
        open_.maybe_received.update(part)
        if len(part) == 1:
            self._slow.remember(open_.requests[part[0]])
            open_.delay_contract_of(part[0])
            if exceeded.bound is Bound.BYTES:
                open_.answers[part[0]] = _over_bound(exceeded)
            else:
                open_.slow.append(part[0])
        else:
            self._sizes.shrink(open_.of(part), SPLIT_INTO)
        without_code = [index for index in part if index not in running] if running else []
        if len(part) > 1:
            open_.put_back(running or part, SPLIT_INTO)
        if without_code:  # so that a slow contract does not cost their answers
            self._send_part(open_, without_code)
        elif is_first and exceeded.bound is Bound.TIME and not open_.answers:
            self._probe(open_, exceeded.reason)

    def _exceeded_without_code(self, open_: OpenRequests, part: Sequence[int], exceeded: BoundExceeded) -> None:
        if exceeded.bound is Bound.TIME:
            open_.end(self._connection.fail(exceeded.reason, maybe_received=True))
        else:
            open_.answers[part[0]] = _over_bound(exceeded)
            if self._large.remember(open_.requests[part[0]]):
                open_.large.append(part[0])

    def _read_large(self, open_: OpenRequests) -> None:
        """Read one of the large receipts, without its logs. The others are left to later calls of `ask`."""
        for index in open_.large:
            open_.answers.setdefault(index, Answer(error=NOT_ITS_TURN, answered=False, maybe_received=True, over_bound=True))
        if not self._has_time(open_):
            return
        index = self._large.next_to_read(open_.requests, open_.large)
        seconds = self._within(open_, self._answer_seconds)
        open_.http_requests += 1
        match self._connection.exchange_without_lists(open_.requests[index], seconds):
            case BoundExceeded() as exceeded:
                open_.answers[index] = _over_bound(exceeded)
                self._large.log_unreadable(open_.requests[index], exceeded)
            case BatchRefused(answer):
                open_.answers[index] = answer
            case answers:
                self._keep(open_, [index], answers)

    def _send_alone(self, open_: OpenRequests, index: int) -> None:
        """Send one slow request, with all the time that one HTTP request may have."""
        seconds, started = self._within(open_, self._answer_seconds), self._monotonic()
        result = self._exchange(open_, [index], seconds)
        match result:
            case BoundExceeded(bound):
                had_its_time = bound is Bound.BYTES or seconds >= self._answer_seconds / 2
                open_.answers[index] = _over_bound(result) if had_its_time else Answer(error=result.reason, answered=False)
            case BatchRefused(answer):
                open_.answers[index] = answer
            case answers:
                self._keep(open_, [index], answers)
                if self._monotonic() - started < self._part_seconds and not open_.answers[index].over_bound:
                    self._slow.forget(open_.requests[index])

    def _check_that_code_runs(self, open_: OpenRequests) -> None:
        """Before requests are answered as over their bound, check that the endpoint is not slow to run any code."""
        over = [index for index, answer in open_.answers.items() if answer.over_bound and not answer.answered]
        over = [index for index in over if index not in open_.large]
        if over and not open_.ran_code:
            self._probe(open_, str(open_.answers[over[0]].error), over)

    def _probe(self, open_: OpenRequests, reason: str, over_bound: Sequence[int] = ()) -> None:
        """Send PROBE. If it is not answered in time, leave the endpoint out: then `over_bound` are not over their bound."""
        result = self._connection.exchange([PROBE], self._part_seconds)
        if isinstance(result, list) and result[0].answered and not meets_own_bound(result[0].error):
            open_.ran_code = True
            return
        failed = result[0] if isinstance(result, list) else self._connection.fail(reason, maybe_received=True)
        for index in over_bound:
            del open_.answers[index]
        open_.end(replace(failed, answered=False, retryable=True))


def _over_bound(exceeded: BoundExceeded) -> Answer:
    return Answer(error=exceeded.reason, answered=False, maybe_received=True, over_bound=True)
