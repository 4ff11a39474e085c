"""Invariant 12, of a shared account's blocks: however much one issuer asks for, another's job does not wait for all of it."""

from dataclasses import replace

import pytest

from chalicelib.jobs.model import Status, WaitCode
from tests.fakes.chain import ETHER, GAS_LIMIT
from tests.fakes.world import ALICE, BOUNDS, NETWORK, World

LARGE = 17_000_000
MOST_GAS = BOUNDS.shared_blocks_of_gas * GAS_LIMIT


@pytest.fixture
def world() -> World:
    """A shared account. A block takes one transaction: those of this file are so large."""
    world = World(wei=10_000 * ETHER)
    world.share(ALICE)
    world.chain.transactions_per_block = 1
    return world


def gas_in_flight(world: World, owner: str) -> int:
    mined = world.chain.state.nonce(ALICE)
    started = [job for job in world.jobs.rows.values() if job.owner == owner and job.status is Status.STARTED]
    return sum(job.attempt.gas for job in started if job.attempt.nonce >= mined)


def signed(world: World, job_ids: list[str]) -> int:
    return sum(world.status(job_id) is not Status.PENDING for job_id in job_ids)


def test_a_transfer_is_signed_behind_two_blocks_of_anothers_gas_at_most(world: World) -> None:
    many = [world.issue(f"hit {number}", owner="mallory", gas=LARGE) for number in range(1_000)]
    world.deliver()
    assert signed(world, many) == MOST_GAS // LARGE
    for second in (1, 7, 30, 61, 100):
        world.run(second)
        transfer = world.issue(f"hit transfer {second}", owner="another")
        before = world.chain.state.nonce(ALICE)
        world.deliver()
        assert gas_in_flight(world, "mallory") <= MOST_GAS
        assert world.job(transfer).attempt.nonce - before <= MOST_GAS // LARGE
        assert world.events(transfer) == ["issued", "signed"]


def test_an_issuer_whose_fresh_jobs_keep_coming_takes_no_others_place(world: World) -> None:
    for number in range(120):
        world.issue(f"hit {number}", owner="mallory", gas=LARGE)
        if number % 20 == 10:
            transfer = world.issue(f"hit transfer {number}", owner="another")
            before = world.chain.state.nonce(ALICE)
            world.deliver()
            assert world.job(transfer).attempt.nonce - before <= MOST_GAS // LARGE + 1, "one more of its own may be in flight"
        world.run(1)
        assert gas_in_flight(world, "mallory") <= MOST_GAS


def test_one_issuers_many_jobs_use_every_block_in_their_order_and_are_seldom_written(world: World) -> None:
    many = [world.issue(f"hit {number}", owner="busy", gas=LARGE) for number in range(100)]
    world.run(200)
    blocks = 200 // NETWORK.block_seconds
    done = signed(world, many)
    assert blocks * 0.8 <= done <= blocks + 3
    assert world.chain.order_of_effects() == [str(number) for number in range(len(world.chain.order_of_effects()))]
    waiting = [world.job(job_id) for job_id in many if world.status(job_id) is Status.PENDING]
    assert {job.waits_code for job in waiting} == {WaitCode.TOO_MANY_IN_FLIGHT}
    assert max(job.checks for job in waiting) <= 3


def test_where_no_block_is_made_a_waiting_job_is_written_every_few_blocks(world: World) -> None:
    world.on_block = lambda: world.chain.mine(empty=True)
    many = [world.issue(f"hit {number}", owner="busy", gas=LARGE) for number in range(20)]
    world.run(100)
    assert max(world.job(job_id).checks for job_id in many) <= 2 + 100 / (4 * NETWORK.block_seconds) + 1


def test_a_single_job_goes_however_much_gas_it_takes() -> None:
    world = World(bounds=replace(BOUNDS, shared_blocks_of_gas=0), wei=10_000 * ETHER)
    world.share(ALICE)
    first, second = (world.issue(f"hit {number}", owner="one", gas=GAS_LIMIT) for number in range(2))
    world.deliver()
    assert [world.status(job_id) for job_id in (first, second)] == [Status.STARTED, Status.PENDING]
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_an_issuer_takes_half_of_the_transactions_in_flight_and_another_finds_a_place() -> None:
    world = World(network=replace(NETWORK, max_in_flight=10))
    world.share(ALICE)
    many = [world.issue(f"hit {number}", owner="mallory") for number in range(40)]
    world.deliver()
    assert signed(world, many) == 5
    others = [world.issue(f"hit other {number}", owner="another") for number in range(5)]
    world.deliver()
    assert signed(world, others) == 5
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_a_job_that_finds_no_place_on_a_shared_account_looks_again_with_the_next_block() -> None:
    world = World(network=replace(NETWORK, max_in_flight=2))
    world.share(ALICE)
    for owner in ("one", "two"):
        world.issue(f"hit {owner}", owner=owner)
    world.deliver()
    late = world.issue("hit late", owner="three")
    world.run(2 * NETWORK.block_seconds + 1)
    assert world.status(late) is Status.STARTED
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_a_full_owners_later_jobs_stay_behind_and_their_reverts_are_not_believed(world: World) -> None:
    """The small one would fit, and the last one needs a job that waits."""
    for number in range(2):
        world.issue(f"hit {number}", owner="one", gas=LARGE)
    later = [
        world.issue("set first;hit large", owner="one", gas=LARGE),
        world.issue("hit small", owner="one", gas=30_000),
        world.issue("need first;hit needs", owner="one"),
    ]
    world.deliver()
    assert signed(world, later) == 0
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert world.chain.order_of_effects() == ["0", "1", "large", "small", "needs"]


def test_an_account_with_an_owner_is_not_bound_and_its_row_remembers_nothing() -> None:
    world = World(wei=10_000 * ETHER)
    many = [world.issue(f"hit {number}", gas=LARGE) for number in range(50)]
    world.deliver()
    assert signed(world, many) == 50
    assert world.account(ALICE).in_flight == ()
