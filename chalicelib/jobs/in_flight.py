"""What each owner has in flight on a shared account, as the account's row stores it. It is bounded (invariant 12).

An entry counts jobs that were signed together. It is dropped once all nonces below its `to_nonce` are mined.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ENTRIES_OF_OWNER = 4
"""The oldest entries of an owner with more than these are merged. They count until the newest of them is mined."""
MOST_ENTRIES = 50
"""With more entries, each owner keeps one. Of more than 50 owners, those with the least gas are dropped."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """Jobs of one owner, signed at nonces below `to_nonce`: their number, and the gas that they may use."""

    owner: str
    to_nonce: int
    gas: int
    jobs: int


def still_in_flight(entries: Iterable[InFlight], mined: int) -> tuple[InFlight, ...]:
    """Return the entries whose nonces are not all mined. `mined` is the account's next nonce on chain."""
    return tuple(entry for entry in entries if entry.to_nonce > mined)


def with_signed(entries: Sequence[InFlight], signed: Iterable[tuple[str, int, int]]) -> tuple[InFlight, ...]:
    """Return the entries with those of newly signed jobs, each an (owner, nonce, gas)."""
    of_owner: dict[str, list[InFlight]] = {}
    for entry in entries:
        of_owner.setdefault(entry.owner, []).append(entry)
    fresh: dict[str, InFlight] = {}
    for owner, nonce, gas in signed:
        one = InFlight(owner, nonce + 1, gas, 1)
        fresh[owner] = _together(fresh[owner], one) if owner in fresh else one
    for owner, entry in fresh.items():
        of_owner.setdefault(owner, []).append(entry)
    result = [entry for of_one in of_owner.values() for entry in _at_most(ENTRIES_OF_OWNER, of_one)]
    if len(result) > MOST_ENTRIES:
        single = [entry for of_one in of_owner.values() for entry in _at_most(1, of_one)]
        result = sorted(single, key=lambda entry: entry.gas, reverse=True)[:MOST_ENTRIES]
    return tuple(sorted(result, key=lambda entry: entry.to_nonce))


def _at_most(count: int, entries: Sequence[InFlight]) -> list[InFlight]:
    """Return at most `count` entries of one owner, the oldest first. The oldest are merged."""
    kept = sorted(entries, key=lambda entry: entry.to_nonce)
    while len(kept) > count:
        kept[:2] = [_together(kept[0], kept[1])]
    return kept


def _together(one: InFlight, other: InFlight) -> InFlight:
    return InFlight(one.owner, max(one.to_nonce, other.to_nonce), one.gas + other.gas, one.jobs + other.jobs)
