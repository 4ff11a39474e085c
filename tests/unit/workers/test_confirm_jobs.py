"""Confirm, through the whole service: only what is mined, and deep enough, closes a job in flight."""

from collections.abc import Callable

import pytest

from chalicelib.errors import ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Job, Outcome, Status
from chalicelib.networks import GWEI
from tests.fakes.chain import SimulatedChain
from tests.fakes.world import ALICE, BOB, NETWORK, World


def depth(chain: SimulatedChain, hash_: str) -> int:
    """1 in the newest block; 0 when it is in none."""
    blocks = [block.number for block in chain.blocks for mined in block.mined if mined.transaction.hash == hash_]
    return chain.blocks[-1].number - blocks[0] + 1 if blocks else 0


def test_invariant_5_a_job_has_not_succeeded_before_its_transaction_is_deep_enough() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    hash_ = world.job(job_id).attempt.latest.hash
    while world.job(job_id).is_open:
        world.step()
        closed = not world.job(job_id).is_open
        assert not closed or depth(world.chain, hash_) >= NETWORK.confirmations
    assert depth(world.chain, hash_) == NETWORK.confirmations, "it is closed as soon as it is deep enough"


def test_invariant_5_a_mined_revert_fails_with_its_reason_and_only_when_deep_enough() -> None:
    world = World()
    job_id = world.issue("trap the market moved;hit one")
    after = world.issue("hit two")
    while world.job(job_id).is_open:
        world.step()
    job = world.job(job_id)
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, "TransactionReverted")
    assert job.failure is not None
    assert job.failure.reason == "the market moved"
    assert depth(world.chain, job.attempt.hashes[0]) >= NETWORK.confirmations
    world.run_until_settled()
    world.assert_exactly_once()
    assert world.status(after) is Status.SUCCEEDED


@pytest.mark.parametrize("error", [VersionConflict("lost"), ServiceUnavailable("no table"), KeyError("a bug")], ids=repr)
def test_a_job_that_could_not_be_closed_is_looked_at_again_and_the_others_are_closed(error: Exception) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    save = world.jobs.save

    def refused(job: Job) -> Job:
        if job.job_id == job_ids[1]:
            raise error
        return save(job)

    world.deliver()
    world.jobs.save = refused  # type: ignore[method-assign]
    world.run(NETWORK.confirmations * NETWORK.block_seconds + 1)
    assert [world.status(job_id) for job_id in job_ids] == [Status.SUCCEEDED, Status.STARTED, Status.SUCCEEDED]
    world.jobs.save = save  # type: ignore[method-assign]
    world.run(2 * NETWORK.block_seconds)
    assert world.status(job_ids[1]) is Status.SUCCEEDED, "by its next poll, not by reconcile"
    world.assert_exactly_once()


def test_a_job_that_failed_is_retried_at_the_next_nonce_with_its_history() -> None:
    world = World()
    job_id = world.issue("trap forbidden;hit one")
    world.run_until_settled()
    world.retry(job_id)
    world.run_until_settled()
    world.assert_exactly_once()
    job = world.job(job_id)
    assert [attempt.nonce for attempt in job.attempts] == [0, 1]
    assert (job.fail_count, job.attempt_count) == (2, 2)


@pytest.mark.parametrize("depth_", range(1, NETWORK.confirmations))
@pytest.mark.parametrize("drop", [False, True])
def test_a_reorg_shallower_than_the_confirmations_changes_nothing_but_the_block(depth_: int, drop: bool) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(5)]
    world.deliver()
    world.chain.mine(depth_)
    world.deliver()
    world.chain.reorg(depth_, drop=drop)
    assert world.chain.hits("0") == 0
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}
    assert {world.job(job_id).attempt_count for job_id in job_ids} == {1}


def test_invariant_8_no_receipt_decides_nothing() -> None:
    world = World()
    world.chain.lies.hides_receipts = True
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    world.run(3600)
    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}
    world.chain.lies.hides_receipts = False
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert {world.job(job_id).attempt_count for job_id in job_ids} == {1}


def test_invariant_8_a_receipt_of_a_block_that_was_removed_is_not_believed() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.mine()
    world.chain.reorg(1, drop=True)
    world.chain.lies.stale_receipts = True
    world.on_block = lambda: world.chain.mine(empty=True)
    world.run(300)
    assert world.status(job_id) is Status.STARTED, "it is on no chain"
    world.chain.lies.stale_receipts = False
    world.on_block = world.chain.mine
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()


def test_invariant_8_a_receipt_of_a_removed_block_is_not_believed_when_another_program_has_used_the_nonce_since() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.mine()
    world.chain.reorg(1, drop=True)
    world.chain.lies.stale_receipts = True
    world.chain.send_foreign(ALICE)
    world.run_until(lambda: world.job(job_id).attempt_count == 2, minutes=10)
    assert world.job(job_id).attempts[0].outcome is Outcome.DISPLACED
    world.chain.lies.stale_receipts = False
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()


def test_a_nonce_that_is_used_in_a_shallow_block_is_not_taken_for_settled() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.send_foreign(ALICE)
    world.chain.mine()
    for _ in range(NETWORK.confirmations - 2):
        world.ports.queue.confirm([job_id], 0)
        world.deliver()
        assert "chain.user_of_nonce" not in world.calls.names()
        world.chain.mine()
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert "chain.user_of_nonce" in world.calls.names()


@pytest.mark.parametrize("method", ["head", "transaction_count", "receipts", "user_of_nonce", "estimate"])
@pytest.mark.parametrize("blocks", [1, 3, 20])
def test_a_node_that_lags_only_delays(method: str, blocks: int) -> None:
    world = World()
    world.chain.lies.lag[method] = blocks
    job_ids = [world.issue(f"hit {number}") for number in range(5)]
    world.run(300)
    world.chain.lies.lag.clear()
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert {world.job(job_id).attempt_count for job_id in job_ids} == {1}
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_jobs_in_flight_wait_through_a_long_outage_of_the_chain_and_finish_by_themselves() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(5)]
    world.deliver()
    world.chain.lies.silent = True
    world.run(4 * 3600)
    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}
    assert not world.queues.confirm_dead_letters.messages
    world.chain.lies.silent = False
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_an_outage_does_not_multiply_the_polls() -> None:
    world = World()
    world.issue("hit one")
    world.deliver()
    world.chain.lies.silent = True
    world.run(1800)
    before = len(world.queues.sent)
    world.run(1800)
    assert len(world.queues.sent) - before <= 40, "about one poll a minute"


def test_a_foreign_transaction_that_took_the_nonce_leads_to_another_attempt() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.send_foreign(ALICE)
    world.run_until_settled()
    world.assert_exactly_once()
    job = world.job(job_id)
    assert [attempt.outcome for attempt in job.attempts] == [Outcome.DISPLACED, Outcome.CONFIRMED]
    assert [attempt.nonce for attempt in job.attempts] == [0, 1]


def test_invariant_3_a_displaced_job_is_not_signed_anew_while_its_nonce_could_still_be_its_own() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.send_foreign(ALICE)
    world.chain.mine()
    foreign_at = world.chain.blocks[-1].number
    while world.job(job_id).attempt_count == 1:
        world.step()
    assert world.chain.blocks[-1].number - foreign_at + 1 >= NETWORK.confirmations
    world.run_until_settled()
    world.assert_exactly_once()


def test_invariant_3_a_foreign_transaction_that_a_reorg_removes_again_leads_to_no_second_attempt() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    ours = dict(world.chain.pool[ALICE])
    world.chain.send_foreign(ALICE)
    world.chain.mine()
    foreign_at = world.chain.blocks[-1].number
    world.run(6)
    depth_ = world.chain.blocks[-1].number - foreign_at + 1
    assert depth_ < NETWORK.confirmations
    world.chain.reorg(depth_, drop=True)
    world.chain.pool[ALICE] = ours
    world.run_until_settled()
    world.assert_exactly_once()
    assert world.job(job_id).attempt_count == 1


def test_invariant_8_a_settled_nonce_whose_user_nobody_names_decides_nothing() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.lies.hides_receipts = True
    world.chain.lies.lag["user_of_nonce"] = 1_000
    world.run(1800)
    assert world.status(job_id) is Status.STARTED
    world.chain.lies.lag.clear()
    world.run(300)
    assert world.status(job_id) is Status.STARTED, "the nonce's user is its own transaction"
    world.chain.lies.hides_receipts = False
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_a_job_whose_nonce_is_taken_again_and_again_fails_in_the_end() -> None:
    world = World()
    job_id = world.issue("hit one")

    def taken_first() -> None:
        world.chain.pool.get(ALICE, {}).clear()
        world.chain.send_foreign(ALICE)
        world.chain.mine()

    world.on_block = taken_first
    world.run_until_settled(minutes=60)
    world.on_block = world.chain.mine
    world.assert_exactly_once()
    assert world.job(job_id).failure.code == "NonceUsedElsewhere"  # type: ignore[union-attr]


def _confirm_poison(world: World) -> None:
    world.signers.poison.add(b"hit poison")


def _unreadable_reason(world: World) -> None:
    def broken(*_: object) -> str:
        raise LookupError("a reason nobody can read")

    world.chain.revert_reason = broken  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("programme", "breaks"),
    [("hit poison", _confirm_poison), ("trap poison;hit poison", _unreadable_reason)],
    ids=["sign", "reason"],
)
def test_a_job_in_flight_that_raises_what_nobody_expects_holds_back_no_other(
    programme: str, breaks: Callable[[World], None]
) -> None:
    world = World()
    poison = world.issue(programme)
    others = [world.issue("hit 1"), world.issue("hit 2", BOB), world.issue("hit 3", BOB)]
    world.deliver()
    if programme == "hit poison":
        world.chain.base_fee = 30 * GWEI  # every one of them has to be replaced
    breaks(world)
    world.run(90)
    expected = [Status.STARTED] if programme == "hit poison" else [Status.SUCCEEDED]  # nonces behind it have to wait
    assert [world.status(job_id) for job_id in others] == [*expected, Status.SUCCEEDED, Status.SUCCEEDED]
    assert world.status(poison) is Status.STARTED
    world.signers.poison.clear()
    world.chain.revert_reason = lambda *_: "poison"  # type: ignore[method-assign]
    world.run_until_settled()
    world.assert_exactly_once()


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_nonce_that_an_authorization_used_leads_to_another_attempt(times: int) -> None:
    world = World()
    world.on_block = lambda: world.chain.mine(empty=True)
    job_ids = [world.issue("hit one"), world.issue("hit two")]
    world.deliver()
    world.chain.authorize(ALICE, times)
    world.on_block = world.chain.mine
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    first, second = (world.job(job_id) for job_id in job_ids)
    assert [attempt.outcome for attempt in first.attempts] == [Outcome.DISPLACED, Outcome.CONFIRMED]
    assert second.attempt_count == (1 if times == 1 else 2)


def test_a_job_to_be_cancelled_whose_nonce_an_authorization_used_is_cancelled() -> None:
    world = World()
    world.on_block = lambda: world.chain.mine(empty=True)
    job_id = world.issue("hit one")
    world.deliver()
    world.cancel(job_id)
    world.chain.authorize(ALICE)
    world.on_block = world.chain.mine
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert world.status(job_id) is Status.CANCELLED
