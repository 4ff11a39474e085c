"""Push, through the whole service: what is sent again, replaced, cancelled or given up, always at the attempt's own nonce."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from chalicelib.jobs.model import Job, Outcome, Purpose, Status
from chalicelib.networks import GWEI
from tests.fakes.chain import ETHER, Lies
from tests.fakes.world import ALICE, BOUNDS, NETWORK, World

ABOVE_WHAT_WAS_OFFERED = 23 * GWEI


def stuck(world: World, programme: str = "hit one", **request: object) -> str:
    """The id of a job that was sent when the base fee was low; now nobody mines it."""
    job_id = world.issue(programme, **request)
    world.deliver()
    world.chain.base_fee = ABOVE_WHAT_WAS_OFFERED
    return job_id


def purposes(job: Job) -> list[Purpose]:
    return [transaction.purpose for transaction in job.attempt.transactions]


def test_a_stuck_transaction_is_replaced_with_fees_that_every_node_takes() -> None:
    world = World()
    job_id = stuck(world)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    job = world.job(job_id)
    assert purposes(job) == [Purpose.ORIGINAL, Purpose.REPLACEMENT]
    first, second = (transaction.fees for transaction in job.attempt.transactions)
    assert second.max_fee_per_gas * 10 >= first.max_fee_per_gas * 11
    assert second.max_priority_fee_per_gas * 10 >= first.max_priority_fee_per_gas * 11  # type: ignore[operator]
    assert job.attempt.receipt is not None
    assert job.attempt.receipt.hash == job.attempt.hashes[1]


def test_a_transaction_that_offers_enough_is_not_replaced_before_it_is_stuck() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.transactions_per_block = 0
    signed_at = world.chain.blocks[-1].number
    while len(world.job(job_id).attempt.transactions) == 1:
        world.step()
    assert world.chain.blocks[-1].number - signed_at >= NETWORK.stuck_after_blocks


def test_invariant_1_every_transaction_is_stored_before_it_is_broadcast() -> None:
    world = World()
    stuck(world)
    unwanted = stuck(world, "hit two")
    world.chain.transactions_per_block = 0
    world.run(60)
    world.cancel(unwanted)
    world.run(60)
    world.chain.transactions_per_block = 100
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    sent = [transaction for call in world.calls.log if call.name == "chain.broadcast" for transaction in call.arguments[0]]
    assert {transaction.purpose for transaction in sent} == set(Purpose)
    stored: set[str] = set()
    for call in world.calls.log:
        match call.name:
            case "jobs.start":
                stored |= {hash_ for job in call.arguments[2] for hash_ in job.attempt.hashes}
            case "jobs.save" if call.arguments[0].attempts:
                stored |= set(call.arguments[0].attempt.hashes)
            case "chain.broadcast":
                assert {transaction.hash for transaction in call.arguments[0]} <= stored


def test_a_worker_killed_between_storing_a_replacement_and_sending_it_leaves_it_to_the_next() -> None:
    world = World()
    job_id = stuck(world)
    world.run_until(lambda: len(world.job(job_id).attempt.transactions) > 1)
    world.chain.drop()  # as if it had never been sent
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_the_old_hash_mined_instead_of_its_replacement_is_the_job_s() -> None:
    world = World()
    job_id = stuck(world)
    original = world.job(job_id).attempt.latest
    world.run_until(lambda: len(world.job(job_id).attempt.transactions) > 1)
    world.on_block = lambda: None
    world.chain.base_fee = 10 * GWEI
    world.chain.mine_directly(original.raw)
    world.on_block = world.chain.mine
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    job = world.job(job_id)
    assert job.attempt.receipt is not None
    assert job.attempt.receipt.hash == original.hash != job.attempt.latest.hash


def test_replacements_stop_at_the_cap_and_the_latest_is_kept() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.base_fee = 600 * GWEI
    world.run(3600 * 4)
    job = world.job(job_id)
    assert job.status is Status.STARTED
    assert job.attempt.latest.fees.max_fee_per_gas <= NETWORK.max_fee_cap
    assert len(job.attempt.transactions) < 40
    world.chain.base_fee = 10 * GWEI
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_the_issuer_s_limit_is_never_crossed() -> None:
    world = World()
    job_id = stuck(world, max_fee_per_gas=22 * GWEI)
    world.run((BOUNDS.unmined_blocks - 10) * NETWORK.block_seconds)
    job = world.job(job_id)
    assert {transaction.fees.max_fee_per_gas for transaction in job.attempt.transactions} == {21 * GWEI}
    world.chain.base_fee = 10 * GWEI
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


@pytest.mark.parametrize("deep", [1, 3])
def test_a_dropped_transaction_is_sent_again_the_same_bytes(deep: int) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(deep)]
    world.deliver()
    world.chain.drop()
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert {len(world.job(job_id).attempt.transactions) for job_id in job_ids} == {1}


LIES: list[Callable[[Lies], None]] = [
    lambda lies: setattr(lies, "drops", 3),
    lambda lies: setattr(lies, "claims_known", 3),
    lambda lies: setattr(lies, "takes_but_fails", 3),
    lambda lies: setattr(lies, "takes_without_answer", 3),
]


@pytest.mark.parametrize("lie", LIES, ids=["drops", "claims known", "takes but fails", "takes without answer"])
@pytest.mark.parametrize("becomes_stuck", [False, True])
def test_what_a_node_answers_to_a_broadcast_decides_nothing(lie: Callable[[Lies], None], becomes_stuck: bool) -> None:
    world = World()
    lie(world.chain.lies)
    for number in range(3):
        world.issue(f"hit {number}")
    world.deliver()
    if becomes_stuck:
        world.chain.base_fee = ABOVE_WHAT_WAS_OFFERED
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {job.attempt_count for job in world.jobs.rows.values()} == {1}
    assert {job.status for job in world.jobs.rows.values()} == {Status.SUCCEEDED}


def test_a_transaction_no_node_will_take_is_given_up_and_later_jobs_go_on() -> None:
    world = World()
    world.chain.lies.never_valid.add(b"hit bad")
    before, bad, after = (world.issue(f"hit {name}") for name in ("before", "bad", "after"))
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    job = world.job(bad)
    assert (job.status, job.attempt.outcome) == (Status.FAILED, Outcome.CANCELLED)
    assert job.failure is not None
    assert job.failure.code == "TransactionRejected"
    assert {world.status(before), world.status(after)} == {Status.SUCCEEDED}


def test_a_transaction_given_up_that_is_mined_all_the_same_has_succeeded() -> None:
    world = World()
    job_id = world.issue("hit bad")
    world.deliver()
    raw = world.job(job_id).attempt.latest.raw
    world.chain.drop()
    world.chain.lies.never_valid.add(b"hit bad")
    world.run_until(lambda: world.job(job_id).attempt.abandoned is not None)
    world.chain.mine_directly(raw)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert world.status(job_id) is Status.SUCCEEDED


def test_a_job_signed_but_not_mined_by_its_valid_until_is_given_up() -> None:
    world = World()
    job_id = stuck(world, valid_until=world.now + timedelta(minutes=1))
    world.chain.transactions_per_block = 0
    world.run(90)
    world.chain.transactions_per_block = 100
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    job = world.job(job_id)
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, "Expired")


def test_a_cancel_that_is_mined_cancels() -> None:
    world = World()
    job_id, after = stuck(world), world.issue("hit after")
    world.cancel(job_id)
    assert world.status(job_id) is Status.CANCEL_REQUESTED
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert (world.status(job_id), world.status(after)) == (Status.CANCELLED, Status.SUCCEEDED)
    assert world.job(job_id).attempt.outcome is Outcome.CANCELLED


def test_a_cancel_that_comes_too_late_tells_that_the_original_has_won() -> None:
    world = World()
    job_id = stuck(world)
    raw = world.job(job_id).attempt.latest.raw
    world.cancel(job_id)
    world.run_until(lambda: Purpose.CANCEL in purposes(world.job(job_id)))
    world.chain.base_fee = 10 * GWEI
    world.chain.mine_directly(raw)
    assert world.status(job_id) is Status.CANCEL_REQUESTED
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert world.status(job_id) is Status.SUCCEEDED


def test_a_mined_transaction_is_not_cancelled_any_more() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.mine()
    world.cancel(job_id)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert purposes(world.job(job_id)) == [Purpose.ORIGINAL]
    assert world.status(job_id) is Status.SUCCEEDED


def test_a_mined_revert_whose_cancel_was_asked_for_has_failed() -> None:
    world = World()
    job_id = world.issue("trap no;hit one")
    world.deliver()
    world.chain.mine()
    world.cancel(job_id)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert world.job(job_id).failure.reason == "no"  # type: ignore[union-attr]


def test_a_stuck_cancel_is_replaced_by_a_cancel() -> None:
    world = World()
    job_id = stuck(world)
    world.cancel(job_id)
    world.run_until(lambda: Purpose.CANCEL in purposes(world.job(job_id)))
    world.chain.base_fee = 100 * GWEI
    world.run_until_settled(minutes=30)
    world.assert_exactly_once()
    assert set(purposes(world.job(job_id))[1:]) == {Purpose.CANCEL}
    assert world.status(job_id) is Status.CANCELLED


def test_a_foreign_transaction_at_the_nonce_of_a_cancelled_job_cancels_it() -> None:
    world = World()
    job_id = stuck(world)
    world.cancel(job_id)
    world.chain.send_foreign(ALICE)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert (world.status(job_id), world.job(job_id).attempt.outcome) == (Status.CANCELLED, Outcome.DISPLACED)


def test_a_cancelled_job_can_be_retried() -> None:
    world = World()
    job_id = stuck(world)
    world.cancel(job_id)
    world.run_until_settled(minutes=5)
    world.chain.base_fee = 10 * GWEI
    world.retry(job_id)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert [attempt.outcome for attempt in world.job(job_id).attempts] == [Outcome.CANCELLED, Outcome.CONFIRMED]


def test_a_job_that_can_no_longer_pay_for_its_gas_goes_on_once_it_is_funded() -> None:
    world = World(wei=ETHER)
    world.chain.lies.drops = 1
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.state.balances[ALICE] = 0
    world.run(900)
    assert world.status(job_id) is Status.STARTED
    world.chain.fund(ALICE, ETHER)
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
