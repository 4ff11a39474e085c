"""Many rows written at once, each on its own: what becomes of one decides nothing for another (invariant 7)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from chalicelib.errors import ServiceUnavailable, VersionConflict
from chalicelib.jobs.model import Job
from chalicelib.jobs.states import cancelled, waiting
from chalicelib.store.jobs import DynamoJobStore
from chalicelib.store.records import job_item
from chalicelib.store.statements import STATEMENTS_AT_ONCE, WriteRefused
from chalicelib.store.stored_job import with_row
from tests.store.backends import Stores, Tables, assert_eventually, dynamodb_client
from tests.store.building import after, new_job_id, pending_job
from tests.store.faults import answer_once, lose_first_answer
from tests.store.strategies import jobs as any_job


def issued(stores: Stores, count: int) -> list[Job]:
    jobs = [pending_job(number) for number in range(count)]
    for job in jobs:
        stores.jobs.issue(job)
    return jobs


def read_back(stores: Stores, count: int) -> list[Job]:
    return stores.jobs.load([job.job_id for job in issued(stores, count)])


def wait(job: Job, seconds: float) -> Job:
    return waiting(job, after(seconds), after(60), "of a test", next_check_at=after(90), waits_for_nonce=3)


@pytest.mark.parametrize("count", [0, 1, 2, 2 * STATEMENTS_AT_ONCE + 1])
def test_each_is_written_at_its_version_and_comes_back_in_order(stores: Stores, count: int) -> None:
    jobs = [cancelled(job, after(9)) for job in read_back(stores, count)]

    saved = stores.jobs.save_each(jobs)

    assert saved == [replace(job, version=job.version + 1) for job in jobs]
    assert not any(job.unsaved for job in saved if isinstance(job, Job))
    assert stores.jobs.load([job.job_id for job in jobs]) == saved


def test_one_that_was_changed_meanwhile_is_a_conflict_and_the_others_are_written(stores: Stores) -> None:
    jobs = read_back(stores, 5)
    moved_on = stores.jobs.save(cancelled(jobs[2], after(5)))

    outcomes = stores.jobs.save_each([cancelled(job, after(9)) for job in jobs])

    assert [type(outcome) for outcome in outcomes] == [Job, Job, VersionConflict, Job, Job]
    assert stores.jobs.get(jobs[2].job_id) == moved_on


@pytest.mark.parametrize(
    ("code", "outcome"),
    [("ThrottlingError", ServiceUnavailable), ("TransactionConflict", VersionConflict), ("ValidationError", WriteRefused)],
)
def test_one_that_the_table_refuses_is_no_reason_against_the_others(
    tables: Tables, code: str, outcome: type[Exception]
) -> None:
    jobs = read_back(tables.stores, 12)

    def refuse(parsed: dict[str, Any], **_: Any) -> None:
        parsed["Responses"][7] = {"Error": {"Code": code, "Message": "no"}}

    tables.client.meta.events.register("after-call.dynamodb.BatchExecuteStatement", refuse)
    outcomes = tables.jobs.save_each([cancelled(job, after(9)) for job in jobs])

    assert [type(one) for one in outcomes] == [*[Job] * 7, outcome, *[Job] * 4]


def test_a_request_that_fails_is_the_outcome_of_each_in_it_and_of_no_other(tables: Tables) -> None:
    jobs = read_back(tables.stores, STATEMENTS_AT_ONCE + 2)
    client = dynamodb_client(tables.url, attempts=1)
    answer_once(client, "BatchExecuteStatement", 500, "InternalServerError")

    outcomes = DynamoJobStore(client, tables.jobs_table, tables.accounts_table).save_each(
        [cancelled(job, after(9)) for job in jobs]
    )

    assert [type(one) for one in outcomes] == [*[ServiceUnavailable] * STATEMENTS_AT_ONCE, Job, Job]


def test_writes_whose_answer_was_lost_are_successes(tables: Tables) -> None:
    jobs = read_back(tables.stores, 3)
    statuses = lose_first_answer(tables.client, "BatchExecuteStatement")

    saved = tables.jobs.save_each([cancelled(job, after(5)) for job in jobs])

    assert statuses == [200, 200]
    assert saved == tables.jobs.load(job.job_id for job in jobs)
    assert [job.version for job in saved if isinstance(job, Job)] == [2, 2, 2]


def test_what_a_job_has_no_more_is_gone_from_its_row(stores: Stores) -> None:
    """Also from the indexes: a pending job that waits stands in two of them, a cancelled one in neither."""
    jobs = [wait(job, 1) for job in issued(stores, 2)]
    kept = stores.jobs.load([stores.jobs.save(job).job_id for job in jobs])

    saved = stores.jobs.save_each([cancelled(job, after(9)) for job in kept])

    assert stores.jobs.load(job.job_id for job in jobs) == saved
    assert_eventually(lambda: stores.jobs.due(after(10_000), 10), [])


@given(job=any_job, former=any_job)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_row_was_it_becomes_the_row_of_the_job(tables: Tables, job: Job, former: Job) -> None:
    """Nothing is left of the former one, whichever attributes it had."""
    for job_id in (ids := [new_job_id(), new_job_id()]):
        row = job_item(replace(former, job_id=job_id, version=job.version))
        tables.inspector.put_item(TableName=tables.jobs_table, Item=row)
    read = tables.jobs.load(ids)

    saved = tables.jobs.save_each([with_row(replace(job, job_id=one.job_id), one.row) for one in read])

    assert saved == [replace(job, job_id=job_id, version=job.version + 1) for job_id in ids]
    assert [row_of(tables, one) for one in saved] == [job_item(one) for one in saved if isinstance(one, Job)]


def test_what_was_not_read_or_was_written_since_is_written_one_by_one(tables: Tables) -> None:
    """What its row is like is not known."""
    jobs = issued(tables.stores, 3)
    requests: list[str] = []
    tables.client.meta.events.register("before-call.dynamodb", lambda model, **_: requests.append(model.name))

    tables.jobs.save_each([wait(job, 1) for job in jobs])
    read = tables.jobs.load([job.job_id for job in jobs])
    written_since = [tables.jobs.save(wait(job, 2)) for job in read]
    saved = tables.jobs.save_each([cancelled(job, after(9)) for job in written_since])

    assert requests == [*["PutItem"] * 3, "BatchGetItem", *["PutItem"] * 6]
    assert tables.jobs.load([job.job_id for job in jobs]) == saved


def row_of(tables: Tables, job: Job | Exception) -> dict[str, Any]:
    assert isinstance(job, Job)
    key = {"jobId": {"S": job.job_id}}
    return dict(tables.inspector.get_item(TableName=tables.jobs_table, Key=key, ConsistentRead=True)["Item"])
