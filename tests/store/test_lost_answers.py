"""A write that was applied, whose answer was lost, and which boto therefore repeats: it is not somebody else's.

Real adapter, real endpoint; only the first answer is dropped.
"""

from dataclasses import replace

import pytest

from chalicelib.errors import VersionConflict
from chalicelib.jobs.states import cancelled, checked
from tests.store.backends import Tables
from tests.store.building import ACCOUNT_ID, account, after, pending_job, signed_job
from tests.store.faults import lose_first_answer

OK, REFUSED = 200, 400


def test_issue_whose_answer_was_lost_is_not_a_replay(tables: Tables) -> None:
    job = pending_job()
    statuses = lose_first_answer(tables.client, "PutItem")

    assert tables.jobs.issue(job) is None
    assert statuses == [OK, REFUSED]
    assert tables.jobs.get(job.job_id) == job


def test_issue_whose_answer_was_lost_returns_the_row_when_it_has_moved_on_since(tables: Tables) -> None:
    job = pending_job()
    change = checked(job, after(100))
    statuses = lose_first_answer(tables.client, "PutItem", meanwhile=lambda: tables.jobs.save(change))

    assert tables.jobs.issue(job) == replace(change, version=2)
    assert statuses[-1] == REFUSED


def test_save_whose_answer_was_lost_is_a_success(tables: Tables) -> None:
    job = pending_job()
    tables.jobs.issue(job)
    statuses = lose_first_answer(tables.client, "PutItem")

    saved = tables.jobs.save(cancelled(job, after(5)))

    assert statuses == [OK, REFUSED]
    assert saved == tables.jobs.get(job.job_id) == replace(cancelled(job, after(5)), version=2)


def test_save_whose_answer_was_lost_conflicts_when_somebody_wrote_since(tables: Tables) -> None:
    job = pending_job()
    tables.jobs.issue(job)
    mine = checked(job, after(100))
    theirs = cancelled(replace(mine, version=2), after(5))
    lose_first_answer(tables.client, "PutItem", meanwhile=lambda: tables.jobs.save(theirs))

    with pytest.raises(VersionConflict):
        tables.jobs.save(mine)
    assert tables.jobs.get(job.job_id) == replace(theirs, version=3)


def test_start_whose_answer_was_lost_is_a_success_and_takes_its_nonces_once(tables: Tables) -> None:
    tables.accounts.put(account(7))
    job = pending_job()
    tables.jobs.issue(job)
    statuses = lose_first_answer(tables.client, "TransactWriteItems")

    started = tables.jobs.start(account(7), 8, [signed_job(job, 7)])

    assert statuses == [OK, OK]  # the endpoint knows its ClientRequestToken
    assert started == tables.jobs.load([job.job_id]) == [replace(signed_job(job, 7), version=2)]
    assert tables.accounts.get(ACCOUNT_ID) == account(8)


def test_the_same_start_asked_for_a_second_time_is_refused(tables: Tables) -> None:
    """A worker that repeats it, unlike boto, cannot know what happened in between: it reads again."""
    tables.accounts.put(account(7))
    job = pending_job()
    tables.jobs.issue(job)
    tables.jobs.start(account(7), 8, [signed_job(job, 7)])

    with pytest.raises(VersionConflict):
        tables.jobs.start(account(7), 8, [signed_job(job, 7)])
    assert tables.accounts.get(ACCOUNT_ID) == account(8)
