"""The watch of the accounts' nonces: what was final and is no longer on chain is told, sent again, and settled again."""

import pytest

from chalicelib.errors import ServiceUnavailable
from chalicelib.jobs.model import Job, Outcome, Purpose, Status
from chalicelib.networks import GWEI
from chalicelib.workers.watch_nonces import watch_nonces
from tests.fakes.world import ALICE, NETWORK, World


def settle(world: World, *programmes: str) -> list[str]:
    job_ids = [world.issue(programme) for programme in programmes]
    world.run_until_settled()
    return job_ids


def reorg_away(world: World, *job_ids: str, drop: bool = True) -> None:
    """Replace every block that one of these jobs was mined in, all of them final."""
    first = min(_receipt(world.job(job_id)).block_number for job_id in job_ids)
    depth = world.chain.blocks[-1].number - first + 1
    assert depth >= NETWORK.confirmations
    world.chain.reorg(depth, drop=drop)


def _receipt(job: Job):  # type: ignore[no-untyped-def]
    assert job.attempt.receipt is not None
    return job.attempt.receipt


def minute(world: World) -> int:
    found = watch_nonces(world.ports)
    world.run(60)
    return found


def test_jobs_that_a_deep_reorg_took_back_are_told_and_mined_again_and_later_jobs_go_on() -> None:
    world = World()
    job_ids = settle(world, *(f"hit {number}" for number in range(20)))
    reorg_away(world, *job_ids)
    assert world.chain.state.nonce(ALICE) == 0
    later = world.issue("hit later")
    world.deliver()
    assert minute(world) == 20
    assert [world.chain.hits(str(number)) for number in range(20)] == [1] * 20
    for job_id in job_ids:
        job = world.job(job_id)
        assert job.status is Status.SUCCEEDED
        assert world.events(job_id).count("reorged") == 1
        block = world.chain.blocks[_receipt(job).block_number]
        assert block.hash == _receipt(job).block_hash, "the receipt is that of the block it is in now"
    world.run_until_settled(minutes=2)
    world.assert_exactly_once()
    assert world.status(later) is Status.SUCCEEDED
    assert minute(world) == 0


def test_jobs_that_were_settled_before_the_replaced_blocks_are_not_told() -> None:
    world = World()
    (before,) = settle(world, "hit before")
    (touched,) = settle(world, "hit touched")
    reorg_away(world, touched)
    assert minute(world) == 1
    assert ("reorged" in world.events(before), "reorged" in world.events(touched)) == (False, True)


def test_they_are_sent_again_each_minute_until_they_are_mined_and_told_once() -> None:
    world = World()
    job_ids = settle(world, "hit one", "hit two")
    world.on_block = lambda: world.chain.mine(empty=True)
    reorg_away(world, *job_ids)
    for _ in range(5):
        world.chain.drop()
        assert minute(world) == 2
        assert sorted(world.chain.pool[ALICE]) == [0, 1]
    assert world.events(job_ids[0]).count("reorged") == 1
    world.on_block = world.chain.mine
    minute(world)
    world.run(120)
    world.assert_exactly_once()
    assert world.events(job_ids[0])[-1] == "succeeded"


def test_jobs_that_failed_or_were_cancelled_keep_their_nonces_and_what_they_are() -> None:
    world = World()
    trapped, cancelled, fine = world.issue("trap no;hit 1"), world.issue("hit 2"), world.issue("hit 3")
    world.deliver()
    world.chain.base_fee = 23 * GWEI
    world.cancel(cancelled)
    world.run_until_settled()
    statuses = [world.status(job_id) for job_id in (trapped, cancelled, fine)]
    assert statuses == [Status.FAILED, Status.CANCELLED, Status.SUCCEEDED]
    reorg_away(world, trapped, cancelled, fine)
    minute(world)
    world.run(120)
    world.assert_exactly_once()
    assert [world.status(job_id) for job_id in (trapped, cancelled, fine)] == statuses
    assert world.job(trapped).fail_count == 1
    assert world.job(trapped).failure.reason == "no"  # type: ignore[union-attr]


def test_one_that_the_chain_no_longer_takes_at_its_price_is_replaced_at_its_nonce() -> None:
    world = World()
    job_ids = settle(world, "hit one", "trap no;hit two", "hit three")
    reorg_away(world, *job_ids)
    world.chain.base_fee = 60 * GWEI
    minute(world)
    world.run(120)
    one, two, three = (world.job(job_id) for job_id in job_ids)
    assert [len(job.attempts) for job in (one, two, three)] == [1, 1, 1]
    assert [job.attempt.latest.purpose for job in (one, two, three)] == [
        Purpose.REPLACEMENT,
        Purpose.CANCEL,  # it had failed: nothing of it may happen now
        Purpose.REPLACEMENT,
    ]
    assert [job.status for job in (one, two, three)] == [Status.SUCCEEDED, Status.FAILED, Status.SUCCEEDED]
    world.assert_exactly_once()


def test_one_whose_nonce_another_program_took_has_failed_and_can_be_retried() -> None:
    world = World()
    (job_id,) = settle(world, "hit one")
    reorg_away(world, job_id)
    world.chain.send_foreign(ALICE)
    world.on_block = lambda: None
    assert watch_nonces(world.ports) == 1
    world.on_block = world.chain.mine
    world.chain.drop()
    world.chain.send_foreign(ALICE)
    world.run(120)
    job = world.job(job_id)
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, "ReorgedAway")
    assert (job.attempt.outcome, world.events(job_id)[-2]) == (Outcome.DISPLACED, "displaced")
    world.retry(job_id)
    world.run_until_settled()
    world.assert_exactly_once()


def test_what_it_made_is_told_again_where_it_stands_now() -> None:
    world = World()
    job_id = world.issue("make TokenCreated;hit one", name="createToken")
    world.run_until_settled()
    before = world.job(job_id).result
    reorg_away(world, job_id)
    assert watch_nonces(world.ports) == 1
    assert world.job(job_id).result == {}
    world.run(120)
    after = world.job(job_id).result
    assert after["tokenAddress"] != before["tokenAddress"]
    assert after["blockNumber"] == _receipt(world.job(job_id)).block_number


@pytest.mark.parametrize("lag", [1, 5, 8])
def test_invariant_8_a_node_that_lags_is_no_reorg(lag: int) -> None:
    world = World()
    job_ids = settle(world, "hit one", "hit two")
    world.chain.lies.lag["transaction_count"] = lag
    assert minute(world) == 0
    assert "reorged" not in world.events(job_ids[0]) + world.events(job_ids[1])


def test_an_account_without_anything_to_be_mined_costs_one_request_and_no_rows() -> None:
    world = World()
    settle(world, "hit one")
    world.calls.log.clear()
    assert watch_nonces(world.ports) == 0
    assert world.calls.names() == ["accounts.all", "chain.transaction_counts"]


def test_jobs_in_flight_are_not_taken_for_lost_ones() -> None:
    world = World()
    settle(world, "hit one")
    world.on_block = lambda: world.chain.mine(empty=True)
    job_ids = [world.issue(f"hit {number}") for number in range(250)]
    world.run(20)
    assert watch_nonces(world.ports) == 0
    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}


def test_a_job_with_several_settled_attempts_is_told_once_and_all_its_nonces_are_used_again() -> None:
    world = World()
    (job_id,) = settle(world, "trap no;hit one")
    first = _receipt(world.job(job_id)).block_number
    world.retry(job_id)
    world.run_until_settled()
    world.chain.reorg(world.chain.blocks[-1].number - first + 1, drop=True)
    assert minute(world) == 2
    assert minute(world) == 0
    assert world.events(job_id).count("reorged") == 1
    assert world.chain.state.nonce(ALICE) == 2
    assert (world.status(job_id), world.job(job_id).fail_count) == (Status.FAILED, 2)


def test_a_job_that_cannot_be_told_keeps_none_of_the_others_from_being_told() -> None:
    world = World()
    job_ids = settle(world, "hit one", "hit two", "hit three")
    reorg_away(world, *job_ids)
    save = world.jobs.save

    def refused(job: Job) -> Job:
        if job.job_id == job_ids[0]:
            raise ServiceUnavailable("no table")
        return save(job)

    world.jobs.save = refused  # type: ignore[method-assign]
    assert watch_nonces(world.ports) == 3
    assert ["reorged" in world.events(job_id) for job_id in job_ids] == [False, True, True]
    assert sorted(world.chain.pool[ALICE]) == [0, 1, 2], "all are sent again"
