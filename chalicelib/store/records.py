"""Converts a job to a DynamoDB item and back (design: section 4).

A write costs one unit for each KB, so a usual row stays below 1 KB through all its life. It holds nothing twice:

- `accountId` says the chain and the account, and `issuedOrder` says when the job was issued.
- An attribute is absent if the rest of the row implies its value (`unless`).
- Signed transactions leave out the call data, because the request holds it.
- Digests are 32 bytes, not hex digits.

Most writes replace the whole row, so a version of the service that does not know an attribute would drop it. While a stack is
updated, functions of two versions run. So each row names its `format`, and a version leaves rows of later formats alone.

Times in text are ISO-8601 UTC of a fixed width, so that they sort. A row has an index key only while the job belongs in that
index.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from traceback import extract_tb
from typing import Any

from chalicelib.errors import RowTooNew, RowUnreadable
from chalicelib.jobs.model import (
    FINAL,
    RETRYABLE,
    Attempt,
    Event,
    Failure,
    Job,
    Status,
    TransactionRequest,
    WaitCode,
    account_id,
)
from chalicelib.jobs.order import order, time_of, time_text
from chalicelib.networks import NETWORKS
from chalicelib.store.attempt_records import attempt_from, attempt_item, history_from, history_item
from chalicelib.store.attributes import (
    Item,
    digest_from,
    digest_value,
    from_attributes,
    optional_int,
    optional_time,
    optional_wei,
    plain,
    to_attributes,
    unless,
    wei_value,
    without_none,
)
from chalicelib.store.keys import failed_owner, failed_shard, owner_external_id, shard, subject_key
from chalicelib.store.stored_job import StoredJob, with_row

FORMAT = 2
"""The format of the rows that are written. A new attribute, or a new meaning of one, needs a new format.

Rows of format 1 do not name it.
"""
NEWEST_FORMAT_READ = 2
"""Raise this one version of the service before FORMAT, so that each version can be rolled back (docs/deploying.md)."""
_MARK_OF_PREVIOUS_ROWS = "createdAt"
"""Rows from before rows were kept below 1 KB have this attribute, and rows of today's form never have it."""
_FIRST_FORMAT = {"N": "1"}
_FAILED = frozenset({Status.FAILED})


def job_item(job: Job) -> Item:
    issued_at = job.created_at
    return to_attributes(
        {
            "jobId": job.job_id,
            "format": unless(int(_FIRST_FORMAT["N"]), FORMAT),
            "owner": job.owner,
            "name": job.name,
            "status": job.status.value,
            "version": job.version,
            "network": unless(_usual_network(job.chain_id), job.network),
            "accountId": account_id(job.chain_id, job.account),
            "issuedOrder": job.issued_order,
            "request": _request_item(job.request),
            "data": dict(job.data) or None,
            "subject": job.subject,
            "result": dict(job.result) or None,
            "fingerprint": digest_value(job.fingerprint),
            "correlationId": job.correlation_id,
            "externalId": job.external_id,
            "updatedAt": unless(_last_change(job.history, issued_at), job.updated_at) and time_text(job.updated_at),
            "attempts": [attempt_item(attempt, issued_at, job.request.data) for attempt in job.attempts] or None,
            "attemptCount": unless(len(job.attempts), job.attempt_count),
            "droppedFees": wei_value(job.dropped_fees) if job.dropped_fees else None,
            **history_item(job.history, job.attempts, issued_at),
            "failCount": job.fail_count or None,
            "failCode": job.failure and job.failure.code,
            "failReason": job.failure and job.failure.reason,
            "failedAt": _time_unless(_last(job.history, _FAILED), job.failed_at),
            "lastFinishedAt": _time_unless(_last(job.history, FINAL), job.last_finished_at),
            "pendingSince": _time_unless(_usual_pending_since(job.status, issued_at), job.pending_since),
            "checks": job.checks or None,
            "waitsBecause": job.waits_because,
            "waitsCode": job.waits_code and job.waits_code.value,
            "waitsSince": job.waits_since and time_text(job.waits_since),
            "waitsUntil": job.waits_until and time_text(job.waits_until),
            "waitsForNonce": job.waits_for_nonce,
            **_index_keys(job),
        }
    )


def _index_keys(job: Job) -> Item:
    """Return the index keys that are not also attributes of the job, such as owner, accountId or correlationId."""
    keys: Item = {}
    if job.external_id is not None:
        keys["ownerExternalId"] = owner_external_id(job.owner, job.external_id)
    if job.creation is not None:
        keys["creation"] = job.creation
        if job.subject is not None:  # earlier versions also wrote it into rows without a creation
            keys["subjectKey"] = subject_key(job.name, job.subject)
    if job.next_check_at is not None:
        keys |= {"openShard": shard(job.job_id), "nextCheckAt": time_text(job.next_check_at)}
        if job.pending_since is not None:  # a fresh job has no key here and is found by its issuedOrder
            keys["pendingAccount"] = account_id(job.chain_id, job.account)
            keys["pendingOrder"] = order(job.pending_since, job.job_id)
    if job.status in RETRYABLE and job.last_finished_at is not None:
        keys["failedOwner"] = failed_owner(job.owner, job.status)
        keys["failedShard"] = failed_shard(shard(job.job_id), job.status)
        keys["finishedOrder"] = order(job.last_finished_at, job.job_id)
    return keys


def job_from(attributes: Mapping[str, Any]) -> Job:
    """Return the job of a row. Raises RowTooNew for a row of a later format, and RowUnreadable for a broken row."""
    try:
        return _job_from(attributes)
    except RowTooNew:
        raise
    except Exception as error:  # noqa: BLE001 -- any fault of one row
        # The error's own text may quote the row, so it is left out (invariant 10).
        where = extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__} in {where.name}, line {where.lineno}"
        raise RowUnreadable(attributes.get("jobId", {}).get("S", "?"), problem) from None


def _job_from(attributes: Mapping[str, Any]) -> StoredJob:
    if int(attributes.get("format", _FIRST_FORMAT)["N"]) > NEWEST_FORMAT_READ:
        raise RowTooNew
    item = from_attributes(attributes)
    if _MARK_OF_PREVIOUS_ROWS in item:
        from chalicelib.store.previous_records import previous_job_from  # noqa: PLC0415 -- such rows are rare

        return with_row(previous_job_from(item), attributes)
    chain, account = item["accountId"].split(":", 1)
    issued_at = time_of(item["issuedOrder"])
    status = Status(item["status"])
    attempts = tuple(attempt_from(attempt, issued_at, item["request"].get("data")) for attempt in item.get("attempts", []))
    request = _request_from(item["request"], _signed_copy(attempts))
    history = history_from(item, attempts, issued_at)
    return StoredJob(
        job_id=item["jobId"],
        owner=item["owner"],
        name=item["name"],
        status=status,
        version=int(item["version"]),
        network=item.get("network", _usual_network(int(chain))),
        chain_id=int(chain),
        account=account,
        request=request,
        data=plain(item.get("data", {})),
        subject=item.get("subject"),
        result=plain(item.get("result", {})),
        fingerprint=digest_from(item["fingerprint"]),
        correlation_id=item.get("correlationId"),
        external_id=item.get("externalId"),
        created_at=issued_at,
        updated_at=optional_time(item.get("updatedAt")) or _last_change(history, issued_at),
        attempts=attempts,
        attempt_count=int(item.get("attemptCount", len(attempts))),
        dropped_fees=int(item.get("droppedFees", 0)),
        history=history,
        fail_count=int(item.get("failCount", 0)),
        failure=Failure(item["failCode"], item["failReason"]) if "failCode" in item else None,
        failed_at=_time_or(item, "failedAt", _last(history, _FAILED)),
        last_finished_at=_time_or(item, "lastFinishedAt", _last(history, FINAL)),
        pending_since=_time_or(item, "pendingSince", _usual_pending_since(status, issued_at)),
        next_check_at=optional_time(item.get("nextCheckAt")),
        checks=int(item.get("checks", 0)),
        waits_because=item.get("waitsBecause"),
        waits_code=WaitCode(item["waitsCode"]) if "waitsCode" in item else None,
        waits_since=optional_time(item.get("waitsSince")),
        waits_until=optional_time(item.get("waitsUntil")),
        waits_for_nonce=optional_int(item.get("waitsForNonce")),
        row=attributes,
    )


# --- what the rest of a row implies -------------------------------------------------------------------------------


def _usual_network(chain_id: int) -> str:
    """Return the name of the network with this chain id. Rows leave it out.

    Returns "chain 123" for a network that is no longer known.
    """
    return next((name for name, network in NETWORKS.items() if network.chain_id == chain_id), f"chain {chain_id}")


def _last_change(history: Sequence[Event], issued_at: datetime) -> datetime:
    return history[-1].at if history else issued_at


def _last(history: Sequence[Event], statuses: frozenset[Status]) -> datetime | None:
    """Return when the job last reached one of these statuses. Such an event has the name of the status."""
    return next((event.at for event in reversed(history) if event.event in statuses), None)


def _usual_pending_since(status: Status, issued_at: datetime) -> datetime | None:
    return issued_at if status is Status.PENDING else None


def _time_unless(implied: datetime | None, at: datetime | None) -> Any:
    return unless(implied and time_text(implied), at and time_text(at))


def _time_or(item: Item, name: str, implied: datetime | None) -> datetime | None:
    return optional_time(item[name]) if name in item else implied


def _signed_copy(attempts: Sequence[Attempt]) -> bytes:
    """Return the raw bytes that hold the call data of rows of format 1."""
    return attempts[-1].latest.raw if attempts else b""


# --- the request -------------------------------------------------------------------------------------------------------


def _request_item(request: TransactionRequest) -> Item:
    return without_none(
        {
            "to": request.to,
            "value": wei_value(request.value) if request.value else None,
            "data": request.data or None,
            "gas": request.gas,
            "maxFeePerGas": optional_wei(request.max_fee_per_gas),
            "validUntil": request.valid_until and time_text(request.valid_until),
        }
    )


def _request_from(item: Item, signed_copy: bytes) -> TransactionRequest:
    """Return the request. Format 1 has `dataAt`, [first byte, length], for the call data in `signed_copy`."""
    data = bytes(item.get("data", b""))
    if "dataAt" in item:
        start, length = (int(number) for number in item["dataAt"])
        data = signed_copy[start : start + length]
    return TransactionRequest(
        to=item.get("to"),
        value=int(item.get("value", 0)),
        data=data,
        gas=optional_int(item.get("gas")),
        max_fee_per_gas=optional_int(item.get("maxFeePerGas")),
        valid_until=optional_time(item.get("validUntil")),
    )
