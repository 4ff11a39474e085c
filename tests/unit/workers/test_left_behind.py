"""Invariant 6: lost nudges, poison and dead letters; and what the messages say."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import ServiceUnavailable
from chalicelib.jobs.model import Status
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, Message, PoisonMessage, decode, encode
from chalicelib.workers.events import handle_confirm, handle_dead_letters, handle_execute
from chalicelib.workers.reconcile import reconcile_jobs
from tests.fakes.sqs import MAX_RECEIVE_COUNT
from tests.fakes.world import ALICE, BOB, World

POISON = [
    "",
    "{",
    "[]",
    "null",
    '"execute"',
    "{}",
    '{"command": "execute"}',
    '{"command": "confirm", "jobIds": "abc"}',
    '{"command": 7}',
]
ALICES = f"122:{ALICE}"


def event(*bodies: str) -> dict[str, Any]:
    return {"Records": [{"messageId": str(number), "body": body, "attributes": {}} for number, body in enumerate(bodies)]}


def failures(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


@pytest.mark.parametrize(
    "message", [ExecuteJobs("122:0xA", ("a", "b")), ExecuteJobs("122:0xA"), ConfirmJobs(("a",)), ConfirmJobs(())]
)
def test_a_message_says_what_was_sent(message: Message) -> None:
    assert decode(encode(message)) == message


def test_invariant_9_a_message_holds_ids_and_a_command_and_nothing_else() -> None:
    assert json.loads(encode(ExecuteJobs("122:0xA", ("a",)))) == {"command": "execute", "accountId": "122:0xA", "jobIds": ["a"]}
    assert json.loads(encode(ConfirmJobs(("a",)))) == {"command": "confirm", "jobIds": ["a"]}


def test_unknown_fields_of_a_message_are_ignored() -> None:
    assert decode('{"command": "confirm", "jobIds": ["a"], "since": "2031"}') == ConfirmJobs(("a",))


@pytest.mark.parametrize("body", [*POISON, '{"command": "confirm", "jobIds": [1]}', '{"command": "confirm", "jobIds": null}'])
def test_a_body_that_is_no_message_is_poison(body: str) -> None:
    with pytest.raises(PoisonMessage):
        decode(body)


@pytest.mark.parametrize("handler", [handle_execute, handle_confirm])
def test_only_the_poison_of_a_batch_is_answered_as_failed(handler: Callable[..., Any]) -> None:
    world = World()
    answer = handler(event(*POISON, encode(ConfirmJobs(("0" * 24,))), encode(ExecuteJobs(ALICES, ("0" * 24,)))), world.ports)
    assert failures(answer) == [str(number) for number in range(len(POISON))]


@pytest.mark.parametrize("body", POISON)
def test_poison_ends_in_the_dead_letters_once_and_the_others_of_its_batch_go_on(body: str) -> None:
    world = World()
    world.queues.send_execute(body, "poison")
    world.queues.send_confirm(body, 0)
    job_ids = [world.issue("hit 1"), world.issue("hit 2", BOB)]
    world.deliver()
    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}
    world.run(MAX_RECEIVE_COUNT * 180 + 600)
    queues = world.queues
    assert not any((queues.execute_queue.messages, queues.execute_dead_letters.messages))
    assert not any((queues.confirm_queue.messages, queues.confirm_dead_letters.messages))
    world.assert_exactly_once()


def test_poison_in_an_account_s_group_delays_that_account_only() -> None:
    world = World()
    world.queues.send_execute("poison", ALICES)
    behind, other = world.issue("hit 1"), world.issue("hit 2", BOB)
    world.deliver()
    assert world.status(other) is Status.STARTED
    world.run_until_settled(minutes=15)
    world.assert_exactly_once()
    assert world.status(behind) is Status.SUCCEEDED


def test_a_dead_letter_is_noted_in_the_job_s_history() -> None:
    world = World()
    world.pause(ALICE, "holiday")
    job_id = world.issue("hit 1")
    world.run(1)
    assert failures(handle_dead_letters(event(encode(ExecuteJobs(ALICES, (job_id,)))), world.ports)) == []
    assert (world.events(job_id)[-1], world.status(job_id)) == ("deadLettered", Status.PENDING)


def dead_letter(job_id: str, number: int) -> dict[str, Any]:
    """One of a message of its own."""
    return {"Records": [{"messageId": f"letter-{number}", "body": encode(ExecuteJobs(ALICES, (job_id,))), "attributes": {}}]}


def test_a_dead_letter_delivered_again_and_again_counts_once() -> None:
    world = World()
    world.pause(ALICE, "holiday")
    job_id = world.issue("hit 1")
    for _ in range(5):
        handle_dead_letters(dead_letter(job_id, 1), world.ports)
    assert (world.status(job_id), world.events(job_id)) == (Status.PENDING, ["issued", "deadLettered"])


def test_the_third_dead_letter_fails_a_pending_job() -> None:
    world = World()
    world.pause(ALICE, "holiday")
    job_id = world.issue("hit 1")
    for number, status in enumerate((Status.PENDING, Status.PENDING, Status.FAILED, Status.FAILED)):
        handle_dead_letters(dead_letter(job_id, number), world.ports)
        assert world.status(job_id) is status
    assert world.job(job_id).failure.code == "DeadLettered"  # type: ignore[union-attr]
    assert world.job(job_id).fail_count == 1
    world.pause(ALICE, None)
    world.retry(job_id)
    handle_dead_letters(dead_letter(job_id, 9), world.ports)
    assert world.status(job_id) is Status.PENDING, "counted anew since the retry"
    world.run_until_settled()
    world.assert_exactly_once()


def test_invariant_4_no_number_of_dead_letters_closes_a_job_in_flight() -> None:
    world = World()
    job_id = world.issue("hit 1")
    world.deliver()
    for number in range(60):
        handle_dead_letters(dead_letter(job_id, number), world.ports)
    assert world.status(job_id) is Status.STARTED
    world.run_until_settled()
    world.assert_exactly_once()


def test_dead_letters_of_no_message_and_of_no_job_are_dropped() -> None:
    world = World()
    assert failures(handle_dead_letters(event("poison", encode(ConfirmJobs(("0" * 24,)))), world.ports)) == []


def test_a_dead_letter_that_cannot_be_recorded_comes_again() -> None:
    world = World()
    job_id = world.issue("hit 1")

    def away(_: str) -> None:
        raise ServiceUnavailable("no table")

    world.jobs.get = away  # type: ignore[assignment, method-assign]
    assert failures(handle_dead_letters(event(encode(ConfirmJobs((job_id,)))), world.ports)) == ["0"]


@pytest.mark.parametrize("moment", ["issued", "started", "cancel requested", "retried"])
def test_whatever_nudge_is_lost_reconcile_sends_it_again(moment: str) -> None:
    world = World()
    programme = "trap no;hit 1" if moment == "retried" else "hit 1"
    job_id = world.issue(programme)
    if moment in ("started", "cancel requested"):
        world.deliver()
    if moment == "cancel requested":
        world.chain.drop()
        world.cancel(job_id)
    if moment == "retried":
        world.run_until_settled()
        world.retry(job_id)
    world.queues.execute_queue.messages.clear()
    world.queues.confirm_queue.messages.clear()
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_every_nudge_lost_for_an_hour_is_made_up_for() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(10)]
    until = world.now + timedelta(hours=1)
    while world.now < until:
        world.queues.execute_queue.messages.clear()
        world.queues.confirm_queue.messages.clear()
        world.step()
    world.run_until_settled(minutes=20)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_reconcile_nudges_each_job_left_behind_once_and_none_that_is_looked_after() -> None:
    world = World()
    for number in range(250):
        world.issue(f"hit {number}")
    world.queues.execute_queue.messages.clear()
    assert reconcile_jobs(world.ports) == 0
    world.now += timedelta(seconds=61)
    assert reconcile_jobs(world.ports) == 250
    assert reconcile_jobs(world.ports) == 0


def test_two_reconciles_at_once_do_not_nudge_twice() -> None:
    world = World()
    world.issue("hit 1")
    world.now += timedelta(seconds=61)
    due = world.jobs.due(world.now, 10)
    assert reconcile_jobs(world.ports) == 1
    stale = iter([due, []])
    world.jobs.due = lambda *_: next(stale)  # type: ignore[method-assign]
    assert reconcile_jobs(world.ports) == 0


def test_a_closed_job_is_left_alone_by_every_handler() -> None:
    world = World()
    job_id = world.issue("hit 1")
    world.run_until_settled()
    closed = world.job(job_id)
    for body in (encode(ExecuteJobs(ALICES, (job_id,))), encode(ConfirmJobs((job_id,)))):
        for handler in (handle_execute, handle_confirm, handle_dead_letters):
            assert failures(handler(event(body), world.ports)) == []
    world.run(120)
    assert world.job(job_id) == closed
    world.assert_exactly_once()
