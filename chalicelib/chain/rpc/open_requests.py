"""The requests of one call of `Batches.ask`: which are open, in which order they are sent, and the answers so far."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chalicelib.chain.rpc.answers import Answer, Request
from chalicelib.chain.rpc.slow_contracts import contract_of, runs_code

NO_TIME_LEFT = "there was no time left to ask for it"


@dataclass
class OpenRequests:
    """Each request is known by its index in `requests`."""

    requests: Sequence[Request]
    until: float
    """On the monotonic clock: no HTTP request but the first begins later."""
    groups: deque[list[int]]
    """Each group is sent in one HTTP request if it fits. A group that exceeded a bound comes back as several smaller ones."""
    slow: list[int]
    """Requests that run a slow contract. They are sent after all groups, each by itself."""
    large: list[int]
    """Requests for large receipts. They are read after all else, without their logs."""
    answers: dict[int, Answer] = field(default_factory=dict)
    maybe_received: set[int] = field(default_factory=set)
    """Requests that were in an HTTP request that exceeded a bound, or that was refused without saying that nothing was done."""
    http_requests: int = 0
    """How many were sent."""
    exceeded_a_bound: bool = False
    from_the_back: bool = False
    """The last group was taken from the back of `groups`."""
    sent_one_alone: bool = False
    """A refused batch's first request was sent by itself, to learn whether the refusal is about batches."""
    ran_code: bool = False
    """The endpoint answered a request that runs code."""
    has_ended: bool = False

    def of(self, indexes: Sequence[int]) -> list[Request]:
        return [self.requests[index] for index in indexes]

    def runs_code(self, index: int) -> bool:
        return runs_code(self.requests[index])

    def take_group(self) -> list[int]:
        """Take the next group. After a bound was exceeded, groups come from the front and the back in turn.

        So requests at either end do not wait until all the slow ones between them are found.
        """
        self.from_the_back = self.exceeded_a_bound and not self.from_the_back
        return self.groups.pop() if self.from_the_back else self.groups.popleft()

    def put_back(self, indexes: Sequence[int], groups: int = 1) -> None:
        """Put the requests back at the end that the last group was taken from, in this many groups."""
        size = -(-len(indexes) // groups)
        pieces = [list(indexes[start : start + size]) for start in range(0, len(indexes), size)] if indexes else []
        if self.from_the_back:
            self.groups.extend(pieces)
        else:
            self.groups.extendleft(reversed(pieces))

    def delay_contract_of(self, index: int) -> None:
        """Move the grouped requests that run the same contract as this one to `slow`."""
        contract = contract_of(self.requests[index])
        groups = list(self.groups)
        self.groups.clear()
        for group in groups:
            self.slow += [other for other in group if contract_of(self.requests[other]) == contract]
            if rest := [other for other in group if contract_of(self.requests[other]) != contract]:
                self.groups.append(rest)

    def end(self, answer: Answer) -> None:
        """Give this answer to every request that has none, and send nothing more."""
        self.has_ended = True
        for index in range(len(self.requests)):
            self.answers.setdefault(index, answer)
        self.groups.clear()
        self.slow.clear()

    def in_order(self) -> list[Answer]:
        """Return one answer a request, in order. The requests without an answer are told that no time was left."""
        self.end(Answer(error=NO_TIME_LEFT, answered=False))
        answers = (self.answers[index] for index in range(len(self.requests)))
        return [replace(one, maybe_received=True) if index in self.maybe_received else one for index, one in enumerate(answers)]
