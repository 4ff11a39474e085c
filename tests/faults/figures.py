"""The figures of a soak."""

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Figures:
    """What a soak did and found."""

    seed: int
    jobs: int
    faults: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    """Of failed jobs: the function they called, and the failure's code."""
    lost: int = 0
    doubled: int = 0
    stuck: int = 0
    calls: int = 0
    invocations: int = 0
    own_seconds: float = 0.0
    seconds: float = 0.0

    def lines(self) -> list[str]:
        return [
            f"seed {self.seed}: {self.jobs} jobs ({_told(self.ends)})",
            f"why jobs failed: {_told(self.failures)}",
            f"{self.calls} calls in {self.invocations} invocations, faults: {_told(self.faults)}",
            f"the world: {_told(self.events)}",
            f"lost {self.lost}, doubled {self.doubled}, stuck {self.stuck}",
            f"{self.own_seconds / 3600:.1f} h of its own time in {self.seconds:.0f} s",
        ]

    def as_json(self) -> dict[str, Any]:
        """Not by dataclasses.asdict: it makes a counter of a counter's pairs, and those are no keys."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: dict(value) if isinstance(value, Counter) else value for name, value in values.items()}


def _told(counter: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counter.most_common())
