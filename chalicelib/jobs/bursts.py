"""Let a burst gather: a round costs the same few requests for one job as for ninety.

A round starts at once, unless the one before it had several jobs and has only just ended: then more are on their way, and the
next round waits a moment for them. What a process remembers of this decides nothing but how many jobs go together.
"""

from collections.abc import Callable

SEVERAL = 4
"""Jobs in a round that tell of a burst: light traffic never waits."""
JUST_ENDED_SECONDS = 0.5
GATHER_SECONDS = 0.25


class Bursts:
    """One process's memory of the rounds it has signed."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._busy_until: dict[str, float] = {}

    def gather(self, account_id: str) -> None:
        """Wait, if the account is in the middle of a burst."""
        if self._monotonic() < self._busy_until.get(account_id, float("-inf")):
            self._sleep(GATHER_SECONDS)

    def signed(self, account_id: str, jobs: int) -> None:
        """A round of so many jobs has just ended."""
        if jobs >= SEVERAL:
            self._busy_until[account_id] = self._monotonic() + JUST_ENDED_SECONDS
        else:
            self._busy_until.pop(account_id, None)
