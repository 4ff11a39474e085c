"""How many requests go into one HTTP request: what the endpoint takes, and what it answers within the bounds."""

from collections.abc import Callable, Sequence

from chalicelib.chain.rpc.answers import Request
from chalicelib.chain.rpc.slow_contracts import runs_code

BATCH_ITEMS = 100
"""Requests in one HTTP request. Where 101 are left, they go together."""
BATCH_CHARACTERS = 1_000_000
"""Of the parameters in one HTTP request. geth refuses bodies above 5 MB, some proxies far smaller ones."""
REFUSAL_REMEMBERED_SECONDS = 600.0


class BatchSizes:
    """Learns from one endpoint's answers. Requests that run code and requests that do not are counted apart."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._answered: dict[bool, int] = {True: BATCH_ITEMS, False: BATCH_ITEMS}
        """How many requests that run code (True), and that do not, are answered within the bounds together."""
        self._accepted = BATCH_ITEMS
        """How many requests the endpoint accepts together."""
        self._accepted_until = float("inf")
        """When a refusal is forgotten, on the monotonic clock."""

    def forget_old_refusal(self) -> None:
        """Forget how few requests the endpoint accepted, once that was long ago."""
        if self._monotonic() > self._accepted_until:
            self._accepted, self._accepted_until = BATCH_ITEMS, float("inf")

    def refused(self, count: int) -> None:
        """The endpoint refused a batch of `count` requests: send half as many from now on."""
        self._accepted = max(1, count // 2)
        self._accepted_until = self._monotonic() + REFUSAL_REMEMBERED_SECONDS

    def fitting(self, requests: Sequence[Request]) -> int:
        """Return how many of these requests, from the first on, go into one HTTP request: at least one."""
        accepted = BATCH_ITEMS + 1 if self._accepted == BATCH_ITEMS == len(requests) - 1 else self._accepted
        characters, counts, size = 0, {True: 0, False: 0}, 0
        for request in requests[:accepted]:
            kind = runs_code(request)
            characters += len(str(request[1]))
            if size and (counts[kind] >= self._answered[kind] or characters > BATCH_CHARACTERS):
                break
            counts[kind] += 1
            size += 1
        return size

    def grow(self, requests: Sequence[Request]) -> None:
        """These were answered quickly together. If they were as many as fit, let twice as many go together."""
        for kind in (True, False):
            count = sum(runs_code(request) == kind for request in requests)
            if count and count >= self._answered[kind]:
                self._answered[kind] = min(2 * self._answered[kind], BATCH_ITEMS)

    def shrink(self, requests: Sequence[Request], divisor: int) -> None:
        """These were not answered within the bounds together. Let only one `divisor`th of them go together."""
        kind = any(runs_code(request) for request in requests)
        count = sum(runs_code(request) == kind for request in requests)
        self._answered[kind] = max(1, min(self._answered[kind], count // divisor))
