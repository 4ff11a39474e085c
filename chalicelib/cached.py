"""Values that are read from elsewhere and kept: secrets, and the public keys of an identity provider."""

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
KEPT_SECONDS = 3_600
EARLY_SECONDS = 30

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    value: T
    read_at: float


class Cached(Generic[T]):
    """One value, read when it is first asked for and again after five minutes: a change is seen after that long at the latest.

    While reading fails, for whatever reason, the last value is kept for up to an hour since it was read; an error is logged,
    and the next attempt made after ten seconds. For several threads: one reads, and only who has no value at all waits for it.
    """

    def __init__(self, what: str, read: Callable[[], T], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`what` names the value in a sentence; `read` raises JobsApiError."""
        self._what = what
        self._read = read
        self._monotonic = monotonic
        self._reading = threading.Lock()
        self._held: _Held[T] | None = None
        self._attempts = 0
        self._tried_at = self._early_at = float("-inf")
        self._failure: JobsApiError | None = None
        """Of the last attempt, if it failed."""

    def get(self) -> T:
        """Raises what `read` raises when there is no value, or none that may still be used."""
        held, attempts = self._held, self._attempts
        if held is None or self._age(held) > KEPT_SECONDS:
            return self._awaited(attempts)
        is_due = self._age(held) > FRESH_SECONDS and self._monotonic() - self._tried_at > ASK_AGAIN_SECONDS
        if is_due and self._reading.acquire(blocking=False):
            try:
                if self._attempts == attempts:
                    self._attempt()
            finally:
                self._reading.release()
        return (self._held or held).value

    def newer_than(self, seen: T) -> T:
        """The value, for what is not in the one that was `seen`. It is read early, but once in 30 seconds, whoever asks: what
        is looked for may be made up.

        Raises ServiceUnavailable while reading fails: nobody can say then whether it is there.
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

    def _awaited(self, attempts: int) -> T:
        with self._reading:
            if self._attempts == attempts:  # else another thread has just tried: its answer is ours
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
