"""One nudge is enough for a burst: what a run takes along, what it leaves alone, and what it does when a read was stale."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.bounds import Bounds
from chalicelib.errors import ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Job, Status
from chalicelib.jobs.states import waiting
from chalicelib.workers import pending
from chalicelib.workers.execute import execute_jobs
from chalicelib.workers.pending import JOBS_PER_ROUND
from tests.fakes.world import ALICE, BOB, BOUNDS, NETWORK, World

ALICES = f"122:{ALICE}"
FIRST_LOOK = NETWORK.confirmations * NETWORK.block_seconds


def in_flight(world: World, job_ids: Iterable[str]) -> list[bool]:
    return [world.status(job_id) is Status.STARTED for job_id in job_ids]


def calls_of(world: World, job_id: str) -> list[str]:
    """What a run does that is asked for this job."""
    before = len(world.calls.log)
    execute_jobs(ALICES, [job_id], world.ports)
    return world.calls.names()[before:]


def resting(world: World, job_id: str) -> Job:
    """As if an earlier run had made it wait."""
    later = world.now + timedelta(minutes=5)
    return world.jobs.save(waiting(world.job(job_id), world.now, later, "it is told to", next_check_at=later))


def test_one_message_has_all_jobs_of_its_account_signed_and_of_no_other() -> None:
    world = World()
    job_ids, others = [world.issue(f"hit {number}") for number in range(250)], [world.issue("hit other", BOB)]
    execute_jobs(ALICES, job_ids[120:121], world.ports)
    assert all(in_flight(world, job_ids))
    assert [world.job(job_id).attempt.nonce for job_id in job_ids] == list(range(250))
    assert not any(in_flight(world, others))
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_the_message_of_a_job_that_was_signed_with_others_costs_one_look() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    execute_jobs(ALICES, job_ids[:1], world.ports)
    assert calls_of(world, job_ids[1]) == ["jobs.load"]
    assert False in world.calls.log[-1].arguments, "eventually consistent"


def test_a_message_whose_job_rests_wakes_nobody() -> None:
    world = World()
    rests, fresh = world.issue("hit 1"), world.issue("hit 2")
    resting(world, rests)
    assert calls_of(world, rests) == ["jobs.load"]
    assert in_flight(world, [fresh]) == [False]


def test_jobs_that_wait_at_the_head_hide_no_others() -> None:
    world = World()
    waits = [world.issue(f"hit {number}") for number in range(2 * JOBS_PER_ROUND)]
    for job_id in waits:
        resting(world, job_id)
    fresh = [world.issue(f"hit fresh {number}") for number in range(2)]
    execute_jobs(ALICES, fresh[:1], world.ports)
    assert in_flight(world, fresh) == [True, True]
    assert not any(in_flight(world, waits))


def test_the_index_is_read_on_from_the_newest_job_that_was_signed() -> None:
    world = World()
    signed = [world.issue(f"hit {number}") for number in range(5)]
    world.deliver()
    fresh = world.issue("hit fresh")
    before = len(world.calls.log)
    execute_jobs(ALICES, [fresh], world.ports)
    (asked,) = [call for call in world.calls.log[before:] if call.name == "jobs.issued_on"]
    assert asked.arguments[1] == world.job(signed[-1]).issued_order


@pytest.mark.parametrize("ids_per_page", [1, 3, 40, 250, 251])
def test_the_index_is_read_page_by_page_to_its_end(ids_per_page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "IDS_PER_PAGE", ids_per_page)
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(250)]
    execute_jobs(ALICES, job_ids[:10], world.ports)
    assert all(in_flight(world, job_ids))
    assert [world.job(job_id).attempt.nonce for job_id in job_ids] == list(range(250))


def test_no_more_rows_are_read_than_a_run_can_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending, "ROWS_PER_RUN", 50)
    world = World()
    for number in range(200):
        resting(world, world.issue(f"hit {number}"))
    fresh = world.issue("hit fresh")
    before = len(world.calls.log)
    execute_jobs(ALICES, [fresh], world.ports)
    assert in_flight(world, [fresh]) == [True]
    assert sum(len(call.arguments[0]) for call in world.calls.log[before:] if call.name == "jobs.load") <= 50 + JOBS_PER_ROUND


def test_a_wait_that_cannot_be_written_down_is_told_to_the_queue() -> None:
    world = World(wei=0)
    job_ids = [world.issue(f"hit {number}") for number in range(2)]

    def away(_: Job) -> Job:
        raise ServiceUnavailable("no table")

    world.jobs.save = away  # type: ignore[method-assign]
    with pytest.raises(ServiceUnavailable):
        execute_jobs(ALICES, job_ids[:1], world.ports)


def test_what_reconcile_has_swept_is_not_looked_at_again_however_much_it_is() -> None:
    world = World()
    failed = [world.issue("fail always") for _ in range(50)]
    world.deliver()
    assert {world.status(job_id) for job_id in failed} == {Status.FAILED}
    assert world.account(ALICE).signed_to is None
    world.run(200)
    assert world.account(ALICE).swept_to is not None
    fresh = world.issue("hit 1")
    before = len(world.calls.log)
    execute_jobs(ALICES, [fresh], world.ports)
    loaded = [job_id for call in world.calls.log[before:] if call.name == "jobs.load" for job_id in call.arguments[0]]
    assert loaded == [fresh]


def test_jobs_too_large_for_one_write_are_signed_in_several_rounds_of_one_run() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number};" + ";" * 160_000) for number in range(24)]
    execute_jobs(ALICES, job_ids[:1], world.ports)
    assert all(in_flight(world, job_ids))
    starts = [call.arguments[2] for call in world.calls.log if call.name == "jobs.start"]
    assert len(starts) > 1
    for jobs in starts:
        assert sum(world.jobs.row_bytes(job) for job in jobs) < 4_000_000


def test_what_is_left_after_many_rounds_is_asked_for_again() -> None:
    world = World(bounds=Bounds(rounds=1))
    chain = [world.issue(f"need {number};set {number + 1};hit {number}" if number else "set 1;hit 0") for number in range(4)]
    execute_jobs(ALICES, chain[:1], world.ports)
    assert in_flight(world, chain) == [True, False, False, False]
    (again,) = [call for call in world.calls.log if call.name == "queue.execute_later"]
    assert again.arguments == (ALICES, chain[1:], 1)
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert {world.status(job_id) for job_id in chain} == {Status.SUCCEEDED}


def test_a_run_that_has_no_time_left_has_the_next_jobs_asked_for_again() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(2 * JOBS_PER_ROUND)]
    start = world.jobs.start

    def slow(*arguments: object) -> list[Job]:
        world.now += timedelta(seconds=BOUNDS.run_seconds - BOUNDS.estimate_seconds + 1)
        return start(*arguments)  # type: ignore[arg-type]

    world.jobs.start = slow  # type: ignore[method-assign]
    execute_jobs(ALICES, job_ids[:1], world.ports)
    assert in_flight(world, job_ids) == [True] * JOBS_PER_ROUND + [False] * JOBS_PER_ROUND
    (again,) = [call for call in world.calls.log if call.name == "queue.execute_later"]
    assert again.arguments == (ALICES, job_ids[JOBS_PER_ROUND:], 1)


# --- reads that are stale ----------------------------------------------------------------------------------------------


def shows(world: World, stale: dict[str, Job | None]) -> None:
    """Reads that need not be consistent show these rows as they were; None: not at all."""
    load = world.jobs.load

    def stale_load(job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        found = load(job_ids, consistent=consistent)
        if consistent:
            return found
        seen = [stale.get(job.job_id, job) for job in found]
        return [job for job in seen if job is not None]

    world.jobs.load = stale_load  # type: ignore[method-assign]


def test_invariant_7_a_job_that_looks_pending_still_is_not_signed_twice() -> None:
    world = World()
    old, new = world.issue("hit old"), world.issue("hit new")
    as_it_was = world.job(old)
    execute_jobs(ALICES, [old], world.ports)
    fresh = world.issue("hit fresh")
    shows(world, {old: as_it_was})
    execute_jobs(ALICES, [old, fresh], world.ports)
    assert in_flight(world, [old, new, fresh]) == [True] * 3
    assert [len(world.job(job_id).attempts) for job_id in (old, new, fresh)] == [1, 1, 1]
    world.run_until_settled()
    world.assert_exactly_once()


@pytest.mark.parametrize("handled", ["execute", "confirm"])
def test_a_job_that_does_not_show_yet_is_looked_for_again(handled: str) -> None:
    world = World()
    job_id = world.issue("hit 1")
    if handled == "confirm":
        world.deliver()
    shows(world, {job_id: None})
    world.run_until_settled(minutes=1)
    world.assert_exactly_once()
    assert len(world.job(job_id).history) == 3, "no nudge but its own was needed"


def test_a_retried_job_that_looks_failed_still_is_signed_at_once() -> None:
    world = World()
    job_id = world.issue("trap once;hit 1")
    world.run_until_settled()
    shows(world, {job_id: world.job(job_id)})
    world.retry(job_id)
    world.deliver()
    assert in_flight(world, [job_id]) == [True]


def test_a_job_in_flight_that_looks_pending_still_is_watched_on() -> None:
    world = World()
    job_id = world.issue("hit 1")
    as_it_was = world.job(job_id)
    world.deliver()
    shows(world, {job_id: as_it_was})
    world.run(FIRST_LOOK + 1)
    assert world.status(job_id) is Status.SUCCEEDED


def test_a_round_that_loses_a_race_goes_on_with_what_is_true() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(5)]
    start = world.jobs.start

    def overtaken(*arguments: object) -> list[Job]:
        world.jobs.start = start  # type: ignore[method-assign]
        world.cancel(job_ids[2])
        raise VersionConflict("The job was changed at the same time.")

    world.jobs.start = overtaken  # type: ignore[method-assign]
    execute_jobs(ALICES, job_ids[:1], world.ports)
    assert in_flight(world, job_ids) == [True, True, False, True, True]
    world.run_until_settled()
    world.assert_exactly_once()
    assert world.status(job_ids[2]) is Status.CANCELLED


def test_a_run_whose_nonces_another_one_took_goes_on_with_the_next_ones() -> None:
    world = World()
    first, second = world.issue("hit 1"), world.issue("hit 2")
    start, rows = world.jobs.start, world.jobs.rows

    def hidden(job_id: str) -> Job:
        """What no index shows yet."""
        job = rows[job_id]
        rows[job_id] = replace(job, status=Status.CANCELLED)
        return job

    late = hidden(second)

    def overtaken(*arguments: object) -> list[Job]:
        world.jobs.start = start  # type: ignore[method-assign]
        here, rows[second] = hidden(first), late
        execute_jobs(ALICES, [second], world.ports)
        rows[first] = here
        return start(*arguments)  # type: ignore[arg-type]

    world.jobs.start = overtaken  # type: ignore[method-assign]
    execute_jobs(ALICES, [first], world.ports)
    assert [world.job(job_id).attempt.nonce for job_id in (first, second)] == [1, 0]
    assert "queue.execute_later" not in world.calls.names()
    world.run_until_settled()
    world.assert_exactly_once()


# --- signing -----------------------------------------------------------------------------------------------------------


def test_jobs_that_cannot_be_built_fail_alone_and_the_nonces_close_up() -> None:
    world = World()
    bad = {2, 3, 7}
    world.signers.poison |= {f"hit {number}".encode() for number in bad}
    job_ids = [world.issue(f"hit {number}") for number in range(10)]
    execute_jobs(ALICES, job_ids[:1], world.ports)
    good = [job_id for number, job_id in enumerate(job_ids) if number not in bad]
    assert [world.job(job_id).attempt.nonce for job_id in good] == list(range(7))
    assert {world.job(job_ids[number]).failure.code for number in bad} == {"InternalError"}  # type: ignore[union-attr]
    assert world.calls.names().count("signer.sign_each") == 2, "what is good is signed anew once, not once for each bad one"
    world.run_until_settled()
    world.assert_exactly_once()


def test_nothing_is_stored_when_the_key_cannot_be_used_half_way() -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    world.signers.away = True
    execute_jobs(ALICES, job_ids[:1], world.ports)
    assert "jobs.start" not in world.calls.names()
    assert world.account(ALICE).next_nonce is None
    assert {world.status(job_id) for job_id in job_ids} == {Status.PENDING}
    assert {world.job(job_id).waits_because for job_id in job_ids} == {"The key service does not answer."}


# --- the first look ----------------------------------------------------------------------------------------------------


def delays(world: World) -> list[int]:
    return [call.arguments[1] for call in world.calls.log if call.name == "queue.confirm"]


def test_what_was_sent_is_looked_for_when_it_can_be_deep_enough() -> None:
    world = World()
    for number in range(3):
        world.issue(f"hit {number}")
    world.deliver()
    assert delays(world) == [FIRST_LOOK]
    world.run_until_settled()
    assert world.calls.names().count("chain.transactions_view") == 1


@pytest.mark.parametrize(
    "lie", [{"claims_known": 1}, {"takes_but_fails": 1}, {"takes_without_answer": 1}, {"never_valid": {b"hit 1"}}], ids=str
)
def test_what_a_node_did_not_say_it_took_is_looked_for_after_a_block(lie: dict[str, object]) -> None:
    world = World()
    world.chain.lies = replace(world.chain.lies, **lie)  # type: ignore[arg-type]
    world.issue("hit 1")
    world.deliver()
    assert delays(world) == [NETWORK.block_seconds]


def test_what_makes_something_is_looked_for_in_the_next_block() -> None:
    world = World()
    world.issue("make TokenCreated", name="createToken")
    world.issue("hit 1")
    world.deliver()
    assert delays(world) == [NETWORK.block_seconds, FIRST_LOOK]


@pytest.mark.parametrize(("seconds", "delay"), [(2, 5), (12, 12), (60, FIRST_LOOK)])
def test_a_transaction_is_looked_for_when_its_time_is_up(seconds: int, delay: int) -> None:
    world = World()
    world.issue("hit 1", valid_until=world.now + timedelta(seconds=seconds))
    world.deliver()
    assert delays(world) == [delay]


def test_a_chain_with_many_confirmations_is_not_left_alone_until_then() -> None:
    world = World(network=replace(NETWORK, confirmations=64))
    world.issue("hit 1")
    world.deliver()
    assert delays(world) == [NETWORK.stuck_after_blocks * NETWORK.block_seconds]
    world.run_until_settled(minutes=10)
    world.assert_exactly_once()
    assert world.calls.names().count("chain.transactions_view") <= 3, "that one, reconcile's, and one when it is deep enough"


def test_a_late_message_sends_nothing_again_that_is_looked_after() -> None:
    world = World()
    job_id = world.issue("hit 1")
    world.deliver()
    world.now += timedelta(seconds=FIRST_LOOK)
    assert calls_of(world, job_id) == ["jobs.load"]
    world.now += timedelta(seconds=3 * NETWORK.block_seconds)
    assert calls_of(world, job_id) == ["jobs.load", "chain.broadcast", "queue.confirm"], "nobody has looked after it"
