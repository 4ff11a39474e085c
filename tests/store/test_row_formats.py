"""What a version makes of rows that another one wrote: older ones are read, newer ones are left alone.

While a stack is updated, and after it was rolled back, rows of both versions are there. `rows_of_format_1.json` and
`rows_of_format_2.json` hold rows as the versions with that format wrote them.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chalicelib.bounds import Bounds
from chalicelib.errors import RowTooNew
from chalicelib.jobs.model import Job
from chalicelib.jobs.pace import Paces
from chalicelib.jobs.states import cancelled
from chalicelib.jobs.stores import FailedQuery, Sweep
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, encode
from chalicelib.store import records
from chalicelib.store.records import job_from, job_item
from chalicelib.workers.events import handle_confirm, handle_dead_letters, handle_execute
from tests.store import previous
from tests.store.backends import Tables, assert_eventually
from tests.store.building import ACCOUNT_ID, OWNER, account, after, pending_job, signed_job

JOBS = previous.jobs()
OF_FORMAT_1 = previous.rows(Path(__file__).with_name("rows_of_format_1.json"))
OF_FORMAT_2 = previous.rows(Path(__file__).with_name("rows_of_format_2.json"))
NEWER = str(records.NEWEST_FORMAT_READ + 1)


@pytest.mark.parametrize("name", JOBS)
def test_a_row_of_format_1_is_read_as_the_job_it_was(name: str) -> None:
    assert job_from(OF_FORMAT_1[name]) == JOBS[name]


@pytest.mark.parametrize("name", JOBS)
def test_rows_that_are_written_have_the_format_they_say(name: str) -> None:
    """When this fails, older functions would drop what is new, or read it wrongly. Keep the rows of today in a file of their
    own, read the new ones in one version, write them in the next (docs/deploying.md, Upgrading).
    """
    assert records.FORMAT == 2
    assert job_item(JOBS[name]) == OF_FORMAT_2[name]
    assert job_from(OF_FORMAT_2[name]) == JOBS[name]


def test_a_row_holds_its_call_data_once_however_many_transactions_were_signed() -> None:
    call_data = bytes(range(256)) * 16
    job = JOBS["replaced"]
    transactions = tuple(replace(sent, raw=b"head" + call_data + b"tail") for sent in job.attempt.transactions)
    job = replace(
        job,
        request=replace(job.request, data=call_data),
        attempts=(replace(job.attempt, transactions=transactions),) * 10,
    )

    row = job_item(job)

    assert len(json.dumps(row, default=bytes.hex)) < 2 * len(call_data) + 20_000  # hex doubles
    assert job_from(row) == job


def test_a_later_format_is_named_and_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "FORMAT", 3)
    monkeypatch.setattr(records, "NEWEST_FORMAT_READ", 3)
    row = job_item(JOBS["succeeded"])

    assert row == {**OF_FORMAT_2["succeeded"], "format": {"N": "3"}}
    assert job_from(row) == JOBS["succeeded"]


def test_what_is_read_is_never_less_than_what_is_written() -> None:
    assert records.NEWEST_FORMAT_READ >= records.FORMAT


# --- newer ones --------------------------------------------------------------------------------------------------------


def row_of_a_newer_version(tables: Tables, job: Job) -> dict[str, Any]:
    """Stored, with an attribute that is unknown here."""
    row: dict[str, Any] = {**job_item(job), "format": {"N": NEWER}, "priority": {"S": "high"}}
    tables.inspector.put_item(TableName=tables.jobs_table, Item=row)
    return row


def stored_row(tables: Tables, job: Job) -> Any:
    key = {"jobId": {"S": job.job_id}}
    return tables.inspector.get_item(TableName=tables.jobs_table, Key=key, ConsistentRead=True)["Item"]


USES: dict[str, Callable[[Tables, Job], Any]] = {
    "get": lambda tables, job: tables.jobs.get(job.job_id),
    "load": lambda tables, job: tables.jobs.load([job.job_id]),
    "issue": lambda tables, job: tables.jobs.issue(job),
    "list": lambda tables, job: tables.jobs.list_jobs(OWNER, None, None, 10, None),
    "failed": lambda tables, job: tables.jobs.find_failed(FailedQuery(owner=OWNER), 10, None),
}


@pytest.mark.parametrize("use", USES)
def test_a_row_of_a_newer_version_is_put_off_not_guessed_at(tables: Tables, use: str) -> None:
    job = JOBS["failed" if use == "failed" else "pending"]
    row_of_a_newer_version(tables, job)

    def refused() -> bool:  # once an index shows it
        try:
            USES[use](tables, job)
        except RowTooNew as error:
            return error.passing
        return False

    assert_eventually(refused, True)


def test_a_kind_of_value_that_is_unknown_here_is_not_even_read() -> None:
    with pytest.raises(RowTooNew):
        job_from({**OF_FORMAT_1["pending"], "format": {"N": NEWER}, "priority": {"NS": ["1"]}})


def test_a_row_that_a_newer_version_wrote_meanwhile_is_not_overwritten(tables: Tables) -> None:
    job, other = pending_job(), pending_job()
    for one in (job, other):
        tables.jobs.issue(one)
    read = tables.jobs.load([job.job_id, other.job_id])
    row = row_of_a_newer_version(tables, signed_job(job, 7)) | {"version": {"N": "2"}}
    tables.inspector.put_item(TableName=tables.jobs_table, Item=row)

    with pytest.raises(RowTooNew):
        tables.jobs.save(cancelled(job, after(5)))
    outcomes = tables.jobs.save_each([cancelled(one, after(5)) for one in read])
    assert [type(outcome) for outcome in outcomes] == [RowTooNew, Job]
    assert stored_row(tables, job) == row


def test_messages_about_a_row_of_a_newer_version_stay_in_their_queues(tables: Tables, caplog: pytest.LogCaptureFixture) -> None:
    job = JOBS["signed"]
    row = row_of_a_newer_version(tables, job)
    ports: Any = SimpleNamespace(jobs=tables.jobs, clock=lambda: after(100), bounds=Bounds(), paces=Paces())
    bodies = {
        handle_execute: encode(ExecuteJobs(ACCOUNT_ID, (job.job_id,))),
        handle_confirm: encode(ConfirmJobs((job.job_id,))),
        handle_dead_letters: encode(ConfirmJobs((job.job_id,))),
    }
    for handle, body in bodies.items():
        answer = handle({"Records": [{"messageId": "one", "body": body}]}, ports)
        assert answer == {"batchItemFailures": [{"itemIdentifier": "one"}]}
    assert [record.message for record in caplog.records] == ["step put off"] * 3
    assert stored_row(tables, job) == row


def test_what_a_newer_version_keeps_with_an_account_outlives_every_write(tables: Tables) -> None:
    """Accounts have no format: attributes are written one by one."""
    job = pending_job()
    tables.jobs.issue(job)
    tables.accounts.put(account())
    key = {"accountId": {"S": ACCOUNT_ID}}
    tables.inspector.update_item(
        TableName=tables.accounts_table,
        Key=key,
        UpdateExpression="SET budget = :budget",
        ExpressionAttributeValues={":budget": {"NS": ["1"]}},
    )

    tables.jobs.start(account(), 1, [signed_job(job, 0)])
    tables.accounts.pause(account(), "no funds")
    tables.accounts.swept(account(), Sweep.FIRST, job.issued_order)

    row = tables.inspector.get_item(TableName=tables.accounts_table, Key=key, ConsistentRead=True)["Item"]
    assert row["budget"] == {"NS": ["1"]}
    assert {"nextNonce", "signedTo", "paused", Sweep.FIRST} <= row.keys()
