"""Jobs that cannot be signed: how often they are looked at and written, what is told of it, and when they fail."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.bounds import Bounds
from chalicelib.jobs.model import Fees, Status, WaitCode
from chalicelib.networks import GWEI
from tests.fakes.chain import ETHER
from tests.fakes.world import ALICE, BOUNDS, NETWORK, World

DAY = 24 * 3_600
TOO_MUCH = 10**30


def saves_of(world: World, job_id: str) -> int:
    return sum(call.name == "jobs.save" and call.arguments[0].job_id == job_id for call in world.calls.log)


def code_of(world: World, job_id: str) -> str | None:
    failure = world.job(job_id).failure
    return failure and failure.code


def test_a_job_that_its_account_cannot_pay_backs_off_while_the_balance_in_its_reason_changes() -> None:
    world = World()
    job_id = world.issue("hit one", value=TOO_MUCH)
    reasons = set()
    until = world.now + timedelta(seconds=75)
    while world.now < until:
        world.issue(f"hit other {len(world.jobs.rows)}")
        world.run(1)
        reasons.add(world.job(job_id).waits_because)
    assert len(reasons) > 2
    assert world.events(job_id) == ["issued", "waiting"]
    assert saves_of(world, job_id) <= 7


def test_a_job_that_waits_for_a_day_is_written_some_hundred_times_and_never_rests_for_more_than_five_minutes() -> None:
    world = World()
    job_id = world.issue("hit one", value=TOO_MUCH)
    rests = set()
    until = world.now + timedelta(seconds=DAY - 600)
    while world.now < until:
        world.step()
        job = world.job(job_id)
        if job.waits_until is not None and job.waits_until > world.now:
            rests.add((job.waits_until - world.now).total_seconds())
    assert saves_of(world, job_id) <= 350
    assert max(rests) <= 300


def test_the_end_of_a_condition_is_noticed_within_a_tenth_of_the_time_that_a_job_has_waited() -> None:
    world = World(wei=0)
    job_id = world.issue("hit one")
    world.run(1_800)
    world.chain.fund(ALICE, ETHER)
    world.run_until(lambda: world.status(job_id) is not Status.PENDING, minutes=3.1)


# --- failing after a bound ---------------------------------------------------------------------------------------------


def test_a_job_that_cannot_be_signed_fails_after_a_bound_and_says_what_it_waited_for() -> None:
    world = World(bounds=Bounds(unsigned_seconds=3_600))
    job_id = world.issue("hit one", value=2**255)
    world.run(3_590)
    assert world.status(job_id) is Status.PENDING
    world.run_until_settled(minutes=0.5)
    world.assert_exactly_once()
    failure = world.job(job_id).failure
    assert failure is not None
    assert failure.code == "CannotBeSigned"
    assert failure.reason.startswith("The job could not be signed for 1 hour: the account's funds do not cover the job")


def test_by_default_the_bound_is_a_day() -> None:
    assert BOUNDS.unsigned_seconds == DAY


def test_a_job_of_an_account_without_funds_fails_after_the_bound() -> None:
    world = World(wei=0, bounds=Bounds(unsigned_seconds=3_600))
    job_id = world.issue("hit one")
    world.run_until_settled(minutes=65)
    assert code_of(world, job_id) == "CannotBeSigned"


def test_valid_until_ends_a_wait_before_the_bound() -> None:
    world = World(bounds=Bounds(unsigned_seconds=3_600))
    job_id = world.issue("hit one", value=TOO_MUCH, valid_until=world.now + timedelta(minutes=20))
    world.run_until_settled(minutes=20.1)
    assert code_of(world, job_id) == "Expired"


def test_while_an_operator_has_paused_the_account_a_job_does_not_fail_and_afterwards_its_time_begins_anew() -> None:
    world = World(bounds=Bounds(unsigned_seconds=3_600))
    world.pause(ALICE, "the auditors are here")
    signed, unsigned = world.issue("hit one"), world.issue("hit two", value=TOO_MUCH)
    world.run(3 * 3_600)
    assert {world.status(job_id) for job_id in (signed, unsigned)} == {Status.PENDING}
    world.pause(ALICE, None)
    world.run(1_800)
    assert (world.status(signed), world.status(unsigned)) == (Status.SUCCEEDED, Status.PENDING)
    assert world.events(unsigned) == ["issued", "waiting", "resumed", "waiting"]
    world.run_until_settled(minutes=40)
    assert code_of(world, unsigned) == "CannotBeSigned"


def test_after_a_halt_that_was_longer_than_the_bound_a_job_is_looked_at_before_it_fails() -> None:
    world = World(bounds=Bounds(unsigned_seconds=3_600))
    new, waiting = world.issue("hit one", value=TOO_MUCH), world.issue("hit two", value=TOO_MUCH)
    world.queues.execute_queue.messages.clear()  # nothing runs
    world.now += timedelta(hours=4)
    world.chain.fund(ALICE, 10 * TOO_MUCH)
    world.run_until_settled(minutes=5)
    assert {world.status(job_id) for job_id in (new, waiting)} == {Status.SUCCEEDED}


def test_a_job_that_failed_after_the_bound_is_retried_with_all_its_time() -> None:
    world = World(bounds=Bounds(unsigned_seconds=600))
    job_id = world.issue("hit one", value=TOO_MUCH)
    world.run_until_settled(minutes=11)
    world.retry(job_id)
    world.run(300)
    assert world.status(job_id) is Status.PENDING
    world.chain.fund(ALICE, 10 * TOO_MUCH)
    world.run_until_settled(minutes=5)
    assert world.status(job_id) is Status.SUCCEEDED


# --- reverts that are not believed yet ---------------------------------------------------------------------------------


def test_a_revert_is_believed_after_a_bounded_wait_whatever_earlier_job_of_the_account_waits() -> None:
    world = World()
    stuck = world.issue("hit stuck", value=TOO_MUCH)
    world.run(3)
    reverting = world.issue("fail never")
    since = world.now
    world.run(BOUNDS.earlier_jobs_seconds - 5)
    assert (world.status(reverting), world.job(reverting).waits_code) == (Status.PENDING, WaitCode.EARLIER_TRANSACTIONS)
    world.run_until(lambda: world.status(reverting) is Status.FAILED, minutes=1)
    assert world.now - since <= timedelta(seconds=BOUNDS.earlier_jobs_seconds + 10)
    assert code_of(world, reverting) == "EstimateReverted"
    assert world.status(stuck) is Status.PENDING


def test_on_a_shared_account_another_owners_stuck_job_delays_a_failure_no_longer() -> None:
    world = World()
    world.share(ALICE)
    world.issue("hit stuck", value=TOO_MUCH, owner="one")
    world.run(3)
    reverting = world.issue("fail never", owner="another")
    world.run_until(lambda: world.status(reverting) is Status.FAILED, minutes=2.5)


def test_a_revert_is_believed_at_last_although_earlier_transactions_are_never_mined() -> None:
    world = World()
    world.issue("hit before")
    world.deliver()
    world.on_block = lambda: world.chain.mine(empty=True)
    reverting = world.issue("fail never")
    world.run(BOUNDS.revert_belief_seconds - 10)
    assert world.status(reverting) is Status.PENDING
    world.run(30)
    assert code_of(world, reverting) == "EstimateReverted"


def test_invariant_11_a_job_is_not_failed_for_one_that_could_not_be_signed_while_the_account_had_no_funds() -> None:
    """They are looked at out of step: the dependent one comes first once there are funds."""
    world = World(wei=0)
    first = world.issue("set first;hit 1")
    world.run(3)
    second = world.issue("need first;hit 2")
    world.run(1_000)
    world.chain.fund(ALICE, ETHER)
    world.run_until_settled(minutes=20)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in (first, second)} == {Status.SUCCEEDED}


# --- fees --------------------------------------------------------------------------------------------------------------


def test_a_job_whose_fee_limit_no_block_takes_waits_and_holds_up_nobody() -> None:
    world = World()
    world.chain.base_fee = 20 * GWEI
    cheap = world.issue("hit cheap", max_fee_per_gas=15 * GWEI)
    other = world.issue("hit other")
    world.run_until(lambda: world.status(other) is Status.SUCCEEDED, minutes=1)
    job = world.job(cheap)
    assert (job.status, job.waits_code) == (Status.PENDING, WaitCode.FEE_LIMIT_TOO_LOW)
    assert job.waits_because == (f"the network asks for {21 * GWEI} wei per gas, and the job's maxFeePerGas is {15 * GWEI} wei")
    assert world.account(ALICE).next_nonce == 1
    world.chain.base_fee = 10 * GWEI
    world.run_until_settled(minutes=2)
    world.assert_exactly_once()
    assert world.status(cheap) is Status.SUCCEEDED


def test_a_job_that_offers_just_what_the_next_block_takes_is_signed() -> None:
    world = World()
    world.chain.base_fee = 20 * GWEI
    job_id = world.issue("hit one", max_fee_per_gas=21 * GWEI)
    world.run_until_settled(minutes=1)
    assert world.status(job_id) is Status.SUCCEEDED


def test_a_retried_job_waits_for_a_price_within_its_limit_too() -> None:
    world = World()
    job_id = world.issue("trap once;hit one", max_fee_per_gas=15 * GWEI)
    world.run_until_settled(minutes=2)
    world.chain.base_fee = 20 * GWEI
    world.retry(job_id)
    world.run(30)
    assert (world.status(job_id), world.job(job_id).waits_code) == (Status.PENDING, WaitCode.FEE_LIMIT_TOO_LOW)
    assert world.account(ALICE).next_nonce == 1


def test_nothing_is_signed_at_the_services_own_cap_while_the_network_asks_for_more() -> None:
    world = World(network=replace(NETWORK, max_fee_cap=30 * GWEI))
    world.chain.base_fee = 40 * GWEI
    job_id = world.issue("hit one")
    world.run(30)
    assert (world.status(job_id), world.job(job_id).waits_code) == (Status.PENDING, WaitCode.FEE_LIMIT_TOO_LOW)
    assert "the most that this service offers is" in str(world.job(job_id).waits_because)
    world.chain.base_fee = 10 * GWEI
    world.run_until_settled(minutes=2)
    assert world.status(job_id) is Status.SUCCEEDED


@pytest.mark.parametrize(("limit", "status"), [(29, Status.PENDING), (30, Status.SUCCEEDED)])
def test_on_a_chain_without_base_fees_the_nodes_gas_price_decides(limit: int, status: Status) -> None:
    world = World()
    account_view, asked_for = world.chain.account_view, 30 * GWEI
    world.chain.account_view = lambda *asked: replace(  # type: ignore[method-assign]
        account_view(*asked), fees=Fees(asked_for), next_base_fee=None, gas_price=asked_for
    )
    job_id = world.issue("hit one", max_fee_per_gas=limit * GWEI)
    world.run(60)
    assert world.status(job_id) is status
