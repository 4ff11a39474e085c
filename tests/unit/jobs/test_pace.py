"""How many jobs the next round takes."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.jobs.pace import JOBS_PER_ROUND, STAYS_LAST, Pace, Paces

WANTED = 3.0


@pytest.mark.parametrize(
    ("before", "asked", "answered", "seconds", "after"),
    [
        (90, 90, 90, 0.2, 90),
        (90, 1, 1, 0.1, 90),  # few jobs that were quick say nothing about many
        (90, 90, 90, 9.0, 30),
        (90, 90, 45, 12.0, 11),
        (90, 90, 0, 12.0, 11),
        (11, 11, 0, 12.0, 1),
        (90, 1, 0, 6.0, 90),  # one that was too slow says nothing about the others
        (1, 1, 1, 5.0, 1),
        (1, 1, 1, 0.1, 30),
        (30, 30, 30, 0.0, 90),
    ],
)
def test_a_round_takes_what_could_be_estimated_in_time(
    before: int, asked: int, answered: int, seconds: float, after: int
) -> None:
    pace = Pace(jobs=before)
    pace.learn(asked, answered, seconds, WANTED)
    assert pace.jobs == after


def test_each_account_has_a_pace_of_its_own_and_begins_with_a_full_round() -> None:
    paces = Paces()
    paces.of("122:0xA").jobs = 1
    assert (paces.of("122:0xA").jobs, paces.of("122:0xB").jobs) == (1, JOBS_PER_ROUND)


def test_an_owner_whose_job_was_changed_stands_last_for_a_while() -> None:
    pace, now = Pace(), datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    pace.note_changed({"one"}, now)
    later = now + STAYS_LAST - timedelta(seconds=1)
    pace.note_changed({"two"}, later)

    assert [pace.is_last(owner, later) for owner in ("one", "two", "three")] == [True, True, False]
    assert [pace.is_last(owner, now + STAYS_LAST) for owner in ("one", "two")] == [False, True]
    pace.note_changed({"three"}, later + STAYS_LAST)
    assert pace.changed_at.keys() == {"three"}
