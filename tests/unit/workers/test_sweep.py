"""Invariant 6 for fresh jobs: each is seen by the sweeps of its account, whatever is lost, killed or overtaken."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from chalicelib.errors import ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.stores import Sweep
from chalicelib.workers.reconcile import reconcile_jobs
from chalicelib.workers.sweep import sweep_jobs
from tests.fakes.calls import Fault, Made, Mode
from tests.fakes.world import ALICE, BOB, World
from tests.unit.workers.swept import Guard, change_before_each_save, left_behind, lose_nudges

pytestmark = pytest.mark.slow


def nudged(world: World) -> list[str]:
    """Bodies of the execute queue, in order."""
    return [message.body for message in world.queues.execute_queue.messages]


# --- what is lost ------------------------------------------------------------------------------------------------------


def test_a_pending_job_whose_nudge_was_lost_is_nudged_when_it_is_a_minute_old() -> None:
    world = World()
    job_id = world.issue("hit one")
    lose_nudges(world)

    world.now += timedelta(seconds=59)
    assert reconcile_jobs(world.ports) == 0
    world.now += timedelta(seconds=2)
    assert reconcile_jobs(world.ports) == 1

    assert job_id in nudged(world)[0]
    assert reconcile_jobs(world.ports) == 0, "its nudge has a minute's time"
    world.run_until_settled(minutes=2)
    world.assert_exactly_once()


def test_a_job_that_the_sweep_has_nudged_in_vain_is_nudged_again() -> None:
    world = World()
    left_behind(world, 1)
    assert reconcile_jobs(world.ports) == 1
    lose_nudges(world)
    world.now += timedelta(seconds=61)

    assert reconcile_jobs(world.ports) == 1
    world.run_until_settled(minutes=2)
    world.assert_exactly_once()


def test_a_job_in_flight_that_nobody_polls_is_polled_again() -> None:
    world = World()
    world.issue("hit one")
    world.deliver()
    lose_nudges(world)

    world.run_until_settled(minutes=4)
    world.assert_exactly_once()


def test_a_job_in_flight_that_is_polled_all_along_is_never_polled_twice_over() -> None:
    """Two that poll it would go on side by side until it is final."""
    world = World()
    world.issue("hit one")
    world.deliver()
    world.chain.lies.hides_receipts = True
    polls: list[int] = []
    for _ in range(60):
        world.run(10)
        polls.append(len(world.queues.confirm_queue.messages))

    assert max(polls) == 1
    world.chain.lies.hides_receipts = False
    world.run_until_settled()
    world.assert_exactly_once()


def test_jobs_that_are_final_within_a_minute_are_read_and_never_written() -> None:
    world = World()
    for sender in (ALICE, BOB):
        world.issue(f"hit {sender}", sender)
    world.run_until_settled(minutes=1)
    versions = {job.job_id: job.version for job in world.jobs.rows.values()}

    world.calls.log.clear()
    world.run(30 * 60)

    reads = [call.arguments for call in world.calls.log if call.name == "jobs.load"]
    assert sorted(reads) == sorted(([job_id], False) for job_id in [*versions, *versions]), "twice, at half the cost"
    assert {job.job_id: job.version for job in world.jobs.rows.values()} == versions
    assert all(job.next_check_at is None for job in world.jobs.rows.values())


def test_an_account_with_nothing_new_costs_one_look_a_sweep_and_no_write() -> None:
    world = World()
    world.issue("hit one")
    world.run(30 * 60)
    world.calls.log.clear()

    assert sweep_jobs(world.ports) == 0

    assert world.calls.names() == ["accounts.all", *["jobs.issued_on"] * 4]


# --- what fails, dies or is overtaken ----------------------------------------------------------------------------------


def swept_up(world: World) -> None:
    """Two pending jobs of one account and one of another, and one in flight, all left behind; then all goes on."""
    world.issue("hit started")
    world.deliver()
    left_behind(world, 2)
    left_behind(world, 1, BOB)
    with_guard = Guard(world)
    world._reconcile()
    world.run_until_settled(minutes=10)
    world.run(20 * 60)
    assert with_guard.moves


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.name)
def test_whichever_call_of_a_sweep_fails_or_is_its_last_no_job_is_forgotten(mode: Mode) -> None:
    undisturbed = World()
    swept_up(undisturbed)
    undisturbed.assert_exactly_once()
    begin = undisturbed.calls.names().index("jobs.due")
    end = undisturbed.calls.names().index("jobs.due", begin + 1)  # of the next run
    assert undisturbed.calls.names()[begin:end].count("jobs.save") == 4
    for index in range(begin, end):
        world = World()
        world.calls.fault = Fault(index, mode)
        try:
            swept_up(world)
            world.assert_exactly_once()
        except AssertionError as error:
            raise AssertionError(f"call {index}, {world.calls.log[index].name}, {mode}: {error}") from error


@pytest.mark.parametrize("times", [1, 3])
def test_a_job_that_is_still_fresh_after_a_lost_race_is_looked_after_all_the_same(times: int) -> None:
    world = World()
    (job_id,) = left_behind(world, 1)
    Guard(world)
    change_before_each_save(world, times)

    assert sweep_jobs(world.ports) == 1
    assert not world.job(job_id).is_fresh


def test_the_watermark_does_not_pass_a_job_that_always_wins_the_race() -> None:
    world = World()
    first, restless, last = left_behind(world, 3)
    guard = Guard(world)
    change_before_each_save(world, 1_000)
    world.calls.watch, overtaking = (lambda _: None), world.calls.watch
    watched = world.job(restless)

    def only_the_second(call: Made) -> None:
        if call.name == "jobs.save" and call.arguments[0].job_id == watched.job_id:
            overtaking(call)

    world.calls.watch = only_the_second
    assert sweep_jobs(world.ports) == 1
    assert guard.reached(ALICE, Sweep.FIRST) == world.job(first).issued_order
    assert world.job(restless).is_fresh and world.job(last).is_fresh

    world.calls.watch = lambda _: None
    assert sweep_jobs(world.ports) == 2
    assert guard.reached(ALICE, Sweep.FIRST) == world.job(last).issued_order


def test_two_sweeps_at_once_nudge_once() -> None:
    world = World()
    left_behind(world, 3)
    Guard(world)
    watch = world.calls.watch
    both: list[int] = []

    def overtake(call: Made) -> None:
        world.calls.watch = watch
        world.now += timedelta(microseconds=1)  # no two of them write the very same
        both.append(sweep_jobs(world.ports))
        world.now += timedelta(microseconds=1)

    world.calls.watch = lambda call: overtake(call) if call.name == "jobs.save" else None
    both.append(sweep_jobs(world.ports))

    assert both == [3, 0]


def test_an_account_that_is_just_signing_keeps_no_watermark_from_moving_later() -> None:
    world = World()
    job_ids = left_behind(world, 2)
    move = world.accounts.swept

    def conflict(*_: object) -> None:
        raise VersionConflict("a transaction was writing the account")

    world.accounts.swept = conflict  # type: ignore[method-assign]
    assert sweep_jobs(world.ports) == 2
    world.accounts.swept = move  # type: ignore[method-assign]
    assert world.account(ALICE).swept_to is None
    assert sweep_jobs(world.ports) == 0
    assert world.account(ALICE).swept_to == world.job(job_ids[-1]).issued_order


def test_an_account_whose_jobs_cannot_be_read_keeps_no_other_from_being_swept() -> None:
    world = World()
    broken, fine = left_behind(world, 1), left_behind(world, 1, BOB)
    load = world.jobs.load

    def load_some(job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        if set(wanted := list(job_ids)) & set(broken):
            raise KeyError("a row that nothing can read")
        return load(wanted, consistent=consistent)

    world.jobs.load = load_some  # type: ignore[method-assign]
    assert sweep_jobs(world.ports) == 1
    assert not world.job(fine[0]).is_fresh
    assert world.account(ALICE).swept_to is None


def test_a_table_that_does_not_answer_ends_the_run() -> None:
    """Every account would ask it in vain."""
    world = World()
    left_behind(world, 1)

    def away(*_: object, **__: object) -> list[tuple[str, str]]:
        raise ServiceUnavailable("no table")

    world.jobs.issued_on = away  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable):
        sweep_jobs(world.ports)
