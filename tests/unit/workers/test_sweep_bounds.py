"""Invariant 6 for fresh jobs: however late an index or a replica is; and what a run of the sweeps does at most."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.stores import Sweep
from chalicelib.workers import sweep
from chalicelib.workers.sweep import sweep_jobs
from tests.fakes.world import ALICE, BOB, World
from tests.unit.workers.swept import Guard, hide, left_behind, lose_nudges, many

pytestmark = pytest.mark.slow

LAG = timedelta(minutes=5)


# --- what lags ---------------------------------------------------------------------------------------------------------


def test_a_job_that_the_index_showed_after_the_first_sweep_is_found_by_the_second() -> None:
    world = World()
    late, seen = world.issue("hit late"), world.issue("hit seen")
    lose_nudges(world)
    hide(world, late, world.now + LAG)
    guard = Guard(world)
    guard.hidden = lambda job, which: which is Sweep.FIRST and job.job_id == late

    world.run_until(lambda: world.status(seen) is Status.SUCCEEDED, minutes=5)
    assert guard.reached(ALICE, Sweep.FIRST) == world.job(seen).issued_order
    world.run(5 * 60)
    assert world.job(late).is_fresh, "the first sweep is past it"

    world.run_until_settled(minutes=10)
    world.assert_exactly_once()


def test_a_job_that_the_table_s_replica_does_not_show_yet_is_read_from_the_table_itself() -> None:
    world = World()
    hidden, seen = left_behind(world, 2)
    Guard(world)
    load = world.jobs.load

    def lagging(job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        return [job for job in load(job_ids) if consistent or job.job_id != hidden]

    world.jobs.load = lagging  # type: ignore[method-assign]
    assert sweep_jobs(world.ports) == 2
    assert not world.job(hidden).is_fresh and not world.job(seen).is_fresh


@pytest.mark.parametrize("now", ["started", "final"])
def test_a_row_that_is_older_than_what_is_true_does_no_harm(now: str) -> None:
    """The sweep believes that the job is pending; what it writes is refused, and what is true decides."""
    world = World()
    job_id = world.issue("hit one")
    old = world.job(job_id)
    world.deliver()
    if now == "final":
        world.run_until_settled(minutes=1)
    lose_nudges(world)
    world.now = old.created_at + timedelta(seconds=61)
    Guard(world)
    load = world.jobs.load
    world.jobs.load = lambda job_ids, *, consistent=True: load(job_ids) if consistent else [old]  # type: ignore[method-assign]

    assert sweep_jobs(world.ports) == 0
    assert world.job(job_id).is_open == (now == "started")
    assert not world.job(job_id).is_fresh


# --- how much ----------------------------------------------------------------------------------------------------------


def test_ten_thousand_open_jobs_of_one_account_are_swept_up_in_runs_of_bounded_work_and_hold_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweep.random, "shuffle", lambda _: None)  # the account with the many is the first
    world = World()
    many(world, 10_000)
    (other,) = left_behind(world, 1, BOB)
    guard = Guard(world)
    runs = 0
    while any(job.is_fresh for job in world.jobs.rows.values()):
        world.calls.log.clear()
        sweep_jobs(world.ports)
        runs += 1
        writes = world.calls.names().count("jobs.save")
        assert writes <= sweep.MARKED_AT_MOST
        assert len(world.calls.log) <= writes + 10 * (sweep.MARKED_AT_MOST / sweep.JOBS_PER_PAGE + 4)
        assert not world.job(other).is_fresh, "its turn came in the first run"
        world.now += timedelta(minutes=1)
    assert runs == 11
    assert guard.reached(ALICE, Sweep.FIRST) == max(
        job.issued_order for job in world.jobs.rows.values() if job.account == ALICE
    )


def test_a_run_reads_no_more_than_its_pages_and_the_next_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    many(world, 1_000, status=Status.CANCELLED, pending_since=None)
    monkeypatch.setattr(sweep, "PAGES", 6)
    guard = Guard(world)
    places: list[int] = []
    for _ in range(4):
        world.calls.log.clear()
        sweep_jobs(world.ports)
        assert world.calls.names().count("jobs.load") <= 6
        assert world.calls.names().count("jobs.issued_on") <= 6 + 4
        reached = guard.reached(ALICE, Sweep.FIRST)
        places.append(sum(job.issued_order <= (reached or "") for job in world.jobs.rows.values()))

    assert places == sorted(places)
    assert places[-1] == 1_000


def test_a_run_that_has_written_its_share_reads_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    many(world, 100)
    left_behind(world, 1, BOB)
    monkeypatch.setattr(sweep, "MARKED_AT_MOST", 50)
    monkeypatch.setattr(sweep.random, "shuffle", lambda _: None)

    assert sweep_jobs(world.ports) == 50

    assert world.calls.names().count("jobs.load") == 1
    assert world.calls.names().count("jobs.issued_on") == 1


def test_no_account_is_always_the_one_for_which_a_run_was_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    for sender in (ALICE, BOB):
        many(world, 3_000, sender, status=Status.CANCELLED, pending_since=None)
    monkeypatch.setattr(sweep, "PAGES", 1)
    for _ in range(28):
        sweep_jobs(world.ports)

    assert world.account(ALICE).swept_to is not None and world.account(BOB).swept_to is not None


def test_what_a_job_was_seen_to_be_by_the_first_sweep_it_is_asked_again_by_the_second() -> None:
    world = World()
    many(world, 150, status=Status.CANCELLED, pending_since=None)
    guard = Guard(world)
    sweep_jobs(world.ports)
    assert [which for _, which, _ in guard.moves] == [Sweep.FIRST] * 2

    world.now += timedelta(minutes=14)
    sweep_jobs(world.ports)

    assert [which for _, which, _ in guard.moves] == [*[Sweep.FIRST] * 2, *[Sweep.SECOND] * 2]
    account = world.account(ALICE)
    assert account.swept_to == account.swept_again_to
