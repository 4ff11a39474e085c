"""Reads the jobs table: rows by id, and jobs by the table's indexes.

Where many rows are read, a row that cannot be read is logged and left out, because it must not stop the work on other jobs
(invariant 12).
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from chalicelib.errors import RowTooNew, RowUnreadable
from chalicelib.jobs.model import Account, Job, Status
from chalicelib.jobs.order import time_text
from chalicelib.jobs.stores import FailedQuery, Page, Sweep
from chalicelib.store.dynamodb import BATCH_GET_LIMIT, batch_get, translated_errors
from chalicelib.store.keys import SHARDS, failed_owner, failed_shard, owner_external_ids, subject_key
from chalicelib.store.records import job_from
from chalicelib.store.walk import Index, IndexReader, Position, Slice, just_above

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient

log = logging.getLogger(__name__)

BY_CORRELATION_ID = Index("correlationId", "correlationId", "jobId")
BY_EXTERNAL_ID = Index("externalId", "externalId", "issuedOrder")
BY_OWNERS_EXTERNAL_ID = Index("ownerExternalId", "ownerExternalId", "issuedOrder")
BY_SUBJECT = Index("subject", "subjectKey", "issuedOrder")
BY_CREATION = Index("creation", "creation", "issuedOrder")
BY_OWNER = Index("owner", "owner", "issuedOrder")
OF_ACCOUNT = Index("account", "accountId", "issuedOrder")
OPEN = Index("open", "openShard", "nextCheckAt")
OPEN_OF_OWNER = Index("openOfOwner", "owner", "nextCheckAt")
"""Sparse: a row is in it while it has a next check. So a job that is final soon costs nothing here."""
PENDING = Index("pending", "pendingAccount", "pendingOrder")
FAILED_OF_OWNER = Index("failedOfOwner", "failedOwner", "finishedOrder")
FAILED = Index("failed", "failedShard", "finishedOrder")

ALL_SHARDS = tuple(str(number) for number in range(SHARDS))
LIST_ROUNDS = 10
"""Pages of the index that one page of a filtered list may read. A rare status makes a short page with a cursor."""
FOUND_ROUNDS = 20
"""Pages of up to 100 rows that a search without a cursor may read."""
CORRELATED_AT_MOST = 1_000
"""How many jobs with one correlationId, of all owners, are read."""
OPEN_AT_MOST = 2_000
"""How many open jobs are read at most, where rows that cannot be read are among them."""
FRESH_PAGES = 10
"""How many pages of 100 rows are searched for a fresh job. Fresh jobs are those of the last minutes."""
COUNTED_AT_MOST = 1_000
"""Counting ends here, for any caller. Entries take some 200 bytes, so a count costs at most 25 read units a partition."""


class JobReads:
    """The reads of the `JobStore`. Every method may raise ServiceUnavailable."""

    def __init__(self, client: "DynamoDBClient", jobs_table: str, accounts_table: str) -> None:
        self._client = client
        self._table = jobs_table
        self._accounts_table = accounts_table
        self._indexes = IndexReader(client, jobs_table)

    # --- by id ---

    def get(self, job_id: str) -> Job | None:
        with translated_errors():
            answer = self._client.get_item(TableName=self._table, Key={"jobId": {"S": job_id}}, ConsistentRead=True)
        return job_from(answer["Item"]) if "Item" in answer else None

    def load(self, job_ids: Iterable[str], *, consistent: bool = True) -> list[Job]:
        return self._read(job_ids, consistent=consistent, newer_too=True)

    def _read(self, job_ids: Iterable[str], *, consistent: bool = True, newer_too: bool = False) -> list[Job]:
        """Return the jobs whose rows can be read. With `newer_too`, raises RowTooNew for a row of a newer version."""
        ids = list(dict.fromkeys(job_ids))
        items = batch_get(self._client, self._table, "jobId", ids, consistent=consistent)
        found: list[Job] = []
        for job_id in (job_id for job_id in ids if job_id in items):
            try:
                found.append(job_from(items[job_id]))
            except RowUnreadable as error:
                log.error("a row cannot be read and is left out", extra={"jobId": job_id, "reason": error.message})
            except RowTooNew as error:
                if newer_too:
                    raise
                log.warning("a row of a newer version is left out", extra={"jobId": job_id, "reason": error.message})
        return found

    # --- by index ---

    def find_by_correlation_id(self, correlation_id: str) -> list[Job]:
        ids = self._indexes.unordered(BY_CORRELATION_ID, correlation_id, CORRELATED_AT_MOST)
        return [job for job in self.load(ids) if job.correlation_id == correlation_id]

    def find_by_external_id(self, external_id: str, owner: str | None, limit: int, cursor: Mapping[str, str] | None) -> Page:
        index = BY_EXTERNAL_ID if owner is None else BY_OWNERS_EXTERNAL_ID
        partitions = [external_id] if owner is None else owner_external_ids(owner, external_id)
        below = cursor["below"] if cursor else None

        def fits(job: Job) -> bool:
            return job.external_id == external_id and owner in (None, job.owner)

        return self._newest(index, partitions, fits, limit, below=below, page_sizes=[limit] * LIST_ROUNDS)

    def list_jobs(
        self,
        owner: str | None,
        status: Status | None,
        name: str | None,
        limit: int,
        cursor: Mapping[str, str] | None,
        *,
        account: str | None = None,
    ) -> Page:
        # There is no index over all owners. Every job has an account and accounts are few, so their jobs are merged.
        partitions = self._of_accounts(account) if owner is None else [owner]
        index = OF_ACCOUNT if owner is None else BY_OWNER
        below = cursor["below"] if cursor else None

        def fits(job: Job) -> bool:
            return (
                owner in (None, job.owner)
                and status in (None, job.status)
                and name in (None, job.name)
                and account in (None, job.account)
            )

        return self._newest(index, partitions, fits, limit, below=below, page_sizes=[limit] * LIST_ROUNDS)

    def _of_accounts(self, address: str | None) -> list[str]:
        """Return the partitions of every account, or of the accounts with this address: one for each chain."""
        only_accounts: Any = {"FilterExpression": "attribute_exists(keyReference)", "ProjectionExpression": "accountId"}
        with translated_errors():
            pages = self._client.get_paginator("scan").paginate(TableName=self._accounts_table, **only_accounts)
            ids = [item["accountId"]["S"] for page in pages for item in page["Items"]]
        return [its_id for its_id in ids if address is None or its_id.partition(":")[2] == address]

    def _newest(
        self,
        index: Index,
        partitions: Sequence[str],
        fits: Callable[[Job], bool],
        limit: int,
        *,
        below: str | None,
        page_sizes: Sequence[int],
    ) -> Page:
        """Return the newest `limit` jobs that fit, with a cursor. Reads at most one page of the index for each page size.

        `fits` is applied to the row as it is now: an index may lag behind, and jobs of other owners may share its key.
        """
        found: list[Job] = []
        cursors: list[Mapping[str, str]] = []
        for page_size in page_sizes:
            positions, below = self._indexes.walk(index, partitions, Slice(below=below, ascending=False), page_size)
            rows = {job.job_id: job for job in self._load_positions(positions)}
            for position in positions:
                job = rows.get(position.job_id)
                if job is None or not fits(job):
                    continue
                found.append(job)
                cursors.append({"below": position.order})
                if len(found) == limit:
                    more = below is not None or position is not positions[-1]
                    return Page(tuple(found), cursors[-1] if more else None, tuple(cursors))
            if below is None:
                break
        return Page(tuple(found), {"below": below} if below else None, tuple(cursors))

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
        orders = {position.job_id: position.order for position in positions}
        found = [job for job in self._load_positions(positions) if query.owner in (None, job.owner)]
        cursors = tuple({"above": orders[job.job_id]} for job in found)
        return Page(tuple(found), {"above": reached} if reached else None, cursors)

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

    def earliest_waiting(self, account_id: str, before: str, but: Collection[str] = ()) -> str | None:
        positions, reached = self._indexes.walk(PENDING, [account_id], Slice(below=before), limit=len(but) + 1)
        waiting = next((position.order for position in positions if position.job_id not in but), reached)
        fresh = self._first_fresh(account_id, self._swept_to(account_id), waiting or before, but)
        return fresh or waiting

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
        return bool(waiting) or self._first_fresh(account.account_id, account.swept_to, None) is not None

    def _first_fresh(self, account: str, after: str | None, before: str | None, but: Collection[str] = ()) -> str | None:
        """Return the order of the account's first fresh, unsigned job that was issued between these orders, or None.

        All other pending jobs are in the index PENDING. With too many jobs to read each, return the order up to which there is
        no such job.
        """
        for _ in range(FRESH_PAGES):
            part = Slice(above=after and just_above(after), below=before)
            positions, after = self._indexes.walk(OF_ACCOUNT, [account], part, BATCH_GET_LIMIT)
            ids = (one.job_id for one in positions if one.order != before and one.job_id not in but)
            rows = self.load(ids, consistent=False)
            fresh = [row.issued_order for row in rows if row.status is Status.PENDING and row.is_fresh]
            if fresh or after is None:
                return min(fresh, default=None)
        return after

    def _swept_to(self, account: str) -> str | None:
        key = {"accountId": {"S": account}}
        with translated_errors():
            answer = self._client.get_item(TableName=self._accounts_table, Key=key, ProjectionExpression=Sweep.FIRST)
        return answer["Item"].get(Sweep.FIRST, {}).get("S") if "Item" in answer else None

    def count_open(self, owner: str, at_most: int) -> int:
        return self._indexes.count(OPEN_OF_OWNER, owner, Slice(), at_most)

    def find_by_subject(self, name: str, subject: str, limit: int, *, owner: str | None = None) -> list[Job]:
        def fits(job: Job) -> bool:
            is_asked_for = (job.name, job.subject) == (name, subject) and owner in (None, job.owner)
            return is_asked_for and job.creation is not None

        return self._found(BY_SUBJECT, subject_key(name, subject), fits, limit)

    def find_by_creation(self, address: str, name: str | None = None, limit: int = 100) -> list[Job]:
        def fits(job: Job) -> bool:
            return job.creation == address and name in (None, job.name)

        return self._found(BY_CREATION, address, fits, limit)

    def _found(self, index: Index, partition: str, fits: Callable[[Job], bool], limit: int) -> list[Job]:
        """Return up to `limit` jobs that fit. There is no cursor, so later pages are large: many others must not hide a job."""
        page_sizes = [limit, *[BATCH_GET_LIMIT] * (FOUND_ROUNDS - 1)]
        return list(self._newest(index, [partition], fits, limit, below=None, page_sizes=page_sizes).jobs)

    def watched(self, limit: int) -> list[Job]:
        return self._open(limit, Slice(), lambda job: job.is_open and not job.is_fresh, consistent=False)

    def due(self, now: datetime, limit: int) -> list[Job]:
        part = Slice(below=just_above(time_text(now)))
        return self._open(limit, part, lambda job: job.next_check_at is not None and job.next_check_at <= now)

    def _open(self, limit: int, part: Slice, fits: Callable[[Job], bool], *, consistent: bool = True) -> list[Job]:
        """Return the first `limit` jobs that fit. Reads on past rows that cannot be read, so that they hide no job."""
        looked_at = limit
        while True:
            positions, reached = self._indexes.walk(OPEN, ALL_SHARDS, part, looked_at)
            rows = self._read((position.job_id for position in positions), consistent=consistent)
            left_out = len({position.job_id for position in positions}) - len(rows)
            if left_out == 0 or reached is None or len(rows) >= limit or looked_at >= OPEN_AT_MOST:
                return [job for job in rows if fits(job)][:limit]
            looked_at = min(looked_at + limit + left_out, OPEN_AT_MOST)

    def _load_positions(self, positions: Sequence[Position]) -> list[Job]:
        return self.load(position.job_id for position in positions)
