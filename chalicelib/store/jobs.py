"""The jobs table: the `JobStore` of `chalicelib.jobs.stores` on DynamoDB."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.errors import JobsChanged, RowTooNew, RowUnreadable, VersionConflict, WriteRefused
from chalicelib.jobs.model import Account, Job
from chalicelib.store.account_records import in_flight_value
from chalicelib.store.attributes import to_attributes
from chalicelib.store.dynamodb import (
    has_lost_a_race,
    is_refused,
    raced_places,
    refused_places,
    row_in_the_way,
    translated_errors,
)
from chalicelib.store.job_reads import JobReads
from chalicelib.store.records import job_from, job_item
from chalicelib.store.statements import Answer, RowInTheWay, write_each
from chalicelib.store.stored_job import StoredJob, without_row

ROW_BYTES = 400 * 1024
TRANSACTION_BYTES = 4 * 1024 * 1024
"""How large one item, and all items of one transaction together, may be for DynamoDB."""


class DynamoJobStore(JobReads):
    """The `JobStore` on DynamoDB.

    Every method may raise ServiceUnavailable: a write may then have been applied. A write raises WriteRefused when DynamoDB
    will never take it. Then nothing was written.
    """

    # --- one job ---

    def issue(self, job: Job) -> Job | None:
        """Put the job with one conditional write. A refusal returns the row that already has the id, without another read."""
        try:
            existing = self._put(job, "attribute_not_exists(jobId)", {})
        except VersionConflict:
            existing = self.get(job.job_id)  # a transaction is writing the row, so DynamoDB refuses without returning it
            if existing is None:
                raise
        # Our own put may be in the way: its answer was lost, and the AWS client repeated it. The job is new then.
        return None if existing is None or existing == job else existing

    def row_bytes(self, job: Job) -> int:
        return _item_bytes(job)

    def save(self, job: Job) -> Job:
        written = _next_version(job)
        existing = self._put(written, "#version = :version", {":version": {"N": str(job.version)}}, {"#version": "version"})
        if existing is not None and existing != written:
            raise VersionConflict("The job was changed at the same time.")
        return written

    def _put(self, job: Job, condition: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Job | None:
        """Put the job if the condition holds, and return None. Otherwise return the job of the row that is there."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "Item": job_item(job),
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if values:
            request |= {"ExpressionAttributeValues": values, "ExpressionAttributeNames": names}
        with translated_errors():
            try:
                self._client.put_item(**request)
            except ClientError as error:
                if is_refused(error):
                    raise WriteRefused(f"The table refuses the row of the job {job.job_id}: {error}", [job.job_id]) from error
                row = row_in_the_way(error)
                if row is None:
                    raise
                return job_from(row)
        return None

    # --- many at once ---

    def save_each(self, jobs: Sequence[Job]) -> list[Job | Exception]:
        """Save jobs that were read with 25 statements a request. If any of them was not read, save each by itself."""
        rows = [job.row for job in jobs if isinstance(job, StoredJob)]
        if len(jobs) == 1 or len(rows) < len(jobs):
            return [self._saved(job) for job in jobs]
        written = [_next_version(job) for job in jobs]
        answers = write_each(self._client, self._table, list(zip(rows, map(job_item, written), strict=True)))
        return [_outcome(after, answer) for after, answer in zip(written, answers, strict=True)]

    def _saved(self, job: Job) -> Job | Exception:
        try:
            return self.save(job)
        except Exception as error:  # noqa: BLE001 -- it is the outcome
            return error

    def start(self, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        written = [_next_version(job) for job in jobs]
        account_is_as_read = "nextNonce = :expected" if account.next_nonce is not None else "attribute_not_exists(nextNonce)"
        # Every write of signedTo and inFlight also moves the nonce. So if the nonce is as read, they are, too.
        after = account.having_signed(next_nonce, jobs)
        values: dict[str, Any] = {":next": {"N": str(next_nonce)}, ":to": {"S": str(after.signed_to)}}
        update = "SET nextNonce = :next, signedTo = :to"
        if after.is_shared:
            update += ", inFlight = :inFlight"
            values |= to_attributes({":inFlight": in_flight_value(after.in_flight)})
        if account.next_nonce is not None:
            values[":expected"] = {"N": str(account.next_nonce)}
        take_nonces: Any = {
            "Update": {
                "TableName": self._accounts_table,
                "Key": {"accountId": {"S": account.account_id}},
                "UpdateExpression": update,
                "ConditionExpression": f"attribute_exists(accountId) AND attribute_not_exists(paused) AND {account_is_as_read}",
                "ExpressionAttributeValues": values,
            }
        }
        puts: list[Any] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": job_item(job),
                    "ConditionExpression": "#version = :version",
                    "ExpressionAttributeNames": {"#version": "version"},
                    "ExpressionAttributeValues": {":version": {"N": str(before.version)}},
                }
            }
            for before, job in zip(jobs, written, strict=True)
        ]
        # The AWS client sends a ClientRequestToken, so a repeat after a lost answer is applied once.
        with translated_errors():
            try:
                self._client.transact_write_items(TransactItems=[take_nonces, *puts])
            except ClientError as error:
                if (refused := _refused_of(error, written)) is not None:
                    raise WriteRefused(f"The table refuses the rows of a round: {error}", refused) from error
                if changed := _changed_of(error, written):
                    raise JobsChanged("Jobs of the round were changed at the same time.", changed) from error
                raise
        return written


def _changed_of(error: ClientError, jobs: Sequence[Job]) -> list[str]:
    """Return the ids of the jobs that another writer changed. Empty if the account was changed, too."""
    places = raced_places(error)  # place 0 is the account
    return [] if 0 in places else [jobs[place - 1].job_id for place in places]


def _refused_of(error: ClientError, jobs: Sequence[Job]) -> list[str] | None:
    """Return the ids of the jobs whose rows DynamoDB refuses. Empty if only the whole transaction is too large.

    None if DynamoDB refused for another reason: the account's row, or a fault of this code.
    """
    if has_lost_a_race(error) or not is_refused(error):
        return None
    if places := refused_places(error):  # place 0 is the account
        return [jobs[place - 1].job_id for place in places if place > 0] or None
    sizes = {job.job_id: _item_bytes(job) for job in jobs}
    too_large = [job_id for job_id, size in sizes.items() if size > ROW_BYTES]
    return too_large if too_large or sum(sizes.values()) > TRANSACTION_BYTES else None


def _next_version(job: Job) -> Job:
    return replace(without_row(job), version=job.version + 1, unsaved=())


def _outcome(written: Job, answer: Answer) -> Job | Exception:
    if not isinstance(answer, RowInTheWay):
        return answer or written
    try:
        existing = job_from(answer.row) if answer.row else None
    except (RowTooNew, RowUnreadable) as error:
        return error
    # Our own write may be in the way: its answer was lost, and the AWS client repeated it. That is no conflict.
    return written if existing == written else VersionConflict("The job was changed at the same time.")


def _item_bytes(job: Job) -> int:
    from chalicelib.store.item_size import item_size  # noqa: PLC0415 -- reads do without it

    return item_size(job_item(job))
