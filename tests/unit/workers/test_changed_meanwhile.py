"""Somebody else changes jobs of a round while it is worked on: only these jobs are left out (invariant 12)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.jobs.model import Account, Job, Status, WaitCode
from chalicelib.jobs.states import cancelled, waiting, with_next_check
from chalicelib.workers.execute import execute_jobs
from chalicelib.workers.storing import store_signed
from tests.fakes.world import ALICE, World

ALICES = f"122:{ALICE}"


def before_each_start(world: World, monkeypatch: pytest.MonkeyPatch, act: Callable[[Sequence[Job]], None]) -> list[list[str]]:
    """Do this with the jobs of each `start`, right before it. Returns the ids of each, as they come."""
    start, rounds = world.jobs.start, list[list[str]]()

    def watched(account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        rounds.append([job.job_id for job in jobs])
        act([world.job(job.job_id) for job in jobs])
        return start(account, next_nonce, jobs)

    monkeypatch.setattr(world.jobs, "start", watched)
    return rounds


def before_first_save(world: World, monkeypatch: pytest.MonkeyPatch, job_id: str, change: Callable[[Job], Job]) -> None:
    """Somebody else writes the job right before the worker does."""
    save = world.jobs.save

    def raced(job: Job) -> Job:
        if job.job_id == job_id:
            monkeypatch.setattr(world.jobs, "save", save)
            save(change(world.job(job_id)))
        return save(job)

    monkeypatch.setattr(world.jobs, "save", raced)


def cancel_one(world: World, owner: str, choose: int) -> Callable[[Sequence[Job]], None]:
    """The owner cancels one of its own jobs of the round: the first or the last one."""

    def cancel(jobs: Sequence[Job]) -> None:
        theirs = [job for job in jobs if job.owner == owner]
        if theirs:
            world.jobs.save(cancelled(theirs[choose], world.now))

    return cancel


@pytest.mark.parametrize("choose", [0, -1])
@pytest.mark.parametrize("before", [0, 30, 120])
def test_who_cancels_a_job_in_every_round_keeps_no_other_owners_job_from_being_signed(
    choose: int, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    world.share(ALICE)
    for number in range(before):
        world.issue(f"hit before {number}", owner="mallory")
    mine = [world.issue(f"hit mine {number}", owner="zoe") for number in range(2)]
    for number in range(30):
        world.issue(f"hit after {number}", owner="mallory")
    rounds = before_each_start(world, monkeypatch, cancel_one(world, "mallory", choose))

    execute_jobs(ALICES, mine[:1], world.ports)

    tries = [number for number, job_ids in enumerate(rounds) if set(mine) & set(job_ids)]
    assert {world.status(job_id) for job_id in mine} == {Status.STARTED}
    assert len(tries) <= 5, "the round in which it happens and the next one, each with what stands before the changes"
    signed = [job for job in world.jobs.rows.values() if job.status is Status.STARTED]
    assert sorted(job.attempt.nonce for job in signed) == list(range(len(signed))), "there are no gaps"
    assert world.account(ALICE).next_nonce == len(signed)
    monkeypatch.undo()
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()


def test_owners_who_take_turns_at_it_do_not_either(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.share(ALICE)
    gang = ["mallory 1", "mallory 2", "mallory 3"]
    for number in range(60):
        world.issue(f"hit {number}", owner=gang[number % 3])
    mine = world.issue("hit mine", owner="zoe")

    def cancel_the_first(jobs: Sequence[Job]) -> None:
        if jobs[0].owner in gang:
            world.jobs.save(cancelled(jobs[0], world.now))

    rounds = before_each_start(world, monkeypatch, cancel_the_first)

    execute_jobs(ALICES, [mine], world.ports)

    assert world.status(mine) is Status.STARTED
    assert next(number for number, job_ids in enumerate(rounds) if job_ids[0] == mine) <= len(gang)


def test_jobs_before_the_one_that_was_changed_are_stored_in_the_same_round(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(5)]
    signed: list[Sequence[Job]] = []
    start = world.jobs.start
    monkeypatch.setattr(world.jobs, "start", lambda account, nonce, jobs: signed.append(jobs) or start(account, nonce, jobs))
    before_each_start(world, monkeypatch, lambda jobs: None if len(signed) else _cancel(world, jobs, (2, 3)))

    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert [len(jobs) for jobs in signed] == [5, 2, 1]
    statuses = [world.status(job_id) for job_id in job_ids]
    assert statuses == [Status.STARTED, Status.STARTED, Status.CANCELLED, Status.CANCELLED, Status.STARTED]
    assert [world.job(job_ids[number]).attempt.nonce for number in (0, 1, 4)] == [0, 1, 2]
    monkeypatch.undo()
    world.run_until_settled()
    world.assert_exactly_once()


def _cancel(world: World, jobs: Sequence[Job], places: Sequence[int]) -> None:
    for number in places:
        world.jobs.save(cancelled(jobs[number], world.now))


def test_a_job_that_is_still_pending_after_the_change_is_signed_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reconcile has only written when it looks again. The owner's later jobs are not signed before this one."""
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(4)]
    touched: list[str] = []

    def touch_once(jobs: Sequence[Job]) -> None:
        if not touched:
            touched.append(jobs[1].job_id)
            world.jobs.save(with_next_check(jobs[1], world.now + timedelta(seconds=60)))

    before_each_start(world, monkeypatch, touch_once)

    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert [world.job(job_id).attempt.nonce for job_id in job_ids] == [0, 1, 2, 3]


def test_a_round_of_which_every_job_was_changed_stores_nothing() -> None:
    world = World()
    jobs = [world.job(world.issue(f"hit {number}")) for number in range(3)]
    for job in jobs:
        world.jobs.save(cancelled(job, world.now))

    stored = store_signed(world.account(ALICE), 0, jobs, world.ports)

    assert (stored.started, stored.refused, stored.behind) == ([], [], [])
    assert stored.changed == [job.job_id for job in jobs]


def test_of_a_round_with_a_refused_row_and_a_changed_job_the_others_are_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(6)]
    world.jobs.refused = {job_ids[2]}
    done: list[int] = []

    def cancel_once(jobs: Sequence[Job]) -> None:
        if not done:
            done.append(1)
            _cancel(world, jobs, [4])

    before_each_start(world, monkeypatch, cancel_once)

    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert [world.job(job_ids[number]).attempt.nonce for number in (0, 1, 3, 5)] == [0, 1, 2, 3]
    assert world.status(job_ids[2]) is Status.PENDING
    assert world.status(job_ids[4]) is Status.CANCELLED


# --- jobs that fail ----------------------------------------------------------------------------------------------------


def expires(world: World) -> str:
    job_id = world.issue("hit expired", valid_until=world.now + timedelta(seconds=5))
    world.now += timedelta(seconds=6)
    return job_id


def reverts(world: World) -> str:
    return world.issue("fail never")


def cannot_be_built(world: World) -> str:
    world.signers.poison.add(b"hit poison")
    return world.issue("hit poison")


def calls_what_does_not_exist(world: World) -> str:
    world.share(ALICE)
    job_id = world.issue("hit nothing")
    job, long_ago = world.job(job_id), world.now - timedelta(hours=1)
    nothing = replace(job.request, to="0x" + "9" * 40)
    world.jobs.rows[job_id] = replace(job, request=nothing, created_at=long_ago, pending_since=long_ago)
    return job_id


@pytest.mark.parametrize("make", [expires, reverts, cannot_be_built, calls_what_does_not_exist])
def test_a_job_that_is_cancelled_while_it_fails_stops_no_other_of_its_round(
    make: Callable[[World], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    failing = make(world)
    first, last = (world.issue(f"hit {name}") for name in ("first", "last"))
    before_first_save(world, monkeypatch, failing, lambda job: cancelled(job, world.now))
    rounds = before_each_start(world, monkeypatch, lambda _: None)
    world.calls.log.clear()

    execute_jobs(ALICES, [first, failing], world.ports)

    assert rounds == [[first, last]]
    assert world.calls.names().count("accounts.get") == 1, "the round is not begun anew"
    assert world.status(failing) is Status.CANCELLED
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


@pytest.mark.parametrize("make", [expires, reverts, cannot_be_built, calls_what_does_not_exist])
def test_a_job_that_is_still_pending_after_the_change_fails_in_the_same_run(
    make: Callable[[World], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    failing = make(world)
    before_first_save(world, monkeypatch, failing, lambda job: with_next_check(job, world.now + timedelta(seconds=60)))

    execute_jobs(ALICES, [failing], world.ports)

    assert world.status(failing) is Status.FAILED


def test_a_revert_is_not_believed_while_an_earlier_revert_of_its_owner_may_be_pending_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    first, second = (world.issue(f"fail {number}") for number in range(2))
    before_first_save(world, monkeypatch, first, lambda job: with_next_check(job, world.now + timedelta(seconds=60)))

    execute_jobs(ALICES, [first], world.ports)

    assert world.status(first) is Status.FAILED
    assert (world.status(second), world.job(second).waits_code) == (Status.PENDING, WaitCode.EARLIER_TRANSACTIONS)
    world.run_until_settled(minutes=5)
    assert world.status(second) is Status.FAILED


# --- what reverts read -------------------------------------------------------------------------------------------------


def looks(world: World) -> list[tuple[Any, ...]]:
    return [call.arguments for call in world.calls.log if call.name == "jobs.earliest_waiting"]


def test_earlier_jobs_are_looked_for_once_a_round_however_many_jobs_revert() -> None:
    world = World()
    job_ids = [world.issue(f"fail {number}") for number in range(90)]

    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert {world.status(job_id) for job_id in job_ids} == {Status.FAILED}
    assert len(looks(world)) == 1


def test_no_earlier_jobs_are_looked_for_where_nothing_reverts() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(9)]

    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert looks(world) == []


def test_reverts_behind_a_job_that_waits_are_not_believed_and_those_before_it_are() -> None:
    world = World()
    before = [world.issue(f"fail {number}") for number in range(3)]
    waits = world.issue("set first;hit waits")
    behind = [world.issue(f"need first;hit {number}") for number in range(3)]
    until = world.now + timedelta(seconds=30)
    world.jobs.save(waiting(world.job(waits), world.now, until, "of a test", next_check_at=until))

    execute_jobs(ALICES, before[:1], world.ports)

    assert {world.status(job_id) for job_id in before} == {Status.FAILED}
    assert {(world.status(job_id), world.job(job_id).waits_code) for job_id in behind} == {
        (Status.PENDING, WaitCode.EARLIER_TRANSACTIONS)
    }
    assert len(looks(world)) == 1
    world.run_until_settled(minutes=5)
    assert {world.status(job_id) for job_id in (waits, *behind)} == {Status.SUCCEEDED}
