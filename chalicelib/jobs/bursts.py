"""Let the jobs of a burst gather for one round: a round takes the same few requests for one job as for ninety.

A round starts at once in most cases. It waits for a moment if the round before it has just ended, and the jobs of that round or
of this one came fast: then more jobs are on their way. This decides only how many jobs go together.
"""

from collections.abc import Callable

SEVERAL = 4
"""A burst has at least so many jobs in a round. Light traffic never waits."""
FAST_PER_SECOND = 30.0
"""A burst has at least so many jobs a second. It is not worth waiting for slower ones."""
JUST_ENDED_SECONDS = 0.5
GATHER_SECONDS = 0.3


class Bursts:
    """What one process remembers of the rounds that it signed."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._ended: dict[str, float] = {}
        """By account: when its last round ended."""
        self._busy: set[str] = set()

    def gather(self, account_id: str, waiting: int) -> None:
        """Wait for a moment if the account is in the middle of a burst. `waiting` is the number of jobs known so far."""
        since_last = self._since_last(account_id)
        if since_last < JUST_ENDED_SECONDS and (account_id in self._busy or _is_fast(waiting, since_last)):
            self._sleep(GATHER_SECONDS)

    def signed(self, account_id: str, jobs: int) -> None:
        """Remember that a round of so many jobs has just ended."""
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
