"""The one cache of values that other services hold: secrets, and the public keys of an identity provider.

One rule for outages: while a value cannot be read, the last one is used for up to an hour, and reading is tried again every
ten seconds.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from chalicelib.backoff import ASK_AGAIN_SECONDS
from chalicelib.errors import JobsApiError, ServiceUnavailable

T = TypeVar("T")

FRESH_SECONDS = 300
"""A value is not read again before it is this old."""
KEPT_SECONDS = 3_600
"""A value is used for this long after it was read, when it cannot be read again."""
EARLY_SECONDS = 30
"""`newer_than` reads at most once in this time, because callers can invent keys."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    value: T
    read_at: float


class Cached(Generic[T]):
    """One value. It is read at its first use, and again at the first use after it is five minutes old.

    When reading fails, the error is logged and the last value is returned, until that value is an hour old. The next attempt
    follows after ten seconds. Several threads may use it: one reads, and the others wait only if there is no value to return.
    """

    def __init__(self, what: str, read: Callable[[], T], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`what` names the value in messages, as in "the JWT secret". `read` returns the value or raises JobsApiError."""
        self._what = what
        self._read = read
        self._monotonic = monotonic
        self._reading = threading.Lock()
        self._held: _Held[T] | None = None
        self._attempts = 0
        self._tried_at = self._early_at = float("-inf")
        self._failure: JobsApiError | None = None
        """The error of the last attempt. None if it succeeded."""

    def get(self) -> T:
        """Return the value. Raises what `read` raises when there is no value, or the last one is older than an hour."""
        held, attempts = self._held, self._attempts
        if held is None or self._age(held) > KEPT_SECONDS:
            return self._read_now(attempts)
        is_due = self._age(held) > FRESH_SECONDS and self._monotonic() - self._tried_at > ASK_AGAIN_SECONDS
        if is_due and self._reading.acquire(blocking=False):
            try:
                if self._attempts == attempts:
                    self._attempt()
            finally:
                self._reading.release()
        return (self._held or held).value

    def newer_than(self, seen: T) -> T:
        """Return a newer value than `seen`, in which the caller did not find a key. Read early for this, at most every 30 s.

        Returns `seen` itself when it was read too recently. Raises ServiceUnavailable while reading fails, because then nobody
        knows whether the key exists.
        """
        with self._reading:
            if self._held is not None and self._held.value is not seen:
                return self._held.value
            if self._monotonic() - self._early_at > EARLY_SECONDS:
                self._early_at = self._monotonic()
                self._attempt()
            if self._failure is not None:
                raise ServiceUnavailable(f"The {self._what} cannot be read now: try again.") from self._failure
            return seen if self._held is None else self._held.value

    def _read_now(self, attempts: int) -> T:
        with self._reading:
            if self._attempts == attempts:  # otherwise another thread has just tried, and its result counts
                self._attempt()
            if self._held is not None and self._age(self._held) <= KEPT_SECONDS:
                return self._held.value
            raise self._failure or ServiceUnavailable(f"The {self._what} cannot be read now: try again.")

    def _attempt(self) -> None:
        self._attempts += 1
        self._tried_at = self._monotonic()
        try:
            self._held = _Held(self._read(), self._tried_at)
            self._failure = None
        except JobsApiError as error:
            self._failure = error
            instead = "there is none" if self._held is None else "the last one is used"
            log.error("the %s could not be read: %s", self._what, instead, extra={"reason": error.message})

    def _age(self, held: _Held[T]) -> float:
        return self._monotonic() - held.read_at
