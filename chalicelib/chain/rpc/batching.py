"""Many requests to one endpoint, in HTTP requests that it takes, and answers within the bounds of bytes and time.

- A batch that is refused as a whole is split, whatever the refusal says. A request that goes alone decides what it means.
- A batch whose answer is too slow or too large is split until the request that makes it so stands alone.
- A receipt that is too large by itself is read at the end, without its logs: one of them each time.
- All of it has one total time. What it does not reach is left without an answer.
- What fits is remembered, and so is which contracts were slow: those are asked last.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from chalicelib.chain.reading.large_receipts import LargeReceipts
from chalicelib.chain.rpc.classify import meets_own_bound, message_of
from chalicelib.chain.rpc.exchanges import Answer, Cut, Outcome, Refused, Request
from chalicelib.chain.rpc.transport import Bound

BATCH_ITEMS = 100  # a last one above it goes along
BATCH_CHARACTERS = 1_000_000  # geth refuses bodies above 5 MB, some proxies far smaller ones
RUNS_CODE = frozenset({"eth_estimateGas", "eth_call", "eth_simulateV1"})
"""What an issuer's contract may make slow or large. Other requests are answered at once, or the endpoint is down."""
PROBE: Request = ("eth_call", [{"to": "0x" + "0" * 40, "data": "0x"}, "latest"])
"""A call of no code: who answers it in time runs code in time."""
SPLIT_INTO = 4
REMEMBERED_SUSPECTS = 200
REFUSAL_REMEMBERED_SECONDS = 600.0
LEAST_SECONDS = 0.05
NO_TIME_LEFT = "there was no time left to ask for it"
NOT_ITS_TURN = "the receipt is large, and it was not its turn to be read"


class Connection(Protocol):
    """One endpoint's connection."""

    def exchange(self, calls: Sequence[Request], seconds: float) -> Outcome:
        """One HTTP request. One that goes alone is never Refused."""

    def skim(self, call: Request, seconds: float) -> Outcome:
        """The same for one request whose answer is large: the lists in the answer are left out."""

    def failed(self, sentence: str, *, doubtful: bool = False) -> Answer:
        """Leave the endpoint out for a while. Returns what each of its open requests is told."""


@dataclass
class _Asking:
    """What is open of one call of `ask`."""

    calls: Sequence[Request]
    until: float
    queue: deque[list[int]]
    """Groups, each to be asked in one HTTP request if it fits. One that was cut off comes back in several."""
    late: list[int]
    """Asked by themselves, at the end: they were slow before."""
    large: list[int]
    """Receipts to be read without their logs, after all else."""
    answers: dict[int, Answer] = field(default_factory=dict)
    doubtful: set[int] = field(default_factory=set)
    requests: int = 0
    was_cut: bool = False
    from_the_back: bool = False
    tried_alone: bool = False
    """One request of a refused batch was asked by itself, so that the refusal is known to be about batches."""
    ran_code: bool = False
    has_ended: bool = False

    def runs_code(self, index: int) -> bool:
        return self.calls[index][0] in RUNS_CODE

    def put_back(self, part: Sequence[int], groups: int = 1) -> None:
        """Where it was taken from, in so many groups."""
        size = -(-len(part) // groups)
        pieces = [list(part[start : start + size]) for start in range(0, len(part), size)] if part else []
        if self.from_the_back:
            self.queue.extend(pieces)
        else:
            self.queue.extendleft(reversed(pieces))

    def end(self, answer: Answer) -> None:
        """Everything open gets this answer."""
        self.has_ended = True
        for index in range(len(self.calls)):
            self.answers.setdefault(index, answer)
        self.queue.clear()
        self.late.clear()

    def in_order(self) -> list[Answer]:
        self.end(Answer(error=NO_TIME_LEFT, answered=False))
        answers = (self.answers[index] for index in range(len(self.calls)))
        return [replace(one, doubtful=True) if index in self.doubtful else one for index, one in enumerate(answers)]


class Batches:
    """Not for several threads at once."""

    def __init__(
        self, connection: Connection, answer_seconds: float, total_seconds: float, monotonic: Callable[[], float]
    ) -> None:
        """`answer_seconds` bounds one HTTP request. A batch that runs contracts gets a third of `total_seconds` at first, and
        its parts a twelfth each, so that there is time to find who is slow.
        """
        self._connection = connection
        self._answer_seconds = answer_seconds
        self._first_seconds = min(answer_seconds, total_seconds / 3)
        self._part_seconds = min(answer_seconds, total_seconds / 12)
        self._monotonic = monotonic
        self._fits: dict[bool, int] = {True: BATCH_ITEMS, False: BATCH_ITEMS}
        """How many requests that run code, and that do not, are answered in one HTTP request."""
        self._most = BATCH_ITEMS
        """How many the endpoint takes in one, as its refusals tell."""
        self._most_until = float("inf")
        self._suspects: dict[Any, None] = {}
        self._large = LargeReceipts()

    def ask(self, calls: Sequence[Request], until: float) -> list[Answer]:
        """One answer a call, in order. `until` is on the monotonic clock; the first HTTP request is made in any case."""
        if self._monotonic() > self._most_until:
            self._most, self._most_until = BATCH_ITEMS, float("inf")
        suspects = {index for index, call in enumerate(calls) if self._suspects and _suspect(call) in self._suspects}
        large = self._large.among(calls)
        others = (index for index in range(len(calls)) if index not in suspects.union(large))
        asking = _Asking(calls, until, deque(group for group in [list(others)] if group), sorted(suspects), large)
        while asking.queue and self._has_time(asking):
            self._ask_part(asking, self._next_part(asking))
        while asking.late and self._has_time(asking):
            self._ask_alone(asking, asking.late.pop(0))
        if asking.large and not asking.has_ended:
            self._read_large(asking)
        self._accuse(asking)
        return asking.in_order()

    # --- parts ---------------------------------------------------------------------------------------------------------

    def _has_time(self, asking: _Asking) -> bool:
        return not asking.requests or asking.until - self._monotonic() > LEAST_SECONDS

    def _next_part(self, asking: _Asking) -> list[int]:
        """As much of a group as fits; after a cut from either end in turn, so that nobody waits behind all that is slow."""
        asking.from_the_back = asking.was_cut and not asking.from_the_back
        group = asking.queue.pop() if asking.from_the_back else asking.queue.popleft()
        most = BATCH_ITEMS + 1 if self._most == BATCH_ITEMS == len(group) - 1 else self._most
        characters, counts, size = 0, {True: 0, False: 0}, 0
        for index in group[:most]:
            kind = asking.runs_code(index)
            characters += len(str(asking.calls[index][1]))
            if size and (counts[kind] >= self._fits[kind] or characters > BATCH_CHARACTERS):
                break
            counts[kind] += 1
            size += 1
        asking.put_back(group[size:])
        return group[:size]

    def _seconds_for(self, asking: _Asking, part: Sequence[int]) -> float:
        if any(asking.runs_code(index) for index in part):
            return self._within(asking, self._part_seconds if asking.was_cut else self._first_seconds)
        return self._within(asking, self._first_seconds if asking.was_cut else self._answer_seconds)

    def _within(self, asking: _Asking, seconds: float) -> float:
        """No more than is left. The first HTTP request has a little time in any case: another endpoint may have used it up."""
        least = LEAST_SECONDS if asking.requests else 2 * self._part_seconds
        return min(seconds, max(asking.until - self._monotonic(), least))

    def _exchange(self, asking: _Asking, part: Sequence[int], seconds: float) -> Outcome:
        asking.requests += 1
        return self._connection.exchange([asking.calls[index] for index in part], seconds)

    def _ask_part(self, asking: _Asking, part: list[int]) -> None:
        started, seconds = self._monotonic(), self._seconds_for(asking, part)
        outcome = self._exchange(asking, part, seconds)
        match outcome:
            case Refused(answer):
                self._split_refused(asking, part, answer)
            case Cut():
                self._split_cut(asking, part, outcome)
            case answers:
                if self._take(asking, part, answers) and self._monotonic() - started <= seconds / 4:
                    self._grow(asking, part)

    def _take(self, asking: _Asking, part: Sequence[int], answers: Sequence[Answer]) -> bool:
        """Keep what was answered: True if all was. What met the node's own bound goes back, to be asked with fewer others."""
        again = [index for index, answer in zip(part, answers, strict=True) if meets_own_bound(answer.error)]
        for index, answer in zip(part, answers, strict=True):
            if index not in again:
                asking.answers[index] = answer
                asking.ran_code |= asking.runs_code(index) and answer.answered and not answer.passing
            elif len(part) == 1:
                asking.answers[index] = replace(answer, alone=True)
        if not any(answer.answered for answer in answers):
            asking.end(replace(answers[0], doubtful=False))
        elif all(answer.passing for answer in answers):  # throttled: fewer at once the next time
            self._shrink(asking, part, 2)
            asking.end(replace(answers[0], doubtful=False))
        elif again and len(part) > 1:
            asking.was_cut = True
            self._shrink(asking, part, SPLIT_INTO if len(again) == len(part) else 2)
            asking.put_back(again, SPLIT_INTO if len(again) == len(part) else 1)
        else:
            return True
        return False

    def _grow(self, asking: _Asking, part: Sequence[int]) -> None:
        """Let more go together the next time: as many as were thought to fit were answered at once."""
        for kind in (True, False):
            count = sum(asking.runs_code(index) == kind for index in part)
            if count and count >= self._fits[kind]:
                self._fits[kind] = min(2 * self._fits[kind], BATCH_ITEMS)

    def _shrink(self, asking: _Asking, part: Sequence[int], by: int) -> None:
        kind = any(asking.runs_code(index) for index in part)
        count = sum(asking.runs_code(index) == kind for index in part)
        self._fits[kind] = max(1, min(self._fits[kind], count // by))

    # --- refusals of a whole batch ----------------------------------------------------------------------------------------

    def _split_refused(self, asking: _Asking, part: list[int], refusal: Answer) -> None:
        """The first of them is asked by itself, once: if it is refused with the same words, they are not about the batch."""
        if refusal.doubtful:
            asking.doubtful.update(part)
        rest = part
        if not asking.tried_alone:
            asking.tried_alone = True
            first, *rest = part
            self._ask_part(asking, [first])
            told = asking.answers.get(first)
            if told is not None and (told.passing or message_of(told.error) == message_of(refusal.error) != ""):
                asking.end(replace(refusal, passing=refusal.passing or told.passing))
                return
        self._most, self._most_until = max(1, len(part) // 2), self._monotonic() + REFUSAL_REMEMBERED_SECONDS
        asking.put_back(rest)

    # --- answers that are too slow or too large -----------------------------------------------------------------------------

    def _split_cut(self, asking: _Asking, part: list[int], cut: Cut) -> None:
        running = [index for index in part if asking.runs_code(index)]
        if not running and (cut.bound is Bound.TIME or len(part) == 1):
            self._cut_without_code(asking, part, cut)
            return
        first_cut, asking.was_cut = not asking.was_cut, True
        asking.doubtful.update(part)
        if len(part) == 1:
            self._suspect(asking, part[0])
            if cut.bound is Bound.BYTES:
                asking.answers[part[0]] = _left_alone(cut)
            else:
                asking.late.append(part[0])
        else:
            self._shrink(asking, part, SPLIT_INTO)
        fixed = [index for index in part if index not in running] if running else []
        if len(part) > 1:
            asking.put_back(running or part, SPLIT_INTO)
        if fixed:  # what was asked for along with the calls is not lost with them
            self._ask_part(asking, fixed)
        elif first_cut and cut.bound is Bound.TIME and not asking.answers:
            self._probe(asking, cut.sentence)

    def _cut_without_code(self, asking: _Asking, part: Sequence[int], cut: Cut) -> None:
        if cut.bound is Bound.TIME:
            asking.end(self._connection.failed(cut.sentence, doubtful=True))
        else:
            asking.answers[part[0]] = _left_alone(cut)
            if self._large.note(asking.calls[part[0]]):
                asking.large.append(part[0])

    def _read_large(self, asking: _Asking) -> None:
        """Read one of the large receipts, without its logs. The others are left to later calls of `ask`."""
        for index in asking.large:
            asking.answers.setdefault(index, Answer(error=NOT_ITS_TURN, answered=False, doubtful=True, alone=True))
        if not self._has_time(asking):
            return
        index = self._large.next_of(asking.calls, asking.large)
        seconds = self._within(asking, self._answer_seconds)
        asking.requests += 1
        match self._connection.skim(asking.calls[index], seconds):
            case Cut() as cut:
                asking.answers[index] = _left_alone(cut)
                self._large.unread(asking.calls[index], cut)
            case Refused(answer):
                asking.answers[index] = answer
            case answers:
                self._take(asking, [index], answers)

    def _suspect(self, asking: _Asking, index: int) -> None:
        """Whatever calls the same contract is asked last, now and the next time."""
        suspect = _suspect(asking.calls[index])
        self._suspects[suspect] = None
        while len(self._suspects) > REMEMBERED_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]
        groups = list(asking.queue)
        asking.queue.clear()
        for group in groups:
            asking.late += [other for other in group if _suspect(asking.calls[other]) == suspect]
            if rest := [other for other in group if _suspect(asking.calls[other]) != suspect]:
                asking.queue.append(rest)

    def _ask_alone(self, asking: _Asking, index: int) -> None:
        """With all the time that one HTTP request may have: who is still too slow is so by itself."""
        seconds, started = self._within(asking, self._answer_seconds), self._monotonic()
        outcome = self._exchange(asking, [index], seconds)
        match outcome:
            case Cut(bound):
                had_its_time = bound is Bound.BYTES or seconds >= self._answer_seconds / 2
                asking.answers[index] = _left_alone(outcome) if had_its_time else Answer(error=outcome.sentence, answered=False)
            case Refused(answer):
                asking.answers[index] = answer
            case answers:
                self._take(asking, [index], answers)
                if self._monotonic() - started < self._part_seconds and not asking.answers[index].alone:
                    self._suspects.pop(_suspect(asking.calls[index]), None)

    def _accuse(self, asking: _Asking) -> None:
        """Before requests are told that they are too slow by themselves: does the endpoint run any code in time?"""
        alone = [index for index, answer in asking.answers.items() if answer.alone and not answer.answered]
        alone = [index for index in alone if index not in asking.large]
        if alone and not asking.ran_code:
            self._probe(asking, str(asking.answers[alone[0]].error), accused=alone)

    def _probe(self, asking: _Asking, sentence: str, accused: Sequence[int] = ()) -> None:
        """Leave the endpoint out when it does not run code in time."""
        outcome = self._connection.exchange([PROBE], self._part_seconds)
        if isinstance(outcome, list) and outcome[0].answered and not meets_own_bound(outcome[0].error):
            asking.ran_code = True
            return
        failed = outcome[0] if isinstance(outcome, list) else self._connection.failed(sentence, doubtful=True)
        for index in accused:
            del asking.answers[index]
        asking.end(replace(failed, answered=False, passing=True))


def _left_alone(cut: Cut) -> Answer:
    return Answer(error=cut.sentence, answered=False, doubtful=True, alone=True)


def _suspect(call: Request) -> Any:
    """By what a slow request is known again: the contract it calls, or the code that creates one. None of what runs no code."""
    method, params = call
    if method not in RUNS_CODE or not params or not isinstance(params[0], dict):
        return None
    return method, params[0].get("to") or hash(params[0].get("data"))
