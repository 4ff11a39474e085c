"""How many jobs an account's next round takes, and whose turn it is: one process's memory.

It decides only which jobs are looked at together, never what becomes of them. A process that knows nothing of an account begins
with a full round.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

JOBS_PER_ROUND = 90
"""With what else is read before they are signed, or after they were sent, they fit into one request of a hundred calls; with
their account into one TransactWriteItems of a hundred items.
"""
RECOVERS = timedelta(seconds=120)
"""A node may go on for so long with estimates that were cut off: not every node notices that nobody waits for the answer."""
STAYS_LAST = timedelta(seconds=60)
"""An owner whose job was changed while it was signed stands last in the rounds of this time."""
SHRINKS_BY = 8
"""After a round without a single answer, the next one takes this fraction of its jobs."""


@dataclass(slots=True)
class Pace:
    """What is remembered of one account."""

    jobs: int = JOBS_PER_ROUND
    """How many jobs the next round takes."""
    last_owner: str | None = None
    """Whose job was chosen last where several owners took turns."""
    last_slow_owner: str | None = None
    """The same of the jobs whose estimates were too slow before."""
    cut_at: datetime | None = None
    """When estimates were last cut off because they took too long."""
    changed_at: dict[str, datetime] = field(default_factory=dict)
    """Owners, each with the time when a job of theirs was last changed while it was signed."""

    @property
    def is_slowest(self) -> bool:
        """Rounds are down to one job."""
        return self.jobs == 1

    def may_be_busy(self, now: datetime) -> bool:
        """The node may still work on what was cut off."""
        return self.cut_at is not None and now < self.cut_at + RECOVERS

    def note_changed(self, owners: Iterable[str], now: datetime) -> None:
        self.changed_at = {owner: at for owner, at in self.changed_at.items() if now < at + STAYS_LAST}
        self.changed_at |= dict.fromkeys(owners, now)

    def is_last(self, owner: str, now: datetime) -> bool:
        """The owner's jobs stand behind those of the round's other owners: a change of one stops only what is behind it."""
        return owner in self.changed_at and now < self.changed_at[owner] + STAYS_LAST

    def learn(self, asked: int, answered: int, seconds: float, wanted_seconds: float) -> None:
        """Set the size of the next round from the last one: how many jobs it asked about, how many estimates were answered, and
        how long that took. `wanted_seconds` is how long a round's estimates should take.
        """
        if answered == 0:
            if asked > 1:  # a single job says nothing about the others
                self.jobs = max(1, asked // SHRINKS_BY)
            return
        fit = JOBS_PER_ROUND if seconds <= 0 else min(JOBS_PER_ROUND, max(1, int(answered * wanted_seconds / seconds)))
        in_time = answered == asked and seconds <= wanted_seconds
        self.jobs = max(self.jobs, fit) if in_time else fit


class Paces:
    """The paces of all accounts that this process has worked on."""

    def __init__(self) -> None:
        self._of: dict[str, Pace] = {}

    def of(self, account_id: str) -> Pace:
        return self._of.setdefault(account_id, Pace())
