"""A row that the table does not take, or takes only alone, stops the work on no other job (invariant 12)."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.bounds import Bounds
from chalicelib.errors import ServiceUnavailable, VersionConflict, WriteRefused
from chalicelib.jobs.model import Event, Status, WaitCode
from chalicelib.queues.messages import ConfirmJobs, encode
from chalicelib.workers.confirm import confirm_jobs
from chalicelib.workers.dead_letters import record_dead_letter
from chalicelib.workers.events import handle_dead_letters
from chalicelib.workers.execute import execute_jobs
from chalicelib.workers.reconcile import reconcile_jobs
from chalicelib.workers.storing import REFUSED, store_signed
from tests.fakes.world import ALICE, World

ALICES = f"122:{ALICE}"
JOBS = 9


def errors_about(caplog: pytest.LogCaptureFixture) -> set[str]:
    return {record.__dict__.get("jobId", "") for record in caplog.records if record.levelno == logging.ERROR}


def unnamed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table refuses a transaction without saying for which of its rows."""
    start = world.jobs.start

    def refuse(*arguments: Any) -> Any:
        try:
            return start(*arguments)
        except WriteRefused as error:
            raise WriteRefused(error.message) from None

    monkeypatch.setattr(world.jobs, "start", refuse)


# --- a round -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tells_which", [True, False])
@pytest.mark.parametrize("refused", [[0], [4], [8], [0, 1, 7], [3, 4, 5], list(range(JOBS))])
def test_of_a_round_with_rows_that_are_refused_the_others_are_signed_without_a_gap(
    refused: list[int], tells_which: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(JOBS)]
    bad = {job_ids[number] for number in refused}
    if not tells_which:
        unnamed(world, monkeypatch)
    world.jobs.refused = set(bad)

    execute_jobs(ALICES, job_ids[:1], world.ports)

    started = [world.job(job_id) for job_id in job_ids if job_id not in bad]
    assert {job.status for job in started} <= {Status.STARTED}
    assert [job.attempt.nonce for job in started] == list(range(len(started)))
    assert (world.account(ALICE).next_nonce or 0) == len(started)
    assert {world.status(job_id) for job_id in bad} == {Status.PENDING}
    assert errors_about(caplog) == bad


def test_a_job_whose_row_is_refused_once_waits_says_why_and_is_signed_later() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    start = world.jobs.start

    def refuse_once(*arguments: Any) -> Any:
        world.jobs.start = start  # type: ignore[method-assign]
        raise WriteRefused("no", [job_ids[1]])

    world.jobs.start = refuse_once  # type: ignore[method-assign]
    world.deliver()

    waiting = world.job(job_ids[1])
    assert (waiting.status, waiting.waits_code, waiting.waits_because) == (Status.PENDING, WaitCode.ROW_REFUSED, REFUSED)
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}


def test_a_job_whose_signed_row_is_refused_again_fails_and_the_account_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    bad, *others = [world.issue(f"hit {number}") for number in range(3)]
    start = world.jobs.start

    def refuse(account: Any, next_nonce: int, jobs: Any) -> Any:
        if bad in [job.job_id for job in jobs]:
            raise WriteRefused("no", [bad])
        return start(account, next_nonce, jobs)

    monkeypatch.setattr(world.jobs, "start", refuse)
    world.run_until_settled(minutes=10)

    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in others} == {Status.SUCCEEDED}
    failure = world.job(bad).failure
    assert failure is not None and failure.code == "RowRefused"


def test_a_job_that_fails_is_closed_with_less_of_its_past_where_its_row_would_be_too_large() -> None:
    world = World()
    job_id = world.issue("fail no allowance")
    lines = tuple(Event(world.now, "waiting", "x" * 8_000) for _ in range(49))
    world.jobs.rows[job_id] = replace(world.job(job_id), history=(world.job(job_id).history[0], *lines))
    world.jobs.rows[job_id] = replace(world.job(job_id), data={"note": "y" * 40_000})

    world.deliver()

    job = world.job(job_id)
    assert job.status is Status.FAILED
    assert [event.event for event in (job.history[0], job.history[-1])] == ["issued", "failed"]
    assert len(job.history) < 20


def test_fifty_six_large_jobs_posted_together_are_all_signed() -> None:
    """Their rows are large by what the jobs tell, not by their call data."""
    world = World(bounds=Bounds(round_bytes=3_000_000))
    job_ids = [world.issue(f"hit {number}") for number in range(56)]
    for job_id in job_ids:
        world.jobs.rows[job_id] = replace(world.job(job_id), data={"spendabilityIdsArr": ["x" * 800] * 100})

    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}
    starts = [call.arguments[2] for call in world.calls.log if call.name == "jobs.start"]
    sizes = [sum(world.jobs.row_bytes(job) for job in jobs) for jobs in starts]
    assert len(starts) == 2 and max(sizes) <= 3_000_000, sizes


def test_the_size_of_a_usual_jobs_row_is_not_computed() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(90)]

    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert "jobs.row_bytes" not in world.calls.names()
    assert world.calls.names().count("jobs.start") == 1


@pytest.mark.parametrize("trouble", [VersionConflict("somebody was faster"), ServiceUnavailable("the table throttles")])
def test_what_is_stored_of_a_round_is_broadcast_whatever_becomes_of_the_rest(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a round that is too large for one transaction the second half fails."""
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(4)]
    start, sizes = world.jobs.start, list[int]()

    def start_two_at_most(account: Any, next_nonce: int, jobs: Any) -> Any:
        sizes.append(len(jobs))
        if len(jobs) > 2:
            raise WriteRefused("too large together")
        if len(sizes) == 3:
            raise trouble
        return start(account, next_nonce, jobs)

    monkeypatch.setattr(world.jobs, "start", start_two_at_most)
    execute_jobs(ALICES, job_ids[:1], world.ports)

    assert sizes[:3] == [4, 2, 2]
    (first, *_) = [call.arguments[0] for call in world.calls.log if call.name == "chain.broadcast"]
    assert [transaction.hash for transaction in first] == [world.job(job_id).attempt.latest.hash for job_id in job_ids[:2]]
    assert {world.status(job_id) for job_id in job_ids} == {Status.STARTED}
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_a_round_of_one_job_whose_row_is_refused_stores_nothing() -> None:
    world = World()
    world.issue("hit one")
    (job,) = world.jobs.rows.values()
    world.jobs.refused = {job.job_id}

    stored = store_signed(world.account(ALICE), 0, [job], world.ports)

    assert (stored.started, stored.refused, stored.behind) == ([], [job.job_id], [])


# --- loops over many jobs ----------------------------------------------------------------------------------------------


def looked_after(world: World, count: int = 5) -> list[str]:
    """Pending jobs that reconcile looks after, all of them due."""
    job_ids = [world.issue(f"hit {number}") for number in range(count)]
    for job_id in job_ids:
        world.jobs.rows[job_id] = replace(world.job(job_id), next_check_at=world.now)
    world.queues.execute_queue.messages.clear()
    world.now += timedelta(seconds=1)
    return job_ids


def test_reconcile_nudges_the_others_when_one_row_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    job_ids = looked_after(world)
    world.jobs.refused = {job_ids[2]}

    assert reconcile_jobs(world.ports) == len(job_ids), "it is nudged, too: its own step may end it"

    later = {job_id for job_id in job_ids if (world.job(job_id).next_check_at or world.now) > world.now}
    assert later == set(job_ids) - {job_ids[2]}
    assert errors_about(caplog) == {job_ids[2]}


def test_rows_that_cannot_be_written_do_not_keep_reconcile_from_those_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.workers.reconcile.JOBS_PER_ROUND", 3)
    world = World()
    job_ids = looked_after(world, 9)
    world.jobs.refused = set(job_ids[:4])

    assert reconcile_jobs(world.ports) == len(job_ids)
    assert all((world.job(job_id).next_check_at or world.now) > world.now for job_id in job_ids[4:])


def test_the_sweep_goes_on_behind_a_row_that_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(5)]
    world.queues.execute_queue.messages.clear()
    world.jobs.refused = {job_ids[1]}
    world.now += timedelta(seconds=61)

    reconcile_jobs(world.ports)

    assert {job_id for job_id in job_ids if world.job(job_id).is_fresh} == {job_ids[1]}
    assert world.account(ALICE).swept_to == world.job(job_ids[-1]).issued_order
    assert errors_about(caplog) == {job_ids[1]}


def test_a_dead_letter_is_noted_in_the_other_jobs_when_one_row_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    world.jobs.refused = {job_ids[0]}
    body = encode(ConfirmJobs(tuple(job_ids)))

    answer = handle_dead_letters({"Records": [{"messageId": "one", "body": body}]}, world.ports)

    assert answer == {"batchItemFailures": []}
    assert ["deadLettered" in world.events(job_id) for job_id in job_ids] == [False, True, True]
    assert errors_about(caplog) >= {job_ids[0]}


def test_a_dead_letter_is_noted_in_the_others_before_what_may_pass_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    get = world.jobs.get

    def fail_first(job_id: str) -> Any:
        if job_id == job_ids[0]:
            raise RuntimeError("nobody expects this")
        return get(job_id)

    monkeypatch.setattr(world.jobs, "get", fail_first)
    with pytest.raises(RuntimeError):
        record_dead_letter(job_ids, "of a test", world.ports)
    assert ["deadLettered" in world.events(job_id) for job_id in job_ids] == [False, True, True]


def test_every_job_is_polled_again_when_the_row_of_one_cannot_be_written(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(4)]
    world.deliver()
    for job_id in job_ids:  # reconcile looks after them, so each poll is noted
        world.jobs.rows[job_id] = replace(world.job(job_id), next_check_at=world.now)
    world.jobs.refused = {job_ids[1]}
    world.chain.mine()
    world.calls.log.clear()

    confirm_jobs(job_ids, world.ports)

    polled = [call.arguments[0] for call in world.calls.log if call.name == "queue.confirm"]
    assert sorted(job_id for ids in polled for job_id in ids) == sorted(job_ids)
    assert errors_about(caplog) == {job_ids[1]}
    noted = {job_id for job_id in job_ids if (world.job(job_id).next_check_at or world.now) > world.now}
    assert noted == set(job_ids) - {job_ids[1]}
