"""Execute, through the whole service: what is signed, what waits, what fails, and in which order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.jobs.model import Status
from tests.fakes.chain import ETHER
from tests.fakes.world import ALICE, BOB, NETWORK, World


def nonces(world: World, *job_ids: str) -> list[int]:
    return [world.job(job_id).attempt.nonce for job_id in job_ids]


def test_a_job_succeeds_with_the_hash_and_fee_of_what_was_mined() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.run_until_settled()
    world.assert_exactly_once()
    job = world.job(job_id)
    assert job.attempt.receipt is not None
    assert job.attempt.receipt.hash == job.attempt.latest.hash
    assert job.attempt.receipt.fee == job.attempt.receipt.gas_used * 11 * 10**9
    assert world.events(job_id) == ["issued", "signed", "succeeded"]


def test_a_burst_of_120_jobs_takes_contiguous_nonces_in_order_and_each_effect_once() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(120)]
    world.run_until_settled(minutes=3)
    world.assert_exactly_once()
    assert nonces(world, *job_ids) == list(range(120))
    assert world.chain.order_of_effects() == [str(number) for number in range(120)]


def test_a_full_block_only_delays() -> None:
    world = World()
    world.chain.transactions_per_block = 7
    for number in range(60):
        world.issue(f"hit {number}")
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()


def test_no_more_transactions_are_in_flight_than_the_network_takes() -> None:
    world = World(network=replace(NETWORK, max_in_flight=5))
    for number in range(23):
        world.issue(f"hit {number}")
    most = 0
    while world.open_jobs():
        world.step()
        most = max(most, len(world.chain.pool.get(ALICE, {})))
    assert most == 5
    world.assert_exactly_once()


def test_invariant_2_nonces_go_on_where_the_chain_is_when_the_key_was_used_before() -> None:
    world = World()
    for _ in range(3):
        world.chain.send_foreign(ALICE)
        world.chain.mine()
    job_id = world.issue("hit one")
    world.run_until_settled()
    world.assert_exactly_once()
    assert nonces(world, job_id) == [3]


def test_an_account_that_cannot_sign_does_not_hold_back_another() -> None:
    world = World()
    world.signers.unusable.add(ALICE)
    held = world.issue("hit held")
    job_id = world.issue("hit one", BOB)
    world.run(60)
    assert (world.status(held), world.status(job_id)) == (Status.PENDING, Status.SUCCEEDED)
    assert "cannot be used" in str(world.job(held).waits_because)
    world.signers.unusable.clear()
    world.run_until_settled()
    world.assert_exactly_once()


def test_a_revert_in_estimation_fails_at_once_with_its_reason_and_takes_no_nonce() -> None:
    world = World()
    job_id = world.issue("fail not enough tokens;hit one")
    world.deliver()
    job = world.job(job_id)
    assert (job.status, job.failure and job.failure.code) == (Status.FAILED, "EstimateReverted")
    assert job.failure is not None
    assert job.failure.reason == "not enough tokens"
    assert world.account(ALICE).next_nonce is None
    assert "signers.of" not in world.calls.names()
    world.assert_exactly_once()


CHAIN_OF_THREE = ("set first;hit 1", "need first;set second;hit 2", "need second;hit 3")


@pytest.mark.parametrize("simulates_on_latest", [False, True])
@pytest.mark.parametrize("programmes", [CHAIN_OF_THREE[:2], CHAIN_OF_THREE, (*CHAIN_OF_THREE, "need first;need second;hit 4")])
def test_invariant_11_jobs_posted_together_that_need_each_other_all_succeed(
    programmes: tuple[str, ...], simulates_on_latest: bool
) -> None:
    world = World()
    world.chain.lies.simulates_on_latest = simulates_on_latest
    job_ids = [world.issue(programme) for programme in programmes]
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}
    assert nonces(world, *job_ids) == list(range(len(programmes)))


def test_invariant_11_holds_for_a_job_handled_in_a_later_batch() -> None:
    world = World()
    world.chain.lies.simulates_on_latest = True
    job_ids = [world.issue(CHAIN_OF_THREE[0])]
    world.deliver()
    job_ids.append(world.issue(CHAIN_OF_THREE[1]))
    world.deliver()
    assert world.status(job_ids[1]) is Status.PENDING
    job_ids.append(world.issue(CHAIN_OF_THREE[2]))
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_invariant_11_holds_for_a_job_whose_predecessor_waits() -> None:
    world = World(wei=0)
    job_ids = [world.issue(programme) for programme in CHAIN_OF_THREE]
    world.run(120)
    assert {world.status(job_id) for job_id in job_ids} == {Status.PENDING}
    world.chain.fund(ALICE, ETHER)
    world.run_until_settled(minutes=20)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_invariant_11_holds_when_a_worker_dies_between_two_of_them() -> None:
    world = World()
    world.chain.lies.simulates_on_latest = True
    job_ids = [world.issue(programme) for programme in CHAIN_OF_THREE]
    world.run_until(lambda: world.status(job_ids[1]) is Status.STARTED)
    world.queues.execute_queue.messages.clear()
    world.queues.confirm_queue.messages.clear()  # every nudge is lost
    world.run_until_settled(minutes=20)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_invariant_11_a_job_waits_for_the_nonce_its_predecessor_has_taken_after_it_was_first_seen_to_revert() -> None:
    world = World()
    world.chain.lies.simulates_on_latest = True
    job_ids = [world.issue(programme) for programme in CHAIN_OF_THREE]
    world.run_until(lambda: world.status(job_ids[1]) is Status.STARTED)
    world.on_block = lambda: world.chain.mine(empty=True)  # the first one settles, the second one is not mined for long
    world.run(180)
    assert (world.status(job_ids[0]), world.status(job_ids[2])) == (Status.SUCCEEDED, Status.PENDING)
    world.on_block = world.chain.mine
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_a_reverting_job_does_not_wait_for_a_nonce_that_a_reorg_has_given_back() -> None:
    world = World()
    world.chain.send_foreign(ALICE)
    world.chain.mine()
    job_id = world.issue("fail never;hit one")
    world.deliver()
    assert world.status(job_id) is Status.PENDING
    world.chain.reorg(1, drop=True)
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert world.status(job_id) is Status.FAILED


def test_a_job_that_waited_for_one_that_came_to_nothing_fails_for_its_own_reason() -> None:
    world = World()
    approve = "set first;hit 1"
    world.signers.poison.add(approve.encode())
    failed, dependent = world.issue(approve), world.issue("need first;hit 2")
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert world.job(failed).failure.code == "InternalError"  # type: ignore[union-attr]
    assert world.job(dependent).failure.reason == "first is missing"  # type: ignore[union-attr]


def test_a_reverting_job_on_a_busy_account_fails_in_the_end_and_the_others_go_on() -> None:
    world = World()
    world.issue("hit before")
    world.deliver()
    reverting = world.issue("fail never;hit x")
    others = []
    while world.job(reverting).is_open:
        others.append(world.issue(f"hit {len(others)}"))
        world.run(1)
        assert len(others) < 200, "the busy account keeps it waiting"
    assert world.job(reverting).failure.reason == "never"  # type: ignore[union-attr]
    assert Status.SUCCEEDED in {world.status(job_id) for job_id in others}
    world.run_until_settled()
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in others} == {Status.SUCCEEDED}


def test_an_unfunded_job_waits_and_goes_on_once_there_are_funds() -> None:
    world = World(wei=0)
    job_id = world.issue("hit one", value=1)
    world.run(600)
    assert world.status(job_id) is Status.PENDING
    assert "funds" in str(world.job(job_id).waits_because)
    assert world.account(ALICE).next_nonce is None
    world.chain.fund(ALICE, ETHER)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_jobs_of_one_round_do_not_spend_the_same_funds() -> None:
    world = World(wei=ETHER)
    job_ids = [world.issue(f"hit {number}", value=ETHER // 3) for number in range(3)]
    world.run(60)
    assert [world.status(job_id) for job_id in job_ids] == [Status.SUCCEEDED, Status.SUCCEEDED, Status.PENDING]
    assert "funds" in str(world.job(job_ids[2]).waits_because)
    world.chain.fund(ALICE, ETHER)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_jobs_of_a_later_round_do_not_spend_what_is_on_its_way() -> None:
    world = World(wei=ETHER)
    job_ids = []
    for number in range(3):
        job_ids.append(world.issue(f"hit {number}", value=ETHER // 3))
        world.deliver()
    assert [world.status(job_id) for job_id in job_ids] == [Status.STARTED, Status.STARTED, Status.PENDING]
    world.chain.fund(ALICE, ETHER)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_jobs_of_a_paused_account_wait_until_it_is_resumed() -> None:
    world = World()
    world.pause(ALICE, "the auditors are here")
    job_ids = [world.issue("hit one"), world.issue("hit two")]
    world.run(600)
    assert {world.status(job_id) for job_id in job_ids} == {Status.PENDING}
    assert world.job(job_ids[0]).waits_because == "the account is paused: the auditors are here"
    world.pause(ALICE, None)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_a_job_not_signed_by_its_valid_until_has_expired() -> None:
    world = World()
    world.pause(ALICE, "holiday")
    job_id = world.issue("hit one", valid_until=world.now + timedelta(seconds=30))
    other = world.issue("hit two")
    world.run(60)
    world.pause(ALICE, None)
    world.run_until_settled()
    world.assert_exactly_once()
    assert world.job(job_id).failure.code == "Expired"  # type: ignore[union-attr]
    assert world.status(other) is Status.SUCCEEDED


def test_a_waiting_job_cancelled_is_not_signed_any_more() -> None:
    world = World(wei=0)
    job_id = world.issue("hit one")
    world.run(30)
    assert world.cancel(job_id).status is Status.CANCELLED
    world.chain.fund(ALICE, ETHER)
    world.run(300)
    world.assert_exactly_once()
    assert world.chain.state.nonce(ALICE) == 0


def test_a_job_that_cannot_be_signed_for_an_unexpected_reason_fails_alone() -> None:
    world = World()
    world.signers.poison.add(b"hit poison")
    before, poison, after = (world.issue(f"hit {name}") for name in ("before", "poison", "after"))
    world.run_until_settled(minutes=2)
    world.assert_exactly_once()
    assert world.job(poison).failure.code == "InternalError"  # type: ignore[union-attr]
    assert nonces(world, before, after) == [0, 1]


@pytest.mark.parametrize("outage", ["signers", "chain", "estimates"])
def test_jobs_wait_through_a_long_outage_and_finish_by_themselves(outage: str) -> None:
    world = World()
    job_ids = [world.issue("hit before")]
    world.deliver()

    def is_away(away: bool) -> None:
        match outage:
            case "signers":
                world.signers.away = away
            case "chain":
                world.chain.lies.silent = away
            case _:
                world.chain.lies.unavailable_estimates = away

    is_away(True)
    job_ids += [world.issue(f"hit {number}") for number in range(15)]
    world.run(3 * 3600)
    assert {world.status(job_id) for job_id in job_ids[1:]} == {Status.PENDING}
    assert all(len(world.job(job_id).history) < 5 for job_id in job_ids), "an outage does not fill the history"
    is_away(False)
    world.run_until_settled(minutes=20)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_a_job_is_signed_by_its_own_account_whatever_a_message_says() -> None:
    world = World()
    job_id = world.issue("hit one", BOB)
    world.queues.execute_queue.messages.clear()
    world.ports.queue.execute_now(world.account(ALICE).account_id, [job_id])
    world.deliver()
    assert world.status(job_id) is Status.PENDING
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert world.chain.state.nonce(ALICE) == 0


def test_a_message_that_comes_late_or_twice_finds_its_job_past_its_step() -> None:
    world = World()
    world.duplicates = 0.7
    job_ids = [world.issue(f"hit {number}") for number in range(20)]
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {len(world.job(job_id).attempts) for job_id in job_ids} == {1}


def test_large_jobs_are_all_signed_without_waiting_for_reconcile() -> None:
    world = World()
    job_ids = [world.issue(f"fail {number};" + ";" * 160_000) for number in range(24)]
    world.deliver()
    assert {world.status(job_id) for job_id in job_ids} == {Status.FAILED}


def test_what_was_signed_before_the_key_service_throttled_is_sent_and_the_rest_waits() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(12)]
    world.signers.left = 5
    world.deliver()
    assert [world.status(job_id) for job_id in job_ids] == [Status.STARTED] * 5 + [Status.PENDING] * 7
    assert {world.job(job_id).waits_because for job_id in job_ids[5:]} == {"The key service throttles."}
    world.signers.left = None
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    assert nonces(world, *job_ids) == list(range(12))


def test_a_job_that_cannot_be_built_and_a_key_service_that_throttles_leave_no_gap() -> None:
    world = World()
    world.signers.poison.add(b"hit 2")
    job_ids = [world.issue(f"hit {number}") for number in range(8)]
    world.signers.left = 6
    world.deliver()
    assert [world.status(job_id) for job_id in job_ids[:2]] == [Status.STARTED] * 2
    world.signers.left = None
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()
    good = [job_id for number, job_id in enumerate(job_ids) if number != 2]
    assert sorted(nonces(world, *good)) == list(range(7))
