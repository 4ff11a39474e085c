"""Transactions that run out of the gas that this service estimated, and those that only look like it."""

from datetime import timedelta

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Job, Outcome, Purpose, Status
from tests.fakes.world import ALICE, BOUNDS, World


def outcomes(job: Job) -> list[Outcome | None]:
    return [attempt.outcome for attempt in job.attempts]


def two_to_one_slot(world: World, first: str = "fill slot;hit first") -> tuple[str, str]:
    """Two jobs that write one fresh slot. The second is estimated on a state that the first has made."""
    world.on_block = lambda: world.chain.mine(empty=True)
    job_ids = []
    for programme in (first, "fill slot;hit second"):
        job_ids.append(world.issue(programme))
        world.deliver()
    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}
    return job_ids[0], job_ids[1]


def settle(world: World) -> None:
    world.on_block = world.chain.mine
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()


def test_a_job_that_ran_out_of_the_estimated_gas_because_the_one_before_it_was_cancelled_succeeds() -> None:
    world = World()
    first, second = two_to_one_slot(world)
    world.cancel(first)
    world.run_until(lambda: world.job(first).attempt.latest.purpose is Purpose.CANCEL)
    settle(world)
    job = world.job(second)
    assert (world.status(first), job.status) == (Status.CANCELLED, Status.SUCCEEDED)
    assert outcomes(job) == [Outcome.OUT_OF_GAS, Outcome.CONFIRMED]
    assert job.attempts[1].gas > job.attempts[0].gas, "estimated anew"
    assert "outOfGas" in world.events(second)
    assert "failed" not in world.events(second)


def test_a_job_that_ran_out_of_the_estimated_gas_because_the_one_before_it_was_displaced_succeeds() -> None:
    world = World()
    first, second = two_to_one_slot(world)
    world.chain.send_foreign(ALICE)
    settle(world)
    assert outcomes(world.job(first)) == [Outcome.DISPLACED, Outcome.CONFIRMED]
    assert world.status(second) is Status.SUCCEEDED
    assert Outcome.OUT_OF_GAS in outcomes(world.job(second)) or world.job(second).attempt_count == 1


def test_a_job_that_ran_out_of_the_estimated_gas_because_the_one_before_it_reverted_succeeds() -> None:
    world = World()
    first, second = two_to_one_slot(world, "fill slot;trap no;hit first")
    settle(world)
    assert world.status(first) is Status.FAILED
    assert outcomes(world.job(second)) == [Outcome.OUT_OF_GAS, Outcome.CONFIRMED]


def burns_whatever_it_gets(world: World) -> str:
    """A contract that passes its simulations, and a replay, and takes all gas when it is mined."""
    world.chain.passes_with_more_gas = lambda *_: True  # type: ignore[method-assign]
    return world.issue("burn all;hit one")


def test_a_contract_that_burns_all_gas_costs_a_bounded_number_of_transactions_until_it_is_retried() -> None:
    world = World()
    job_id = burns_whatever_it_gets(world)
    after = world.issue("hit two")
    settle(world)
    job = world.job(job_id)
    assert outcomes(job) == [Outcome.OUT_OF_GAS] * BOUNDS.gas_attempts
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, "OutOfGas")
    assert f"gas limit was {job.attempt.gas}" in job.failure.reason  # type: ignore[union-attr]
    assert world.status(after) is Status.SUCCEEDED
    world.retry(job_id)
    settle(world)
    assert outcomes(world.job(job_id)) == [Outcome.OUT_OF_GAS] * BOUNDS.gas_attempts * 2, "retry begins anew"


def test_what_all_attempts_have_cost_is_told_also_of_those_that_are_no_longer_kept() -> None:
    world = World()
    job_id = burns_whatever_it_gets(world)
    before = world.chain.balance(ALICE)
    for _ in range(4):
        settle(world)
        world.retry(job_id)
    settle(world)
    job = world.job(job_id)
    assert job.attempt_count == 5 * BOUNDS.gas_attempts > len(job.attempts)
    assert job.total_fee == before - world.chain.balance(ALICE)


def test_a_revert_that_takes_all_gas_and_fails_with_more_is_not_signed_anew() -> None:
    world = World()
    job_id = world.issue("burn all;hit one")
    settle(world)
    job = world.job(job_id)
    assert (job.attempt_count, job.failure and job.failure.code) == (1, "TransactionReverted")


def test_the_issuer_s_own_gas_limit_is_never_raised() -> None:
    world = World()
    first, second = two_to_one_slot(world)
    third = world.issue("fill slot;hit third", gas=25_000)
    world.deliver()
    world.cancel(second)
    world.cancel(first)
    world.run_until(lambda: world.job(first).attempt.latest.purpose is Purpose.CANCEL)
    settle(world)
    assert outcomes(world.job(third)) == [Outcome.REVERTED]


def test_a_job_that_ran_out_of_gas_while_it_was_to_be_cancelled_is_cancelled() -> None:
    world = World()
    first, second = two_to_one_slot(world)
    world.cancel(first)
    world.run_until(lambda: world.job(first).attempt.latest.purpose is Purpose.CANCEL)
    world.chain.mine()
    world.cancel(second)
    settle(world)
    assert (world.status(second), outcomes(world.job(second))) == (Status.CANCELLED, [Outcome.OUT_OF_GAS])


def test_it_keeps_its_place_before_jobs_that_were_issued_after_it() -> None:
    world = World()
    first, second = two_to_one_slot(world)
    world.cancel(first)
    world.run_until(lambda: world.job(first).attempt.latest.purpose is Purpose.CANCEL)
    places: list[object] = []
    save = world.jobs.save

    def noted(job: Job) -> Job:
        if job.status is Status.PENDING:
            places.append(job.pending_since)
        return save(job)

    world.jobs.save = noted  # type: ignore[method-assign]
    settle(world)
    assert set(places) == {world.job(second).created_at}


# --- replays take a bounded time -----------------------------------------------------------------------------------------


def slow_replays(world: World, seconds: float) -> None:
    reason = world.chain.revert_reason

    def slowly(*arguments: object) -> str:
        world.now += timedelta(seconds=seconds)
        return reason(*arguments)  # type: ignore[arg-type]

    world.chain.revert_reason = slowly  # type: ignore[method-assign]


def test_slow_replays_hold_back_no_closing_and_end_within_their_time() -> None:
    world = World()
    trapped = [world.issue(f"trap no {number};hit {number}") for number in range(34)]
    well = world.issue("hit well")
    slow_replays(world, 1)
    saved: list[str] = []
    save = world.jobs.save

    def noted(job: Job) -> Job:
        if not job.is_open:
            saved.append(job.job_id)
        return save(job)

    world.jobs.save = noted  # type: ignore[method-assign]
    world.run_until_settled(minutes=5)
    assert saved[0] == well, "before any replay"
    reasons = [world.job(job_id).failure.reason for job_id in trapped]  # type: ignore[union-attr]
    told = sum(reason.startswith("no ") for reason in reasons)
    assert told == BOUNDS.replay_seconds
    assert all("could not be read" in reason for reason in reasons if not reason.startswith("no "))
    world.assert_exactly_once()


def test_a_reason_that_no_node_ever_tells_does_not_keep_a_job_open_for_ever() -> None:
    world = World()
    job_id = world.issue("trap no;hit one")

    def never(*_: object) -> str:
        raise ChainUnavailable("The chain's node did not replay the transaction.")

    world.chain.revert_reason = never  # type: ignore[method-assign]
    blocks = BOUNDS.unmined_blocks + 2 * world.network.confirmations
    world.run((blocks - 20) * world.network.block_seconds)
    assert world.status(job_id) is Status.STARTED, "the node may tell it a moment later"
    world.run(40 * world.network.block_seconds)
    assert world.job(job_id).failure.code == "TransactionReverted"  # type: ignore[union-attr]
