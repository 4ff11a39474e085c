"""The jobs table: the `JobStore` of `chalicelib.jobs.stores` on DynamoDB."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chalicelib.errors import RowTooNew, VersionConflict
from chalicelib.jobs.model import Account, Job, Status, account_id
from chalicelib.jobs.order import order, time_text
from chalicelib.jobs.stores import FailedQuery, Page, Sweep
from chalicelib.store.accounts import account_ids
from chalicelib.store.dynamodb import BATCH_GET_LIMIT, batch_get, row_in_the_way, translated_errors
from chalicelib.store.keys import SHARDS, failed_owner, failed_shard, owner_external_id, subject_key
from chalicelib.store.records import job_from, job_item
from chalicelib.store.statements import Answer, RowInTheWay, write_each
from chalicelib.store.walk import Index, IndexReader, Position, Slice, just_above

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

BY_CORRELATION_ID = Index("correlationId", "correlationId", "jobId")
BY_EXTERNAL_ID = Index("externalId", "externalId", "issuedOrder")
BY_OWNERS_EXTERNAL_ID = Index("ownerExternalId", "ownerExternalId", "issuedOrder")
BY_SUBJECT = Index("subject", "subjectKey", "issuedOrder")
BY_CREATION = Index("creation", "creation", "issuedOrder")
BY_OWNER = Index("owner", "owner", "issuedOrder")
OF_ACCOUNT = Index("account", "accountId", "issuedOrder")
OPEN = Index("open", "openShard", "nextCheckAt")
PENDING = Index("pending", "pendingAccount", "pendingOrder")
FAILED_OF_OWNER = Index("failedOfOwner", "failedOwner", "finishedOrder")
FAILED = Index("failed", "failedShard", "finishedOrder")

ALL_SHARDS = tuple(str(number) for number in range(SHARDS))
LIST_ROUNDS = 10
"""Pages of the index that one page of a filtered list may read: a rare status makes a short page with a cursor."""
FRESH_PAGES = 10
"""How many pages of 100 rows are looked at for a job that nobody looks after yet: those of the last minutes."""
COUNTED_AT_MOST = 1_000
"""Where counting ends, whatever is asked for: entries of some 200 bytes, so at most 25 read units for each partition."""


class DynamoJobStore:
    """Every method may raise ServiceUnavailable: then a write may or may not have been applied."""

    def __init__(self, client: "DynamoDBClient", jobs_table: str, accounts_table: str) -> None:
        self._client = client
        self._table = jobs_table
        self._accounts_table = accounts_table
        self._indexes = IndexReader(client, jobs_table)

    # --- one job ---

    def issue(self, job: Job) -> Job | None:
        """One conditional put: the row that already has the id comes back with the refusal, no second read."""
        try:
            existing = self._put(job, "attribute_not_exists(jobId)", {})
        except VersionConflict:
            existing = self.get(job.job_id)  # DynamoDB refuses at once where a transaction is just writing the row
            if existing is None:
                raise
        # Our own put, whose answer was lost on the way and which the client repeated, is not a replay.
        return None if existing is None or existing == job else existing

    def get(self, job_id: str) -> Job | None:
        with translated_errors():
            answer = self._client.get_item(TableName=self._table, Key={"jobId": {"S": job_id}}, ConsistentRead=True)
        return job_from(answer["Item"]) if "Item" in answer else None

    def load(self, job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        ids = list(dict.fromkeys(job_ids))
        items = batch_get(self._client, self._table, "jobId", ids, consistent=consistent)
        return [job_from(items[job_id]) for job_id in ids if job_id in items]

    def save(self, job: Job) -> Job:
        written = _next_version(job)
        existing = self._put(written, "#version = :version", {":version": {"N": str(job.version)}}, {"#version": "version"})
        if existing is not None and existing != written:
            raise VersionConflict("The job was changed at the same time.")
        return written

    def _put(self, job: Job, condition: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Job | None:
        """Put where the condition holds; otherwise return the row that is there (None: there is none, or it was put)."""
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
                row = row_in_the_way(error)
                if row is None:
                    raise
                return job_from(row)
        return None

    # --- many at once ---

    def save_each(self, jobs: Sequence[Job]) -> list[Job | Exception]:
        """As `save`; those that were read, in a twenty-fifth of the requests."""
        rows = [job.stored for job in jobs if job.stored is not None]
        if len(jobs) == 1 or len(rows) < len(jobs):
            return [self._saved(job) for job in jobs]
        written = [_next_version(job) for job in jobs]
        answers = write_each(self._client, self._table, list(zip(rows, map(job_item, written), strict=True)))
        return [_outcome(after, answer) for after, answer in zip(written, answers, strict=True)]

    def _saved(self, job: Job) -> Job | Exception:
        try:
            return self.save(job)
        except Exception as error:  # noqa: BLE001 -- its outcome
            return error

    def start(self, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        written = [_next_version(job) for job in jobs]
        account_is_as_read = "nextNonce = :expected" if account.next_nonce is not None else "attribute_not_exists(nextNonce)"
        # Whoever signs for the account moves its nonce: where that is as read, so is signedTo.
        signed_to = str(account.having_signed(next_nonce, jobs).signed_to)
        values: dict[str, Any] = {":next": {"N": str(next_nonce)}, ":to": {"S": signed_to}}
        if account.next_nonce is not None:
            values[":expected"] = {"N": str(account.next_nonce)}
        take_nonces: Any = {
            "Update": {
                "TableName": self._accounts_table,
                "Key": {"accountId": {"S": account.account_id}},
                "UpdateExpression": "SET nextNonce = :next, signedTo = :to",
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
        # boto sends a ClientRequestToken of its own with every call: its own repeats after a lost answer apply once.
        with translated_errors():
            self._client.transact_write_items(TransactItems=[take_nonces, *puts])
        return written

    # --- by index ---

    def find_by_correlation_id(self, correlation_id: str) -> list[Job]:
        with translated_errors():
            answer = self._client.query(
                TableName=self._table,
                IndexName=BY_CORRELATION_ID.name,
                KeyConditionExpression="correlationId = :id",
                ExpressionAttributeValues={":id": {"S": correlation_id}},
                Limit=100,
            )
        return self.load(item["jobId"]["S"] for item in answer["Items"])

    def find_by_external_id(self, external_id: str, owner: str | None) -> list[Job]:
        if owner is None:
            index, partition = BY_EXTERNAL_ID, external_id
        else:
            index, partition = BY_OWNERS_EXTERNAL_ID, owner_external_id(owner, external_id)
        positions, _ = self._indexes.walk(index, [partition], Slice(ascending=False), limit=100)
        return self._load_positions(positions)

    def list_jobs(
        self, owner: str | None, status: Status | None, name: str | None, limit: int, cursor: Mapping[str, str] | None
    ) -> Page:
        # Every job is some account's: over all owners, the accounts' jobs are merged. Accounts are few, and jobs are not.
        partitions = account_ids(self._client, self._accounts_table) if owner is None else [owner]
        index = OF_ACCOUNT if owner is None else BY_OWNER
        below = cursor["below"] if cursor else None
        found: list[Job] = []
        for _ in range(LIST_ROUNDS):
            part = Slice(below=below, ascending=False)
            positions, below = self._indexes.walk(index, partitions, part, limit)
            rows = {job.job_id: job for job in self._load_positions(positions)}
            for position in positions:
                job = rows.get(position.job_id)
                if job is None or status not in (None, job.status) or name not in (None, job.name):
                    continue
                found.append(job)
                if len(found) == limit:
                    more = below is not None or position is not positions[-1]
                    return Page(tuple(found), {"below": position.order} if more else None)
            if below is None:
                return Page(tuple(found))
        return Page(tuple(found), {"below": below} if below else None)

    def find_failed(self, query: FailedQuery, limit: int, cursor: Mapping[str, str] | None) -> Page:
        if query.owner is None:
            index, partitions = FAILED, [failed_shard(name, query.status) for name in ALL_SHARDS]
        else:
            index, partitions = FAILED_OF_OWNER, [failed_owner(query.owner, query.status)]
        after, before = (time_text(bound) if bound else None for bound in (query.after, query.before))
        above = just_above(cursor["above"]) if cursor else after
        equal = {name: value for name, value in (("name", query.name), ("failCode", query.code)) if value is not None}
        part = Slice(above=above, below=before, equal=equal)
        positions, reached = self._indexes.walk(index, partitions, part, limit)
        return Page(tuple(self._load_positions(positions)), {"above": reached} if reached else None)

    def issued_on(
        self, account: str, after: str | None, limit: int, *, before: datetime | None = None
    ) -> list[tuple[str, str]]:
        part = Slice(above=just_above(after) if after else None, below=time_text(before) if before else None)
        positions, _ = self._indexes.walk(OF_ACCOUNT, [account], part, limit)
        return [(position.order, position.job_id) for position in positions]

    def issued_until(self, account: str, until: str, limit: int) -> list[tuple[str, str]]:
        part = Slice(below=just_above(until), ascending=False)
        positions, _ = self._indexes.walk(OF_ACCOUNT, [account], part, limit)
        return [(position.order, position.job_id) for position in positions]

    def has_earlier_waiting(self, job: Job) -> bool:
        account, mine = account_id(job.chain_id, job.account), order(job.pending_since or job.created_at, job.job_id)
        waiting, _ = self._indexes.walk(PENDING, [account], Slice(below=mine), limit=1)
        return bool(waiting) or self._any_fresh(account, self._swept_to(account), mine)

    def count_pending(self, account: Account, at_most: int) -> int:
        at_most = min(at_most, COUNTED_AT_MOST)
        if at_most <= 0:
            return 0
        count = self._indexes.count(PENDING, account.account_id, Slice(), at_most)
        if count == at_most:
            return count
        seen_to = max(account.signed_to or "", account.swept_to or "")
        return count + self._indexes.count(OF_ACCOUNT, account.account_id, Slice(above=seen_to or None), at_most - count)

    def has_pending(self, account: Account) -> bool:
        waiting = self._indexes.count(PENDING, account.account_id, Slice(), 1)
        return bool(waiting) or self._any_fresh(account.account_id, account.swept_to, None)

    def _any_fresh(self, account: str, after: str | None, before: str | None) -> bool:
        """Whether a fresh job of the account that is not signed was issued between these orders: every other pending one stands
        in PENDING, by the order in which it takes effect, which for a retried job is not that of its issue. True, too, when
        there are too many to look at.
        """
        for _ in range(FRESH_PAGES):
            part = Slice(above=after and just_above(after), below=before)
            positions, after = self._indexes.walk(OF_ACCOUNT, [account], part, BATCH_GET_LIMIT)
            rows = self.load((position.job_id for position in positions if position.order != before), consistent=False)
            if any(row.status is Status.PENDING and row.is_fresh for row in rows):
                return True
            if after is None:
                return False
        return True

    def _swept_to(self, account: str) -> str | None:
        key = {"accountId": {"S": account}}
        with translated_errors():
            answer = self._client.get_item(TableName=self._accounts_table, Key=key, ProjectionExpression=Sweep.FIRST)
        return answer["Item"].get(Sweep.FIRST, {}).get("S") if "Item" in answer else None

    def find_by_subject(self, name: str, subject: str, limit: int) -> list[Job]:
        positions, _ = self._indexes.walk(BY_SUBJECT, [subject_key(name, subject)], Slice(ascending=False), limit)
        return [job for job in self._load_positions(positions) if (job.name, job.subject) == (name, subject)]

    def find_by_creation(self, address: str) -> list[Job]:
        positions, _ = self._indexes.walk(BY_CREATION, [address], Slice(ascending=False), limit=100)
        return [job for job in self._load_positions(positions) if job.creation == address]

    def watched(self, limit: int) -> list[Job]:
        positions, _ = self._indexes.walk(OPEN, ALL_SHARDS, Slice(), limit)
        rows = self.load((position.job_id for position in positions), consistent=False)
        return [job for job in rows if job.is_open and not job.is_fresh]

    def due(self, now: datetime, limit: int) -> list[Job]:
        positions, _ = self._indexes.walk(OPEN, ALL_SHARDS, Slice(below=just_above(time_text(now))), limit)
        rows = self._load_positions(positions)
        return [job for job in rows if job.next_check_at is not None and job.next_check_at <= now]

    def _load_positions(self, positions: Sequence[Position]) -> list[Job]:
        return self.load(position.job_id for position in positions)


def _next_version(job: Job) -> Job:
    return replace(job, version=job.version + 1, unsaved=(), stored=None)


def _outcome(written: Job, answer: Answer) -> Job | Exception:
    if not isinstance(answer, RowInTheWay):
        return answer or written
    try:
        existing = job_from(answer.row) if answer.row else None
    except RowTooNew as error:
        return error
    # Our own write, whose answer was lost on the way and which the client repeated, is no conflict.
    return written if existing == written else VersionConflict("The job was changed at the same time.")
