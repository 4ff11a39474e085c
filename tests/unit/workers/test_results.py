"""What a job has made: told as soon as it is mined, taken back by a reorg, certain when the job succeeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from chalicelib.errors import VersionConflict
from chalicelib.jobs.model import Job, Outcome, Status
from chalicelib.jobs.stores import Checkpoint
from chalicelib.networks import GWEI
from chalicelib.workers.confirm import confirm_jobs
from chalicelib.workers.polling import by_delay
from chalicelib.workers.watch_chain import watch_chain
from tests.fakes.calls import Fault, Mode
from tests.fakes.chain import made_address
from tests.fakes.world import ALICE, NETWORK, World


def new_token(world: World, programme: str = "hit one;make TokenCreated") -> str:
    return world.issue(programme, name="createToken")


def expected(world: World, job_id: str) -> dict[str, Any]:
    """What the chain, as it is now, says that the job has made."""
    receipts = world.chain.receipts(world.job(job_id).attempt.hashes)
    (receipt,) = receipts.values()
    return {"tokenAddress": made_address(receipt.hash, receipt.block_hash), "blockNumber": receipt.block_number}


def has_result(world: World, job_id: str) -> bool:
    return bool(world.job(job_id).result)


def shown_before_it_is_final(world: World) -> str:
    """A job that is mined, not deep enough yet, and tells what it made."""
    job_id = new_token(world)
    world.run_until(lambda: has_result(world, job_id))
    assert world.status(job_id) is Status.STARTED
    return job_id


def writes_of(world: World, job_id: str) -> list[Job]:
    saved = [call.arguments[0] for call in world.calls.log if call.name == "jobs.save"]
    return [job for job in saved if job.job_id == job_id]


def test_what_was_made_is_told_as_soon_as_it_is_mined() -> None:
    world = World()
    job_id = shown_before_it_is_final(world)
    assert world.job(job_id).result == expected(world, job_id)
    assert world.chain.blocks[-1].number == world.job(job_id).result["blockNumber"], "in the very block"
    assert world.job(job_id).history[-1].event == "mined"
    assert f"block {world.chain.blocks[-1].number}" in str(world.job(job_id).history[-1].detail)
    assert len(writes_of(world, job_id)) == 1


def test_it_is_told_once_and_stays_when_the_job_succeeds() -> None:
    world = World()
    job_id = shown_before_it_is_final(world)
    before = world.job(job_id).result
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED
    assert world.job(job_id).result == before == expected(world, job_id)
    assert world.events(job_id) == ["issued", "signed", "mined", "succeeded"]
    assert len(writes_of(world, job_id)) == 2
    world.assert_exactly_once()


def test_a_wallet_that_was_there_is_told_as_well_as_a_new_one() -> None:
    world = World()
    made, existed = (world.issue(f"make {name}", name="createWallet") for name in ("WalletCreated", "WalletExisted"))
    world.run_until_settled()
    assert [set(world.job(job_id).result) for job_id in (made, existed)] == [{"walletAddress", "blockNumber"}] * 2


def test_a_job_that_makes_nothing_costs_no_write_when_it_is_mined() -> None:
    world = World()
    job_ids = [world.issue("make TokenCreated", name="mint"), world.issue("hit one")]
    world.run_until_settled()
    for job_id in job_ids:
        assert world.job(job_id).result == {}
        assert len(writes_of(world, job_id)) == 1


@pytest.mark.parametrize("drop", [False, True])
def test_a_reorg_takes_back_what_was_told_and_the_new_block_tells_it_anew(drop: bool) -> None:
    world = World()
    job_id = shown_before_it_is_final(world)
    before = world.job(job_id).result
    world.chain.reorg(1, drop=drop)
    world.on_block = lambda: world.chain.mine(empty=True)
    world.run_until(lambda: not has_result(world, job_id), minutes=2)
    assert world.status(job_id) is Status.STARTED
    assert "unmined" in world.events(job_id)
    world.on_block = world.chain.mine
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert world.job(job_id).result == expected(world, job_id) != before


def test_a_reorg_that_nobody_saw_leaves_no_address_of_the_block_that_was_removed() -> None:
    world = World()
    job_id = shown_before_it_is_final(world)
    world.chain.reorg(1)
    world.chain.mine()  # at once: no poll in between
    world.run_until_settled(minutes=10)
    assert world.status(job_id) is Status.SUCCEEDED
    assert world.job(job_id).result == expected(world, job_id)
    assert "unmined" not in world.events(job_id)


def test_invariant_8_a_receipt_that_is_not_shown_for_a_while_takes_nothing_back() -> None:
    world = World()
    job_id = shown_before_it_is_final(world)
    world.chain.lies.hides_receipts = True
    world.run(7)
    assert world.job(job_id).result == expected_while_hidden(world, job_id)
    world.chain.lies.hides_receipts = False
    world.run_until_settled(minutes=10)
    assert "unmined" not in world.events(job_id)


def expected_while_hidden(world: World, job_id: str) -> dict[str, Any]:
    world.chain.lies.hides_receipts = False
    try:
        return expected(world, job_id)
    finally:
        world.chain.lies.hides_receipts = True


def test_invariant_8_a_receipt_of_a_block_that_was_removed_tells_nothing() -> None:
    world = World()
    job_id = shown_before_it_is_final(world)
    world.chain.reorg(1, drop=True)
    world.chain.lies.stale_receipts = True
    world.on_block = lambda: world.chain.mine(empty=True)
    world.run(60)
    assert world.status(job_id) is Status.STARTED
    assert not has_result(world, job_id)
    assert world.events(job_id).count("unmined") == 1, "no to and fro"


def test_a_displaced_job_has_no_result_until_its_next_attempt_is_mined() -> None:
    world = World()
    job_id = shown_before_it_is_final(world)
    before = world.job(job_id).result
    world.chain.reorg(1, drop=True)
    world.chain.send_foreign(ALICE, nonce=0)
    world.run_until(lambda: world.job(job_id).attempts[0].outcome is Outcome.DISPLACED)
    assert not has_result(world, job_id)
    world.run_until_settled()
    world.assert_exactly_once()
    assert world.status(job_id) is Status.SUCCEEDED
    assert world.job(job_id).result == expected(world, job_id) != before


def test_a_job_whose_retried_transaction_reverts_in_the_end_has_no_result() -> None:
    world = World()
    job_id = new_token(world, "trap the factory is closed;make TokenCreated")
    world.run_until_settled()
    assert world.status(job_id) is Status.FAILED
    assert world.job(job_id).result == {}
    assert "mined" not in world.events(job_id)


def test_a_job_that_succeeds_without_its_event_succeeds_without_a_result() -> None:
    world = World()
    another_contracts = [new_token(world, "hit one"), new_token(world, "hit two;make WalletCreated")]
    world.run_until_settled()
    assert {world.status(job_id) for job_id in another_contracts} == {Status.SUCCEEDED}
    assert [world.job(job_id).result for job_id in another_contracts] == [{}, {}]


def test_a_lost_race_for_telling_it_is_made_good_at_the_next_look() -> None:
    world = World()
    save, lost = world.jobs.save, []

    def loses_once(job: Job) -> Job:
        if job.history[-1].event == "mined" and not lost:
            lost.append(job.job_id)
            world.jobs.rows[job.job_id] = replace(world.job(job.job_id), version=job.version + 1)
        return save(job)

    world.jobs.save = loses_once  # type: ignore[method-assign]
    job_id = new_token(world)
    world.run_until(lambda: has_result(world, job_id))
    assert lost == [job_id]
    assert world.status(job_id) is Status.STARTED
    world.run_until_settled()
    world.assert_exactly_once()


def test_what_a_lost_race_or_an_outage_prevents_for_one_job_is_told_of_the_others() -> None:
    world = World()
    save = world.jobs.save
    first, second = new_token(world), new_token(world, "hit two;make TokenCreated")

    def never_for_the_first(job: Job) -> Job:
        if job.job_id == first and job.history[-1].event == "mined":
            raise VersionConflict("somebody else wrote first")
        return save(job)

    world.jobs.save = never_for_the_first  # type: ignore[method-assign]
    world.run_until(lambda: has_result(world, second))
    world.run_until_settled()
    assert [world.job(job_id).result for job_id in (first, second)] == [expected(world, job_id) for job_id in (first, second)]


# --- after it was final ------------------------------------------------------------------------------------------------


@dataclass
class Checkpoints:
    kept: list[Checkpoint] = field(default_factory=list)

    def read(self, _: int) -> list[Checkpoint]:
        return list(self.kept)

    def write(self, _: int, checkpoints: Sequence[Checkpoint]) -> None:
        self.kept = list(checkpoints)


class WatchPorts:
    def __init__(self, world: World) -> None:
        self.jobs, self.chain, self.network, self.clock = world.jobs, world.chain, world.network, world.clock
        self.checkpoints, self.queue = Checkpoints(), world.queues


def reorged_after_it_was_final(world: World, ports: WatchPorts, *, mined_again: bool) -> str:
    watch_chain(ports)
    job_id = new_token(world)
    world.run_until_settled()
    world.run(60)
    watch_chain(ports)
    world.chain.reorg(world.chain.blocks[-1].number - world.job(job_id).result["blockNumber"] + 1, drop=not mined_again)
    world.chain.mine(NETWORK.confirmations)
    assert watch_chain(ports) is not None
    assert world.events(job_id)[-1] == "reorged"
    assert world.status(job_id) is Status.SUCCEEDED
    return job_id


def test_a_reorg_of_what_was_final_corrects_an_address_that_is_another_now() -> None:
    world = World()
    job_id = reorged_after_it_was_final(world, WatchPorts(world), mined_again=True)
    assert world.job(job_id).result == expected(world, job_id)


def test_a_reorg_of_what_was_final_leaves_no_address_of_what_is_not_there() -> None:
    world = World()
    job_id = reorged_after_it_was_final(world, WatchPorts(world), mined_again=False)
    assert world.job(job_id).result == {}


# --- polls -------------------------------------------------------------------------------------------------------------


def test_what_is_replaced_while_reconcile_is_due_is_kept_away_from_it_all_the_same() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.base_fee = 30 * GWEI
    world.chain.mine(NETWORK.stuck_after_blocks)
    row = world.job(job_id)
    world.jobs.rows[job_id] = replace(row, next_check_at=world.now)
    confirm_jobs([job_id], world.ports)
    after = world.job(job_id)
    assert len(after.attempt.transactions) == 2, "it was replaced in this poll"
    assert after.next_check_at is not None
    assert after.next_check_at > world.now


def test_jobs_that_share_a_delay_share_a_message_the_shortest_first() -> None:
    grouped = list(by_delay({"a": 10.0, "b": 4.2, "c": 5.0, "d": 10.0, "e": 0}))
    assert grouped == [(0, ["e"]), (5, ["b", "c"]), (10, ["a", "d"])]
    assert list(by_delay({})) == []


# --- faults ------------------------------------------------------------------------------------------------------------


def reorged_between(world: World) -> list[str]:
    """Two creations, told, taken back by a reorg, and made again."""
    job_ids = [new_token(world), new_token(world, "hit two;make TokenCreated")]
    world.run(7)
    world.chain.reorg(2)
    world.run_until_settled(minutes=30)
    return job_ids


@pytest.mark.parametrize("mode", Mode)
def test_whatever_call_fails_the_result_is_that_of_the_chain(mode: Mode) -> None:
    undisturbed = World()
    reorged_between(undisturbed)
    assert "mined" in {event.event for job in undisturbed.jobs.rows.values() for event in job.history}
    for index in range(len(undisturbed.calls.log)):
        world = World()
        world.calls.fault = Fault(index, mode)
        for job_id in reorged_between(world):
            succeeded = world.status(job_id) is Status.SUCCEEDED  # a bug in the signer fails a job
            assert world.job(job_id).result == (expected(world, job_id) if succeeded else {}), f"{mode} in call {index}"
        world.assert_exactly_once()
