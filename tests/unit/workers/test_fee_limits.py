"""Limits of what a transaction may offer: the issuer's own, the network's cap, and what is kept above it for cancels."""

from chalicelib.jobs.model import Job, Outcome, Purpose, Status
from chalicelib.jobs.pricing import cancel_cap
from chalicelib.networks import GWEI
from tests.fakes.world import BOUNDS, NETWORK, World

LIMIT = 22 * GWEI
TOO_LONG = (BOUNDS.unmined_blocks + 20) * NETWORK.block_seconds


def too_cheap(world: World, **request: object) -> str:
    """A job that was signed within its limit; the base fee is above it from now on."""
    job_id = world.issue("hit cheap", **request)
    world.deliver()
    world.chain.base_fee = 23 * GWEI
    return job_id


def test_a_transaction_whose_own_limit_is_too_low_gives_its_nonce_up_after_a_while_and_the_others_go_on() -> None:
    world = World()
    cheap = too_cheap(world, max_fee_per_gas=LIMIT)
    other = world.issue("hit other")
    signed_at = world.chain.blocks[-1].number
    world.run_until(lambda: world.job(cheap).attempt.abandoned is not None)
    assert world.chain.blocks[-1].number - signed_at >= BOUNDS.unmined_blocks
    assert world.status(other) is Status.STARTED
    world.run_until_settled(minutes=3)
    world.assert_exactly_once()
    job = world.job(cheap)
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, "FeeLimitTooLow")
    assert job.attempt.outcome is Outcome.CANCELLED
    assert world.status(other) is Status.SUCCEEDED
    assert job.attempt.latest.fees.max_fee_per_gas > LIMIT, "at the network's price"


def test_it_keeps_its_nonce_while_an_earlier_one_is_the_account_s_next() -> None:
    world = World()
    world.chain.lies.never_valid.add(b"hit first")
    first = world.issue("hit first")
    world.chain.transactions_per_block = 0
    world.deliver()
    cheap = too_cheap(world, max_fee_per_gas=LIMIT)
    world.run(TOO_LONG)
    assert world.job(cheap).attempt.abandoned is None
    world.chain.transactions_per_block = 400
    world.run_until(lambda: not world.job(first).is_open)
    world.run((BOUNDS.unmined_blocks - 20) * NETWORK.block_seconds)
    assert world.job(cheap).attempt.abandoned is None, "it was not the next one for so long"
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert world.job(cheap).failure.code == "FeeLimitTooLow"  # type: ignore[union-attr]


def test_at_the_network_s_cap_a_nonce_is_not_given_up() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.base_fee = 600 * GWEI
    world.run(TOO_LONG)
    assert world.job(job_id).attempt.abandoned is None
    world.chain.base_fee = 10 * GWEI
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


# --- what is kept for cancels --------------------------------------------------------------------------------------------


def at_the_cap(world: World) -> Job:
    """A job whose transaction can be raised no more, and is not mined for it."""
    job_id = world.issue("hit dear")
    world.deliver()
    world.chain.base_fee = 510 * GWEI
    world.run(60)
    return world.job(job_id)


def test_a_transaction_at_the_cap_can_be_cancelled() -> None:
    world = World()
    job = at_the_cap(world)
    assert job.attempt.latest.fees.max_fee_per_gas * 9 // 8 > NETWORK.max_fee_cap
    world.cancel(job.job_id)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert world.status(job.job_id) is Status.CANCELLED


def test_a_cancel_goes_no_further_above_the_cap_than_twice_the_step_of_a_replacement() -> None:
    world = World()
    job = at_the_cap(world)
    world.chain.base_fee = 5_000 * GWEI
    world.cancel(job.job_id)
    world.run(3_600)
    transactions = world.job(job.job_id).attempt.transactions
    offered = [one.fees.max_fee_per_gas for one in transactions if one.purpose is Purpose.CANCEL]
    assert NETWORK.max_fee_cap < max(offered) <= cancel_cap(NETWORK.max_fee_cap) == 632_812_500_000
    assert max(one.fees.max_fee_per_gas for one in transactions if one.purpose is not Purpose.CANCEL) <= NETWORK.max_fee_cap
    world.chain.base_fee = 10 * GWEI
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
