"""A job that was read carries its row through the domain's transitions, and is otherwise any other job."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled
from chalicelib.store.records import job_from, job_item
from chalicelib.store.stored_job import StoredJob, with_row, without_row
from tests.unit.jobs.a_job import NOW, pending_job

JOB = pending_job()


def test_a_job_that_was_read_equals_the_job_that_was_written() -> None:
    read = job_from(job_item(JOB))
    assert read == JOB
    assert read == JOB
    assert read != replace(JOB, version=JOB.version + 1)
    assert read != "a job"


def test_the_row_comes_along_through_a_transition() -> None:
    row = job_item(JOB)
    moved = cancelled(job_from(row), NOW + timedelta(seconds=1))
    assert isinstance(moved, StoredJob)
    assert moved.row is row
    assert moved == cancelled(JOB, NOW + timedelta(seconds=1))


def test_a_row_can_be_added_and_taken_away() -> None:
    assert type(without_row(with_row(JOB, {}))) is Job
    assert without_row(JOB) is JOB


def test_the_row_is_not_shown() -> None:
    assert "secret" not in repr(with_row(JOB, {"secret": {"S": "secret"}}))
