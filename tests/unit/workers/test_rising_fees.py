"""Base fees that rise above what an account's transactions offer: all of them are priced anew, at once and in few requests."""

from collections import Counter

from chalicelib.jobs.model import Purpose, Status
from chalicelib.networks import GWEI
from tests.fakes.world import ALICE, NETWORK, World

JOBS = 20
FIRST_LOOK = NETWORK.confirmations * NETWORK.block_seconds


def flood(world: World, base_fee: int, *, rounds: int = 1) -> list[str]:
    """Jobs of one account that were signed cheaply, in so many rounds; the base fee is above what they offer from now on."""
    job_ids = []
    for number in range(JOBS):
        job_ids.append(world.issue(f"hit {number}"))
        if number % (JOBS // rounds) == 0:
            world.deliver()
    world.deliver()
    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}
    world.chain.base_fee = base_fee
    return job_ids


def seconds_until_settled(world: World) -> float:
    start = world.now
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    return (world.now - start).total_seconds() - 150  # what `assert_exactly_once` waits


def test_all_transactions_of_an_account_that_the_next_block_would_not_take_are_replaced_in_one_round() -> None:
    world = World()
    job_ids = flood(world, 42 * GWEI)
    seconds = seconds_until_settled(world)
    assert {len(world.job(job_id).attempt.transactions) for job_id in job_ids} == {2}
    assert seconds <= 2 * FIRST_LOOK + 2 * NETWORK.block_seconds


def test_those_that_are_polled_later_are_replaced_with_them() -> None:
    world = World()
    world.on_block = lambda: None
    job_ids = [world.issue("hit first")]
    world.run(400)  # its polls have become rare
    job_ids.append(world.issue("hit second"))
    world.deliver()
    world.on_block = lambda: world.chain.mine(empty=True)
    world.chain.base_fee = 84 * GWEI
    world.run(FIRST_LOOK + 2 * NETWORK.block_seconds)
    world.on_block = world.chain.mine
    latest = [world.job(job_id).attempt.latest for job_id in job_ids]
    assert min(one.fees.max_fee_per_gas for one in latest) > world.chain.base_fee
    assert seconds_until_settled(world) <= 2 * FIRST_LOOK


def test_a_base_fee_that_goes_on_rising_is_followed() -> None:
    world = World()
    flood(world, 30 * GWEI, rounds=5)

    def dearer() -> None:
        world.chain.base_fee = min(world.chain.base_fee * 9 // 8, 300 * GWEI)
        world.chain.mine()

    world.on_block = dearer
    assert seconds_until_settled(world) <= 3 * FIRST_LOOK


def test_replacements_of_a_round_take_one_request_each_to_the_key_the_table_and_the_node() -> None:
    world = World()
    job_ids = flood(world, 42 * GWEI)
    world.calls.log.clear()
    batches: list[int] = []
    save_each = world.ports.jobs.save_each
    world.ports.jobs.save_each = lambda jobs: (batches.append(len(jobs)), save_each(jobs))[1]
    world.run_until(lambda: world.job(job_ids[0]).attempt.latest.purpose is Purpose.REPLACEMENT)
    counts = Counter(world.calls.names())
    assert batches == [JOBS]
    assert (counts["signer.sign_each"], counts["signer.sign"], counts["chain.broadcast"]) == (1, 0, 1)


def test_a_transaction_that_is_too_cheap_is_polled_in_each_block() -> None:
    world = World()
    flood(world, 42 * GWEI)
    world.chain.transactions_per_block = 0
    world.run(FIRST_LOOK + NETWORK.block_seconds)
    world.chain.base_fee = 300 * GWEI
    world.chain.transactions_per_block = 400
    start = world.now
    world.run_until(lambda: world.chain.state.nonce(ALICE) == JOBS)
    assert (world.now - start).total_seconds() <= 3 * NETWORK.block_seconds


def test_what_a_node_asks_for_in_its_refusal_is_offered_at_once_by_all_and_by_those_signed_later() -> None:
    world = World()
    world.chain.asks_for_tip = 5 * GWEI  # above the network's own limit for tips
    job_ids = [world.issue(f"hit {number}") for number in range(JOBS)]
    start = world.now
    world.run_until_settled(minutes=5)
    assert (world.now - start).total_seconds() <= FIRST_LOOK + 3 * NETWORK.block_seconds
    assert {len(world.job(job_id).attempt.transactions) for job_id in job_ids} == {2}
    later = world.issue("hit later")
    world.run_until_settled(minutes=5)
    assert len(world.job(later).attempt.transactions) == 1
    world.assert_exactly_once()


def test_what_a_node_asks_for_is_offered_up_to_the_cap_and_no_further() -> None:
    world = World()
    world.chain.asks_for_tip = 2 * NETWORK.max_fee_cap
    job_id = world.issue("hit one")
    world.run(600)
    offered = [one.fees.max_fee_per_gas for one in world.job(job_id).attempt.transactions]
    assert max(offered) <= NETWORK.max_fee_cap
