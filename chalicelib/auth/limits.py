"""Limits how many requests an issuer may make in a minute."""

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
"""Each process allows a 300th of an issuer's limit, and at least one request, without asking the store."""
LEASED_SHARE = 60
"""A process leases a 60th of the limit at once, a second's worth, and at least one request."""

log = logging.getLogger(__name__)


class LimitStore(Protocol):
    """Counts the requests that all processes have leased of the issuers' limits."""

    def lease(self, owner: str, minute: int, requests: int, limit: int) -> int:
        """Lease up to `requests` of what is left of the owner's `limit`, and return how many: 0 when the limit is used up.

        `minute` counts from the epoch. All leases of a minute together never exceed the limit.
        """


class RequestLimiter:
    """One process's share of the issuers' limits, in minutes of the clock.

    The first requests of an issuer are free, so that light traffic never asks the store. Further requests are leased in chunks.
    In a minute, an issuer gets at most its limit and the free requests of each process. It may be refused while other processes
    hold leases that they do not use. While the store does not answer, every request is allowed: an outage of the limits must
    not become an outage of the API.
    """

    def __init__(
        self,
        per_minute: int,
        store: Callable[[], LimitStore],
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`per_minute` of 0 means no limit. `store` is called when a lease is needed."""
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
        """Count one request of the owner. Raises TooManyRequests, with the seconds to wait, when its minute is used up."""
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
