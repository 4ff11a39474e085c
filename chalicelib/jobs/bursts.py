"""Let a burst gather: a round costs the same few requests for one job as for ninety.

A round starts at once, unless the one before it has only just ended and its jobs had come fast, or those that wait now have:
then more are on their way, and the round waits a moment for them. What a process remembers of this decides nothing but how
many jobs go together.
"""

from collections.abc import Callable

SEVERAL = 4
"""Jobs in a round that may tell of a burst: light traffic never waits."""
FAST_PER_SECOND = 30.0
"""Jobs a second that are worth waiting for. Slower ones would each be held up to save a round of a few."""
JUST_ENDED_SECONDS = 0.5
GATHER_SECONDS = 0.3


class Bursts:
    """One process's memory of the rounds it has signed."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._ended: dict[str, float] = {}
        """When the last round of an account ended."""
        self._busy: set[str] = set()

    def gather(self, account_id: str, waiting: int) -> None:
        """Wait, if the account is in the middle of a burst; so many jobs are known to wait."""
        since_last = self._since_last(account_id)
        if since_last < JUST_ENDED_SECONDS and (account_id in self._busy or _is_fast(waiting, since_last)):
            self._sleep(GATHER_SECONDS)

    def signed(self, account_id: str, jobs: int) -> None:
        """A round of so many jobs has just ended: those that had come since the one before it."""
        fast = _is_fast(jobs, min(self._since_last(account_id), JUST_ENDED_SECONDS))
        self._ended[account_id] = self._monotonic()
        if fast:
            self._busy.add(account_id)
        else:
            self._busy.discard(account_id)

    def _since_last(self, account_id: str) -> float:
        return self._monotonic() - self._ended.get(account_id, float("-inf"))


def _is_fast(jobs: int, seconds: float) -> bool:
    return jobs >= SEVERAL and jobs >= FAST_PER_SECOND * seconds
