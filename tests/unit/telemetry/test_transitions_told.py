"""Each transition that was stored is told once, with the ids an operator searches for; nothing else is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Status
from chalicelib.jobs.states import cancelled, with_next_check
from chalicelib.networks import GWEI
from chalicelib.telemetry.observed_jobs import observed
from chalicelib.workers.dead_letters import record_dead_letter
from tests.fakes.observing import Told, observing
from tests.fakes.world import ALICE, World
from tests.unit.jobs.a_job import NOW, pending_job


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def told(world: World) -> Iterator[Told]:
    with observing(world) as told:
        yield told


def settle(world: World, programme: str, **request: Any) -> str:
    job_id = world.issue(programme, **request)
    world.run_until_settled()
    return job_id


def assert_told_as_it_happened(told: Told, world: World) -> None:
    """One line an event of the history, in its order, for every job there is."""
    for job_id in world.jobs.rows:
        assert told.events(job_id) == world.events(job_id)
    assert len(told.lines) == sum(len(job.history) for job in world.jobs.rows.values())
    assert [event for event, _ in told.marks] == [line["message"] for line in told.lines]


def test_a_job_that_succeeds_is_one_line_a_transition(world: World, told: Told) -> None:
    job_id = settle(world, "hit one")
    assert told.events(job_id) == ["issued", "signed", "succeeded"]
    assert_told_as_it_happened(told, world)
    issued, signed, succeeded = told.of(job_id)
    job = world.job(job_id)
    of_the_job = {"jobId": job_id, "correlationId": "request-1", "name": "job", "account": ALICE}
    for line, status, attempt in ((issued, "pending", 0), (signed, "started", 1), (succeeded, "succeeded", 1)):
        assert line | of_the_job == line
        assert (line["status"], line["attempt"], line["level"], line["service"]) == (status, attempt, "INFO", "jobs-api-test")
    assert "txHash" not in issued
    assert signed["txHash"] == succeeded["txHash"] == job.attempt.latest.hash
    receipt = job.attempt.receipt
    assert receipt is not None
    assert (succeeded["blockNumber"], succeeded["fee"]) == (receipt.block_number, str(receipt.fee))
    assert not {"blockNumber", "fee", "code", "detail"} & set(signed)


def test_the_owner_the_data_and_what_was_sent_are_in_no_line(world: World, told: Told) -> None:
    settle(world, "hit one")
    for line in told.lines:
        assert set(line) <= {
            *("level", "location", "message", "timestamp", "service"),
            *("jobId", "correlationId", "name", "account", "status", "attempt", "nonce", "txHash", "blockNumber", "fee"),
        }


def test_replaced_cancelled_and_retried_jobs_are_told_as_it_happened(world: World, told: Told) -> None:
    replaced = world.issue("hit replaced")
    world.deliver()
    world.chain.base_fee = 30 * GWEI
    world.run_until_settled()
    world.chain.base_fee = 10 * GWEI
    reverted = settle(world, "trap out of stock")
    world.retry(reverted)
    world.run_until_settled()
    stopped = world.issue("hit stopped")
    world.deliver()
    world.chain.base_fee = 23 * GWEI
    world.run(1)
    world.cancel(stopped)
    world.run_until_settled()
    assert_told_as_it_happened(told, world)
    assert "replaced" in told.events(replaced)
    assert {"cancelRequested", "cancelSigned", "cancelled"} <= set(told.events(stopped))
    for line in told.of(replaced):
        if line["message"] == "replaced":
            assert line["txHash"] == world.job(replaced).attempt.transactions[1].hash
    first, again = (line for line in told.of(reverted) if line["message"] == "failed")
    assert (first["code"], first["attempt"], again["attempt"]) == ("TransactionReverted", 1, 2)
    assert "out of stock" not in str(told.of(reverted))
    measured = told.measured()
    assert measured.total("JobsIssued") == measured.total("JobsIssued", name="job") == 3
    assert measured.total("JobsFinished", outcome="failed") == measured.total("JobsFinished", name="job", outcome="failed") == 2
    assert measured.total("JobsFinished", outcome="cancelled") == measured.total("JobsFinished", outcome="succeeded") == 1
    assert measured.total("Reverts") == 2
    assert measured.total("Replacements") == sum(line["message"] == "replaced" for line in told.lines)


def test_the_fees_that_are_told_are_those_that_were_paid(world: World, told: Told) -> None:
    settle(world, "hit one")
    reverted = settle(world, "trap out of stock")
    world.retry(reverted)
    world.run_until_settled()
    before = world.chain.balance(ALICE)
    paid = told.measured().total("FeeSpent", account=ALICE)
    assert paid == pytest.approx((1_000 * 10**18 - before) / 10**18)


def test_a_retry_that_ends_before_it_is_signed_does_not_pay_its_last_attempt_again(world: World, told: Told) -> None:
    job_id = settle(world, "trap out of stock")
    told.measured()
    world.now += timedelta(days=1)
    row = world.jobs.rows[job_id]
    world.jobs.rows[job_id] = replace(row, request=replace(row.request, valid_until=world.now))
    world.retry(job_id)
    world.run_until_settled()
    assert told.events(job_id)[-2:] == ["retried", "failed"]
    line = told.of(job_id)[-1]
    assert line["code"] == "Expired"
    assert not {"fee", "blockNumber"} & set(line)
    measured = told.measured()
    assert measured.total("JobsFinished", outcome="failed") == 1
    assert measured.series().keys() == {
        ("JobsFinished", ("stack", "outcome")),
        ("JobsFinished", ("stack", "name", "outcome")),
    }


def test_a_nonce_taken_by_another_program_is_a_warning(world: World, told: Told) -> None:
    job_id = world.issue("hit one")
    world.deliver()
    world.chain.send_foreign(ALICE, nonce=0)
    world.run_until_settled()
    assert_told_as_it_happened(told, world)
    (line,) = [line for line in told.of(job_id) if line["message"] == "displaced"]
    assert line["level"] == "WARNING"
    assert line["detail"] == "nonce 0 was used by another program"


def test_a_dead_letter_is_an_error_and_counted_once(world: World, told: Told) -> None:
    world.pause(ALICE, "stopped by hand")
    job_id = world.issue("hit one")
    world.deliver()
    for _ in range(2):  # delivered again: it is noted already
        record_dead_letter([job_id], "the execute message 1 could not be handled", world.ports)
    (line,) = [line for line in told.of(job_id) if line["message"] == "deadLettered"]
    assert (line["level"], line["detail"]) == ("ERROR", "the execute message 1 could not be handled")
    assert told.measured().total("DeadLetters") == 1


def test_what_one_write_adds_to_the_history_is_told_in_its_order(world: World, told: Told) -> None:
    world.pause(ALICE, "stopped by hand")
    job_id = world.issue("hit one")
    for number in range(3):
        record_dead_letter([job_id], f"the execute message {number} could not be handled", world.ports)
    assert told.events(job_id) == world.events(job_id) == ["issued", *["deadLettered"] * 3, "failed"]
    last, failed = told.of(job_id)[-2:]
    assert (last["status"], failed["status"], failed["code"]) == ("failed", "failed", "DeadLettered")


def test_a_replayed_request_and_a_look_that_changes_nothing_tell_nothing(world: World, told: Told) -> None:
    job = pending_job()
    assert world.ports.jobs.issue(job) is None
    assert world.ports.jobs.issue(replace(job, fingerprint="another")) == job
    seen = world.ports.jobs.save(with_next_check(job, NOW))
    world.ports.jobs.save(with_next_check(seen, NOW))
    assert [line["message"] for line in told.lines] == ["issued"]


def test_a_lost_race_tells_nothing(world: World, told: Told) -> None:
    job = pending_job()
    world.ports.jobs.issue(job)
    world.ports.jobs.save(cancelled(job, NOW))
    with pytest.raises(VersionConflict):
        world.ports.jobs.save(cancelled(job, NOW + timedelta(seconds=1)))
    (outcome,) = world.ports.jobs.save_each([cancelled(job, NOW + timedelta(seconds=2))])
    assert isinstance(outcome, VersionConflict)
    assert told.events(job.job_id) == ["issued", "cancelled"]
    assert told.measured().total("JobsFinished", outcome="cancelled") == 1


def test_a_write_whose_answer_is_lost_for_good_is_not_told_as_stored(world: World, told: Told) -> None:
    job = pending_job()
    world.ports.jobs.issue(job)

    def lost(_: Any) -> Any:
        raise ServiceUnavailable("The table does not answer.")

    world.jobs.save = lost  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable):
        world.ports.jobs.save(cancelled(job, NOW))
    assert told.events(job.job_id) == ["issued"]


def test_seconds_run_from_issued_to_signed_and_from_there_to_mined_and_final(world: World, told: Told) -> None:
    def mine() -> None:
        world.chain.mine()
        world.chain.made_at[world.chain.blocks[-1].number] = world.now

    world.on_block = mine
    world.pause(ALICE, "stopped by hand")
    job_id = world.issue("hit one")
    world.run(30)
    world.pause(ALICE, None)
    world.run_until_settled()
    job, measured = world.job(job_id), told.measured()
    signed_at = job.attempt.transactions[0].signed_at
    receipt = job.attempt.receipt
    assert receipt is not None and job.last_finished_at is not None
    (broadcast,) = measured.values("SecondsToBroadcast")
    assert broadcast == round((signed_at - job.created_at).total_seconds(), 3) >= 30
    (mined,) = measured.values("SecondsToMined")
    assert mined == round((world.chain.made_at[receipt.block_number] - signed_at).total_seconds(), 3)
    (final,) = measured.values("SecondsToFinal")
    assert final == round((job.last_finished_at - signed_at).total_seconds(), 3) > mined > 0


def test_a_metric_or_a_mark_that_cannot_be_taken_does_not_fail_the_write(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("full")

    metrics = type("Metrics", (), {"add": broken})()
    jobs = observed(world.jobs, metrics, world.clock, broken)
    job = pending_job()
    assert jobs.issue(job) is None
    stored = jobs.save(cancelled(job, NOW))
    assert jobs.get(job.job_id) == stored
    assert stored.status is Status.CANCELLED
    assert caplog.messages.count("a transition could not be reported") == 2


def test_what_is_stored_has_nothing_unsaved(world: World, told: Told) -> None:
    job = pending_job()
    world.ports.jobs.issue(job)
    moved = cancelled(job, NOW)
    assert [event.event for event in moved.unsaved] == ["cancelled"]
    assert world.ports.jobs.save(moved).unsaved == ()
    assert told.events(job.job_id) == ["issued", "cancelled"]
