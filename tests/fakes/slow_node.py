"""Estimates that take time on the world's clock, and a client of the node that asks for them within its bounds.

The client does what the real one does: a batch that does not come back in time is asked for again in halves, until a call
stands alone or the time for all of them is over.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Call, Estimate, Unavailable
from tests.fakes.world import World

SecondsOf = Callable[[Call], float]


class SlowNode:
    """Stands in for the chain's estimates from when it is made."""

    def __init__(self, world: World, seconds_of: SecondsOf, *, splits: bool = True, lingers: bool = False) -> None:
        """`splits` is False for a client that gives the whole batch up; a node that `lingers` goes on with what was cut off."""
        self._world = world
        self._seconds_of = seconds_of
        self._splits = splits
        self._lingers = lingers
        self.busy_until = world.now
        self._estimate = world.chain.estimate
        self.batches: list[int] = []
        world.chain.estimate = self.estimate  # type: ignore[method-assign]

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        if not calls:
            return []
        bounds = self._world.ports.bounds
        until = self._world.now + timedelta(seconds=bounds.estimate_seconds)
        if not self._splits:
            if not self._in_time(calls):
                raise ChainUnavailable("No RPC endpoint of the chain answers: it took too long.")
            return self._estimate(calls)
        return self._asked(calls, until)

    def _asked(self, calls: Sequence[Call], until: datetime) -> list[Estimate]:
        if self._world.now >= until:
            return [Unavailable("there was no time left", answered=False)] * len(calls)
        if self._in_time(calls):
            return self._estimate(calls)
        if len(calls) == 1:
            return [Unavailable("it took too long", alone=True, answered=False)]
        middle = len(calls) // 2
        return [*self._asked(calls[:middle], until), *self._asked(calls[middle:], until)]

    def _in_time(self, calls: Sequence[Call]) -> bool:
        self.batches.append(len(calls))
        limit = self._world.ports.bounds.rpc_answer_seconds
        seconds = sum(map(self._seconds_of, calls))
        if self._lingers:
            self.busy_until = max(self.busy_until, self._world.now) + timedelta(seconds=seconds)
            seconds = (self.busy_until - self._world.now).total_seconds()
        self._world.now += timedelta(seconds=min(seconds, limit))
        return seconds <= limit
