"""How many requests an issuer may make in a minute."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from chalicelib.backoff import ASK_AGAIN_SECONDS
from chalicelib.errors import TooManyRequests
from chalicelib.jobs.ports import Clock

MINUTE_SECONDS = 60
FREE_SHARE = 300
"""Of an issuer's limit, what each process gives without asking: a 300th, and at least one request."""
LEASED_SHARE = 60
"""What a process takes of it at once: a second's worth, and at least one request."""

log = logging.getLogger(__name__)


class LimitStore(Protocol):
    """What all processes have taken of the issuers' limits."""

    def lease(self, owner: str, minute: int, requests: int, limit: int) -> int:
        """Take up to `requests` of what is left of the owner's `limit` in this minute (since the epoch). Returns how many: none
        when the limit is used up. No two leases together exceed it.
        """


class RequestLimiter:
    """One process's share of the issuers' limits, in minutes of the clock.

    The first requests of an issuer are free of charge, so that light traffic never asks the store; then requests are leased in
    chunks. In a minute an issuer is given at most its limit and what each process gives for free; it may be refused while other
    processes hold leases that they do not use. While the store does not answer, nobody is refused: an outage of the limiter is
    none of the API.
    """

    def __init__(
        self,
        per_minute: int,
        store: Callable[[], LimitStore],
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`per_minute` of 0 is no limit; the store is made when it is first asked."""
        self._per_minute = per_minute
        self._free = max(1, per_minute // FREE_SHARE)
        self._chunk = max(1, per_minute // LEASED_SHARE)
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._minute = -1
        self._left: dict[str, int] = {}
        self._used_up: set[str] = set()
        self._away_until = float("-inf")

    def take(self, owner: str) -> None:
        """One request of the owner's. Raises TooManyRequests, which says how long to wait, when its minute is used up."""
        if self._per_minute == 0:
            return
        minute, second = divmod(int(self._clock().timestamp()), MINUTE_SECONDS)
        if not (self._has_one_left(owner, minute) or self._leases(owner, minute)):
            wait = MINUTE_SECONDS - second
            problem = f"You have made the {self._per_minute:,} requests of this minute: go on in {wait} seconds."
            raise TooManyRequests(problem, wait)

    def _has_one_left(self, owner: str, minute: int) -> bool:
        with self._lock:
            if minute != self._minute:
                self._minute = minute
                self._left.clear()
                self._used_up.clear()
            left = self._left.get(owner, self._free)
            self._left[owner] = max(left - 1, 0)
            return left > 0

    def _leases(self, owner: str, minute: int) -> bool:
        if owner in self._used_up:
            return False
        if self._monotonic() < self._away_until:
            return True
        try:
            leased = self._store().lease(owner, minute, self._chunk, self._per_minute)
        except Exception:
            self._away_until = self._monotonic() + ASK_AGAIN_SECONDS
            log.exception("the table of limits does not answer: requests are not limited")
            return True
        with self._lock:
            if leased == 0:
                self._used_up.add(owner)
            elif minute == self._minute:
                self._left[owner] += leased - 1
        return leased > 0
