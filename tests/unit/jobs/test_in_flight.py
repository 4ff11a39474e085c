"""What a shared account's row remembers of each owner: all that is in flight, in few entries."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.in_flight import ENTRIES_OF_OWNER, MOST_ENTRIES, InFlight, still_in_flight, with_signed

rounds = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), max_size=20)


def test_jobs_of_one_owner_that_are_signed_together_are_one_entry() -> None:
    assert with_signed((), [("a", 3, 10), ("b", 4, 20), ("a", 5, 30)]) == (InFlight("b", 5, 20, 1), InFlight("a", 6, 40, 2))


def test_an_entry_stays_until_all_its_nonces_are_mined() -> None:
    entries = with_signed((), [("a", 3, 10), ("a", 5, 30)])
    assert still_in_flight(entries, 5) == entries
    assert still_in_flight(entries, 6) == ()


@given(rounds=rounds, mined=st.integers(0, 80))
def test_never_less_is_counted_than_is_in_flight_and_in_few_entries(rounds: list[list[str]], mined: int) -> None:
    entries: tuple[InFlight, ...] = ()
    owner_of: dict[int, str] = {}
    for owners in rounds:
        signed = [(owner, len(owner_of) + place, 7) for place, owner in enumerate(owners)]
        owner_of |= {nonce: owner for owner, nonce, _ in signed}
        entries = with_signed(entries, signed)
    for owner in "abc":
        kept = [entry for entry in still_in_flight(entries, mined) if entry.owner == owner]
        in_flight = sum(nonce >= mined and of == owner for nonce, of in owner_of.items())
        assert sum(entry.jobs for entry in kept) >= in_flight
        assert sum(entry.gas for entry in kept) >= 7 * in_flight
        assert len(kept) <= ENTRIES_OF_OWNER
    assert all(one.to_nonce < after.to_nonce for one, after in pairwise(entries))


def test_of_many_owners_those_with_the_most_gas_are_remembered() -> None:
    entries: tuple[InFlight, ...] = ()
    for start in (0, 1_000):
        entries = with_signed(entries, [(f"owner {number}", start + number, number) for number in range(200)])
    assert len(entries) == MOST_ENTRIES
    assert {entry.owner for entry in entries} == {f"owner {number}" for number in range(150, 200)}
    assert {entry.jobs for entry in entries} == {2}
