"""Job as a DynamoDB item (design: section 4).

Times are ISO-8601 UTC strings of a fixed width, so that they sort. An index key is present exactly while the job belongs in
that index.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.jobs.model import (
    RETRYABLE,
    Attempt,
    Event,
    Failure,
    Fees,
    Job,
    Outcome,
    Purpose,
    Receipt,
    SignedTransaction,
    Status,
    TransactionRequest,
    account_id,
)
from chalicelib.store.attributes import (
    Item,
    from_attributes,
    optional_int,
    optional_text,
    optional_time,
    plain,
    read_time,
    to_attributes,
    without_none,
)
from chalicelib.store.keys import (
    failed_owner,
    failed_shard,
    order,
    owner_external_id,
    pending_account,
    shard,
    subject_key,
    time_text,
)


def job_item(job: Job) -> Item:
    return to_attributes(
        {
            "jobId": job.job_id,
            "owner": job.owner,
            "name": job.name,
            "status": job.status.value,
            "version": job.version,
            "network": job.network,
            "chainId": job.chain_id,
            "account": job.account,
            "request": _request_map(job.request),
            "data": dict(job.data) or None,
            "subject": job.subject,
            "result": dict(job.result) or None,
            "fingerprint": job.fingerprint,
            "correlationId": job.correlation_id,
            "externalId": job.external_id,
            "createdAt": time_text(job.created_at),
            "updatedAt": time_text(job.updated_at),
            "attempts": [_attempt_map(attempt) for attempt in job.attempts] or None,
            "attemptCount": job.attempt_count or None,
            "history": [without_none({**asdict(event), "at": time_text(event.at)}) for event in job.history],
            "failCount": job.fail_count or None,
            "failCode": job.failure and job.failure.code,
            "failReason": job.failure and job.failure.reason,
            "failedAt": job.failed_at and time_text(job.failed_at),
            "lastFinishedAt": job.last_finished_at and time_text(job.last_finished_at),
            "pendingSince": job.pending_since and time_text(job.pending_since),
            "checks": job.checks or None,
            "waitsBecause": job.waits_because,
            "waitsUntil": job.waits_until and time_text(job.waits_until),
            "waitsForNonce": job.waits_for_nonce,
            **_index_keys(job),
        }
    )


def _index_keys(job: Job) -> Item:
    keys: Item = {"issuedOrder": order(job.created_at, job.job_id), "shard": shard(job.job_id)}
    if job.external_id is not None:
        keys["ownerExternalId"] = owner_external_id(job.owner, job.external_id)
    if job.subject is not None:
        keys["subjectKey"] = subject_key(job.name, job.subject)
    if job.creation is not None:
        keys["creation"] = job.creation
    if job.next_check_at is not None:
        keys |= {"openShard": shard(job.job_id), "nextCheckAt": time_text(job.next_check_at)}
    if job.pending_since is not None:
        keys["pendingAccount"] = pending_account(account_id(job.chain_id, job.account), waits=job.waits_because is not None)
        keys["pendingOrder"] = order(job.pending_since, job.job_id)
    if job.status in RETRYABLE and job.last_finished_at is not None:
        keys["failedOwner"] = failed_owner(job.owner, job.status)
        keys["failedShard"] = failed_shard(shard(job.job_id), job.status)
        keys["finishedOrder"] = order(job.last_finished_at, job.job_id)
    return keys


def job_from(attributes: Mapping[str, Any]) -> Job:
    item = from_attributes(attributes)
    return Job(
        job_id=item["jobId"],
        owner=item["owner"],
        name=item["name"],
        status=Status(item["status"]),
        version=int(item["version"]),
        network=item["network"],
        chain_id=int(item["chainId"]),
        account=item["account"],
        request=_request_from(item["request"]),
        data=plain(item.get("data", {})),
        subject=item.get("subject"),
        result=plain(item.get("result", {})),
        fingerprint=item["fingerprint"],
        correlation_id=item.get("correlationId"),
        external_id=item.get("externalId"),
        created_at=read_time(item["createdAt"]),
        updated_at=read_time(item["updatedAt"]),
        attempts=tuple(_attempt_from(attempt) for attempt in item.get("attempts", [])),
        attempt_count=int(item.get("attemptCount", 0)),
        history=tuple(Event(read_time(event["at"]), event["event"], event.get("detail")) for event in item["history"]),
        fail_count=int(item.get("failCount", 0)),
        failure=Failure(item["failCode"], item["failReason"]) if "failCode" in item else None,
        failed_at=optional_time(item.get("failedAt")),
        last_finished_at=optional_time(item.get("lastFinishedAt")),
        pending_since=optional_time(item.get("pendingSince")),
        next_check_at=optional_time(item.get("nextCheckAt")),
        checks=int(item.get("checks", 0)),
        waits_because=item.get("waitsBecause"),
        waits_until=optional_time(item.get("waitsUntil")),
        waits_for_nonce=optional_int(item.get("waitsForNonce")),
    )


def _request_map(request: TransactionRequest) -> Item:
    return without_none(
        {
            "to": request.to,
            "value": str(request.value),
            "data": request.data or None,
            "gas": request.gas,
            "maxFeePerGas": optional_text(request.max_fee_per_gas),
            "validUntil": request.valid_until and time_text(request.valid_until),
        }
    )


def _request_from(item: Item) -> TransactionRequest:
    return TransactionRequest(
        to=item.get("to"),
        value=int(item["value"]),
        data=bytes(item.get("data", b"")),
        gas=optional_int(item.get("gas")),
        max_fee_per_gas=optional_int(item.get("maxFeePerGas")),
        valid_until=optional_time(item.get("validUntil")),
    )


def _attempt_map(attempt: Attempt) -> Item:
    return without_none(
        {
            "nonce": attempt.nonce,
            "gas": attempt.gas,
            "transactions": [_transaction_map(transaction) for transaction in attempt.transactions],
            "abandoned": attempt.abandoned and asdict(attempt.abandoned),
            "outcome": attempt.outcome and attempt.outcome.value,
            "receipt": attempt.receipt and _receipt_map(attempt.receipt),
        }
    )


def _attempt_from(item: Item) -> Attempt:
    return Attempt(
        nonce=int(item["nonce"]),
        gas=int(item["gas"]),
        transactions=tuple(_transaction_from(transaction) for transaction in item["transactions"]),
        abandoned=Failure(**item["abandoned"]) if "abandoned" in item else None,
        outcome=Outcome(item["outcome"]) if "outcome" in item else None,
        receipt=_receipt_from(item["receipt"]) if "receipt" in item else None,
    )


def _transaction_map(transaction: SignedTransaction) -> Item:
    return without_none(
        {
            "hash": transaction.hash,
            "raw": transaction.raw or None,
            "maxFeePerGas": str(transaction.fees.max_fee_per_gas),
            "maxPriorityFeePerGas": optional_text(transaction.fees.max_priority_fee_per_gas),
            "at": time_text(transaction.signed_at),
            "atBlock": transaction.signed_at_block,
            "purpose": transaction.purpose.value,
        }
    )


def _transaction_from(item: Item) -> SignedTransaction:
    return SignedTransaction(
        hash=item["hash"],
        raw=bytes(item.get("raw", b"")),
        fees=Fees(int(item["maxFeePerGas"]), optional_int(item.get("maxPriorityFeePerGas"))),
        signed_at=read_time(item["at"]),
        signed_at_block=int(item["atBlock"]),
        purpose=Purpose(item["purpose"]),
    )


def _receipt_map(receipt: Receipt) -> Item:
    return without_none(
        {
            "hash": receipt.hash,
            "blockNumber": receipt.block_number,
            "blockHash": receipt.block_hash,
            "succeeded": receipt.succeeded,
            "gasUsed": receipt.gas_used,
            "effectiveGasPrice": str(receipt.effective_gas_price),
            "contractAddress": receipt.contract_address,
        }
    )


def _receipt_from(item: Item) -> Receipt:
    return Receipt(
        hash=item["hash"],
        block_number=int(item["blockNumber"]),
        block_hash=item["blockHash"],
        succeeded=item["succeeded"],
        gas_used=int(item["gasUsed"]),
        effective_gas_price=int(item["effectiveGasPrice"]),
        contract_address=item.get("contractAddress"),
    )
