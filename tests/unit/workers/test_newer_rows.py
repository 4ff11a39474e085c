"""While functions of two versions run: a row that only the newer one reads waits for it, and the others do not."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from chalicelib.errors import RowTooNew
from chalicelib.jobs.model import Job, Status
from chalicelib.queues.messages import ConfirmJobs, encode
from chalicelib.workers.events import handle_confirm
from chalicelib.workers.reconcile import reconcile_jobs
from tests.fakes.world import ALICE, BOB, World


def make_newer(world: World, job_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    load = world.jobs.load

    def refuse(job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        asked = list(job_ids)
        if job_id in asked:
            raise RowTooNew
        return load(asked, consistent=consistent)

    monkeypatch.setattr(world.jobs, "load", refuse)


def test_polls_of_other_messages_go_on_and_the_message_about_a_newer_row_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    job_ids = [world.issue(f"hit {number}") for number in range(3)]
    world.deliver()
    world.chain.mine(5)
    world.now += timedelta(seconds=30)
    make_newer(world, job_ids[1], monkeypatch)
    records = [{"messageId": job_id, "body": encode(ConfirmJobs((job_id,)))} for job_id in job_ids]

    answer = handle_confirm({"Records": records}, world.ports)

    assert answer == {"batchItemFailures": [{"itemIdentifier": job_ids[1]}]}
    assert [world.status(job_id) for job_id in job_ids] == [Status.SUCCEEDED, Status.STARTED, Status.SUCCEEDED]


def test_the_sweep_of_an_account_stops_before_a_newer_row_and_that_of_others_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it passed would not be looked at again for a quarter of an hour, or never."""
    world = World()
    first, newer, behind = [world.issue(f"hit {number}") for number in range(3)]
    of_another = world.issue("hit another", BOB)
    world.queues.execute_queue.messages.clear()
    world.now += timedelta(seconds=61)
    make_newer(world, newer, monkeypatch)

    reconcile_jobs(world.ports)

    assert [world.job(job_id).is_fresh for job_id in (first, newer, behind, of_another)] == [False, True, True, False]
    assert world.account(ALICE).swept_to == world.job(first).issued_order
    monkeypatch.undo()
    reconcile_jobs(world.ports)
    assert not any(job.is_fresh for job in world.jobs.rows.values())
