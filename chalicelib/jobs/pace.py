"""How many jobs an account's next round takes, and whose turn it is, as one process remembers it.

This decides only which jobs go into a round together. A process begins with a full round for an account that is new to it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

JOBS_PER_ROUND = 90
"""So many estimates or receipts, with the other reads, fit into one request of a hundred calls. So many jobs, with their
account, fit into one TransactWriteItems of a hundred items.
"""
RECOVERS = timedelta(seconds=120)
"""A node may work for so long on estimates that were cut off. Not every node notices that the client has gone."""
STAYS_LAST = timedelta(seconds=60)
"""For so long, an owner whose job was changed while it was signed comes last in a round."""
SHRINKS_BY = 8
"""After a round without a single answer, the next one takes this fraction of its jobs."""


@dataclass(slots=True)
class Pace:
    """What a process remembers of one account."""

    jobs: int = JOBS_PER_ROUND
    """How many jobs the next round takes."""
    last_owner: str | None = None
    """The owner of the last chosen job, when several owners took turns."""
    last_slow_owner: str | None = None
    """The same, among jobs whose estimates were too slow before."""
    cut_at: datetime | None = None
    """When estimates were last cut off because they took too long."""
    changed_at: dict[str, datetime] = field(default_factory=dict)
    """Owners, each with the time when a job of theirs was last changed while it was signed."""

    @property
    def is_slowest(self) -> bool:
        """True if rounds are down to one job."""
        return self.jobs == 1

    def may_be_busy(self, now: datetime) -> bool:
        """True if the node may still work on estimates that were cut off."""
        return self.cut_at is not None and now < self.cut_at + RECOVERS

    def note_changed(self, owners: Iterable[str], now: datetime) -> None:
        self.changed_at = {owner: at for owner, at in self.changed_at.items() if now < at + STAYS_LAST}
        self.changed_at |= dict.fromkeys(owners, now)

    def is_last(self, owner: str, now: datetime) -> bool:
        """True if the owner's jobs come last in a round. A changed job then stops only the jobs behind it."""
        return owner in self.changed_at and now < self.changed_at[owner] + STAYS_LAST

    def learn(self, asked: int, answered: int, seconds: float, wanted_seconds: float) -> None:
        """Set the size of the next round.

        The last round asked for `asked` estimates, and `answered` of them came within `seconds`. A round's estimates should
        take `wanted_seconds`.
        """
        if answered == 0:
            if asked > 1:  # one job says nothing about others
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
