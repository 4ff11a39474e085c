"""Issue, get, load and save: one row at a time, each change one conditional write (invariant 7)."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from chalicelib.errors import VersionConflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled, with_next_check
from tests.store.backends import THREADS, Stores, Tables
from tests.store.building import after, failed_job, new_job_id, pending_job
from tests.store.faults import answer_once

# --- issue -------------------------------------------------------------------------------------------------------------


def test_issuing_stores_the_job_as_it_is(stores: Stores) -> None:
    job = pending_job()

    assert stores.jobs.issue(job) is None
    assert stores.jobs.get(job.job_id) == job


def test_a_saved_job_has_nothing_unsaved(stores: Stores) -> None:
    job = pending_job()
    stores.jobs.issue(job)
    moved = cancelled(job, after(5))
    assert [event.event for event in moved.unsaved] == ["cancelled"]

    saved = stores.jobs.save(moved)

    assert saved.unsaved == ()
    assert [event.event for event in saved.history] == ["issued", "cancelled"]
    assert stores.jobs.get(job.job_id) == saved


def test_issuing_an_id_again_returns_the_row_and_changes_nothing(stores: Stores) -> None:
    first = pending_job()
    stores.jobs.issue(first)
    again = pending_job(30, job_id=first.job_id, name="another")

    assert stores.jobs.issue(again) == first
    assert stores.jobs.get(first.job_id) == first


def test_issuing_an_id_again_returns_the_row_as_it_is_by_then(stores: Stores) -> None:
    first = pending_job()
    stores.jobs.issue(first)
    moved_on = stores.jobs.save(cancelled(first, after(5)))

    assert stores.jobs.issue(pending_job(30, job_id=first.job_id)) == moved_on


def test_of_many_who_issue_one_id_at_once_exactly_one_stores_it_and_the_others_get_its_row(stores: Stores) -> None:
    job_id = new_job_id()
    wishes = [pending_job(number, job_id=job_id) for number in range(THREADS)]
    together = Barrier(THREADS)

    def issue(job: Job) -> Job | None:
        together.wait()
        return stores.jobs.issue(job)

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(issue, wishes))

    winner = wishes[answers.index(None)]
    assert stores.jobs.get(job_id) == winner
    assert [answer for answer in answers if answer is not None] == [winner] * (THREADS - 1)


def test_issuing_the_very_same_row_again_is_a_repeat_and_not_a_replay(stores: Stores) -> None:
    job = pending_job()
    stores.jobs.issue(job)

    assert stores.jobs.issue(job) is None


def test_issuing_an_id_that_a_transaction_is_just_writing_returns_the_row(tables: Tables) -> None:
    """The worker is starting the job as its issuer asks again: DynamoDB then refuses without looking at the condition."""
    first = pending_job()
    tables.jobs.issue(first)
    answer_once(tables.client, "PutItem", 400, "TransactionConflictException")

    assert tables.jobs.issue(pending_job(30, job_id=first.job_id)) == first


# --- read --------------------------------------------------------------------------------------------------------------


def test_a_job_that_does_not_exist_is_none(stores: Stores) -> None:
    assert stores.jobs.get(new_job_id()) is None


def test_load_keeps_the_order_of_the_ids_leaves_out_unknown_ones_and_gives_each_once(stores: Stores) -> None:
    known = [pending_job(number) for number in range(125)]
    for job in known:
        stores.jobs.issue(job)
    expected = sorted(known, key=lambda job: job.job_id)
    asked = [job_id for job in expected for job_id in (job.job_id, new_job_id())]  # 250, of which half are unknown

    assert stores.jobs.load([*asked, *asked[:30]]) == expected


def test_load_takes_any_iterable_also_an_empty_one(stores: Stores) -> None:
    job = pending_job()
    stores.jobs.issue(job)

    assert stores.jobs.load([]) == []
    assert stores.jobs.load(job_id for job_id in (job.job_id,)) == [job]


# --- save --------------------------------------------------------------------------------------------------------------


def test_saving_counts_the_version_and_returns_what_is_stored(stores: Stores) -> None:
    job = pending_job()
    stores.jobs.issue(job)

    saved = stores.jobs.save(cancelled(job, after(5)))

    assert saved == replace(cancelled(job, after(5)), version=2)
    assert stores.jobs.get(job.job_id) == saved


def test_saving_at_an_old_version_conflicts_and_changes_nothing(stores: Stores) -> None:
    job = pending_job()
    stores.jobs.issue(job)
    winner = stores.jobs.save(with_next_check(job, after(100)))

    with pytest.raises(VersionConflict):
        stores.jobs.save(cancelled(job, after(5)))
    assert stores.jobs.get(job.job_id) == winner


def test_saving_at_a_version_not_reached_yet_conflicts_and_changes_nothing(stores: Stores) -> None:
    job = pending_job()
    stores.jobs.issue(job)

    with pytest.raises(VersionConflict):
        stores.jobs.save(replace(job, version=2, name="another"))
    assert stores.jobs.get(job.job_id) == job


def test_saving_a_job_that_was_never_issued_conflicts_and_stores_nothing(stores: Stores) -> None:
    job = pending_job()

    with pytest.raises(VersionConflict):
        stores.jobs.save(job)
    assert stores.jobs.get(job.job_id) is None


def test_of_many_who_save_one_version_at_once_exactly_one_wins(stores: Stores) -> None:
    job = failed_job(10)
    stores.jobs.issue(job)
    together = Barrier(THREADS)

    def save(number: int) -> Job | None:
        together.wait()
        try:
            return stores.jobs.save(replace(job, checks=number))
        except VersionConflict:
            return None

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(save, range(1, THREADS + 1)))

    assert Counter(answer is None for answer in answers) == {True: THREADS - 1, False: 1}
    assert stores.jobs.get(job.job_id) == next(answer for answer in answers if answer is not None)


def test_saving_the_very_same_change_again_is_its_own_write_and_returns_the_row(stores: Stores) -> None:
    job = pending_job()
    stores.jobs.issue(job)
    change = cancelled(job, after(5))
    saved = stores.jobs.save(change)

    assert stores.jobs.save(change) == saved
    assert stores.jobs.get(job.job_id) == saved
