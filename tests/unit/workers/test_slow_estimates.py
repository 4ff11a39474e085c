"""Estimates that take long: the slow job waits alone and fails in the end, and nobody else waits for longer than a round."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from chalicelib.jobs.model import Status, WaitCode
from chalicelib.jobs.ports import Call, Estimate, Unavailable
from chalicelib.jobs.states import waiting
from chalicelib.workers.execute import execute_jobs
from tests.fakes.slow_node import SlowNode
from tests.fakes.world import ALICE, BOUNDS, World

pytestmark = pytest.mark.slow

CLIENTS = pytest.mark.parametrize("splits", [True, False], ids=["a client that splits", "a client that gives up"])


def slow_for(word: str, seconds: float) -> Callable[[Call], float]:
    """Calls whose programme has this word take so long; others a hundredth of a second."""
    return lambda call: seconds if word in call.data.decode() else 0.01


def statuses(world: World, job_ids: list[str]) -> set[Status]:
    return {world.status(job_id) for job_id in job_ids}


@CLIENTS
def test_one_slow_estimate_backs_off_alone_and_the_rest_of_its_round_is_signed(splits: bool) -> None:
    world = World()
    SlowNode(world, slow_for("slow", 100), splits=splits)
    before = [world.issue(f"hit before {number}") for number in range(20)]
    slow = world.issue("hit slow")
    after = [world.issue(f"hit after {number}") for number in range(20)]
    world.run_until(lambda: statuses(world, before + after) == {Status.SUCCEEDED}, minutes=2)
    job = world.job(slow)
    assert (job.status, job.waits_code) == (Status.PENDING, WaitCode.ESTIMATE_TOO_SLOW)
    assert all(world.events(job_id) == ["issued", "signed", "succeeded"] for job_id in before + after), (
        "nobody else was put off"
    )


@CLIENTS
def test_a_job_whose_estimate_stays_too_slow_fails_with_a_code_of_its_own(splits: bool) -> None:
    world = World()
    SlowNode(world, slow_for("slow", 100), splits=splits)
    slow = world.issue("hit slow")
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    failure = world.job(slow).failure
    assert failure is not None
    assert failure.code == "EstimateTooSlow"
    assert world.events(slow) == ["issued", "waiting", "failed"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_while_a_node_estimates_nothing_at_all_no_job_is_to_blame_however_long_that_takes(jobs: int) -> None:
    """It answers everything else, as behind a provider that refuses what costs it much."""
    world = World()
    node = SlowNode(world, lambda _: 100, splits=False)
    job_ids = [world.issue(f"hit {number}") for number in range(jobs)]
    world.run(30 * 60)
    assert {(world.status(job_id), world.job(job_id).waits_code) for job_id in job_ids} == {
        (Status.PENDING, WaitCode.CHAIN_UNAVAILABLE)
    }
    node._seconds_of = lambda _: 0.01
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert statuses(world, job_ids) == {Status.SUCCEEDED}


def test_an_estimate_that_was_slow_for_a_moment_is_signed_after_it() -> None:
    world = World()
    node = SlowNode(world, slow_for("slow", 100))
    slow = world.issue("hit slow")
    world.run(30)
    node._seconds_of = lambda _: 0.01
    world.run_until_settled(minutes=3)
    world.assert_exactly_once()
    assert world.status(slow) is Status.SUCCEEDED


@CLIENTS
def test_a_node_that_is_a_little_slow_has_a_hundred_jobs_signed_and_none_put_off(splits: bool) -> None:
    world = World()
    SlowNode(world, lambda _: 0.1, splits=splits)
    job_ids = [world.issue(f"hit {number}") for number in range(100)]
    world.run_until_settled(minutes=3)
    world.assert_exactly_once()
    assert world.chain.order_of_effects() == [str(number) for number in range(100)]
    assert {tuple(world.events(job_id)) for job_id in job_ids} == {("issued", "signed", "succeeded")}


def test_a_node_that_recovers_is_asked_for_full_rounds_again() -> None:
    world = World()
    node = SlowNode(world, lambda _: 0.5)
    for number in range(100):
        world.issue(f"hit {number}")
    world.run_until_settled(minutes=5)
    node._seconds_of = lambda _: 0.01
    for number in range(300):
        world.issue(f"hit again {number}")
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert max(node.batches[-3:]) == 90


def test_invariant_11_jobs_of_one_owner_keep_their_order_past_a_job_whose_estimate_was_lost() -> None:
    world = World()
    world.share(ALICE)
    estimate, lost = world.chain.estimate, {"hit 1"}

    def loses_one(calls: Sequence[Call]) -> list[Estimate]:
        answers = [
            Unavailable("the answer was lost", answered=False) if call.data.decode() in lost else answer
            for call, answer in zip(calls, estimate(calls), strict=True)
        ]
        lost.clear()
        return answers

    world.chain.estimate = loses_one  # type: ignore[method-assign]
    mine = [world.issue(f"hit {number}", owner="one") for number in range(4)]
    others = world.issue("hit other", owner="another")
    world.run_until_settled(minutes=1)
    world.assert_exactly_once()
    assert world.chain.order_of_effects() == ["0", "other", "1", "2", "3"]
    assert {tuple(world.events(job_id)) for job_id in (*mine, others)} == {("issued", "signed", "succeeded")}


# --- invariant 12 ------------------------------------------------------------------------------------------------------


def seconds_until_signed(world: World, job_id: str) -> float:
    since = world.now
    world.run_until(lambda: world.status(job_id) is not Status.PENDING, minutes=60)
    return (world.job(job_id).attempt.latest.signed_at - since).total_seconds()


@pytest.mark.parametrize("seconds", [1.0, 5.0, 100.0])
@CLIENTS
def test_invariant_12_no_owners_slow_jobs_keep_anothers_waiting_for_longer_than_a_bounded_round(
    seconds: float, splits: bool
) -> None:
    world = World()
    world.share(ALICE)
    SlowNode(world, slow_for("slow", seconds), splits=splits)
    for number in range(400):
        world.issue(f"hit slow {number}", owner="mallory")
    assert seconds_until_signed(world, world.issue("hit transfer", owner="another")) <= 2 * BOUNDS.run_seconds


def test_invariant_12_an_owners_burst_keeps_anothers_job_waiting_for_a_round() -> None:
    world = World()
    world.share(ALICE)
    for number in range(500):
        world.issue(f"hit {number}", owner="busy")
    job_id = world.issue("hit transfer", owner="another")
    world.deliver()
    assert world.job(job_id).attempt.nonce < 90


def test_invariant_12_slow_jobs_that_come_back_go_after_anothers_job_and_one_in_a_run() -> None:
    world = World()
    world.share(ALICE)
    node = SlowNode(world, slow_for("slow", 100))
    slow = [world.issue(f"hit slow {number}", owner="mallory") for number in range(8)]
    for job_id in slow:
        later = world.now + timedelta(seconds=5)
        was_slow = waiting(world.job(job_id), world.now, later, "slow", code=WaitCode.ESTIMATE_TOO_SLOW, next_check_at=later)
        world.jobs.save(was_slow)
    world.now += timedelta(seconds=6)
    transfer = world.issue("hit transfer", owner="another")
    began = world.now
    execute_jobs(world.account(ALICE).account_id, [*slow, transfer], world.ports)
    assert (world.job(transfer).attempt.latest.signed_at - began).total_seconds() < 1
    assert node.batches == [1, 1], "the transfer, and one of the slow ones"


def test_invariant_12_a_job_is_not_taken_for_slow_because_a_node_goes_on_with_anothers_estimates() -> None:
    world = World()
    world.share(ALICE)
    node = SlowNode(world, slow_for("slow", 10), lingers=True)
    slow = [world.issue(f"hit slow {number}", owner="mallory") for number in range(8)]
    transfer = world.issue("hit transfer", owner="another")
    flooded = world.now + timedelta(seconds=(8 + 4) * 10)
    world.run_until(lambda: world.status(transfer) is not Status.PENDING, minutes=10)
    assert world.events(transfer)[:2] == ["issued", "signed"], "it was not put off once"
    assert world.job(transfer).attempt.latest.signed_at <= flooded + timedelta(seconds=2 * BOUNDS.run_seconds)
    world.run_until_settled(minutes=60)
    assert {world.job(job_id).failure and world.job(job_id).failure.code for job_id in slow} == {"EstimateTooSlow"}
    assert node.batches


def test_jobs_of_several_owners_that_one_round_holds_are_signed_in_the_order_of_issue() -> None:
    world = World()
    world.share(ALICE)
    job_ids = [world.issue(f"hit {number}", owner=f"owner {number % 3}") for number in range(60)]
    world.deliver()
    assert [world.job(job_id).attempt.nonce for job_id in job_ids] == list(range(60))
