"""Job and Account as DynamoDB items (design: section 4).

Amounts of wei are strings: DynamoDB numbers hold 38 digits, a uint256 has 78. Times are ISO-8601 UTC strings of a fixed width,
so that they sort. An index key is present exactly while the job belongs in that index.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from chalicelib.jobs.model import (
    RETRYABLE,
    Account,
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
from chalicelib.store.keys import failed_owner, failed_shard, order, owner_external_id, pending_account, shard, time_text

Item = dict[str, Any]

_serialize = TypeSerializer().serialize
_deserialize = TypeDeserializer().deserialize


def to_attributes(item: Mapping[str, Any]) -> Item:
    """Plain values → DynamoDB attribute values; None means absent."""
    return {name: _serialize(value) for name, value in item.items() if value is not None}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    return {name: _deserialize(value) for name, value in attributes.items()}


# --- jobs --------------------------------------------------------------------------------------------------------------


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
            "fingerprint": job.fingerprint,
            "correlationId": job.correlation_id,
            "externalId": job.external_id,
            "createdAt": time_text(job.created_at),
            "updatedAt": time_text(job.updated_at),
            "attempts": [_attempt_map(attempt) for attempt in job.attempts] or None,
            "attemptCount": job.attempt_count or None,
            "history": [_without_none({**asdict(event), "at": time_text(event.at)}) for event in job.history],
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
        data=_plain(item.get("data", {})),
        fingerprint=item["fingerprint"],
        correlation_id=item.get("correlationId"),
        external_id=item.get("externalId"),
        created_at=_time(item["createdAt"]),
        updated_at=_time(item["updatedAt"]),
        attempts=tuple(_attempt_from(attempt) for attempt in item.get("attempts", [])),
        attempt_count=int(item.get("attemptCount", 0)),
        history=tuple(Event(_time(event["at"]), event["event"], event.get("detail")) for event in item["history"]),
        fail_count=int(item.get("failCount", 0)),
        failure=Failure(item["failCode"], item["failReason"]) if "failCode" in item else None,
        failed_at=_optional_time(item.get("failedAt")),
        last_finished_at=_optional_time(item.get("lastFinishedAt")),
        pending_since=_optional_time(item.get("pendingSince")),
        next_check_at=_optional_time(item.get("nextCheckAt")),
        checks=int(item.get("checks", 0)),
        waits_because=item.get("waitsBecause"),
        waits_until=_optional_time(item.get("waitsUntil")),
        waits_for_nonce=_optional_int(item.get("waitsForNonce")),
    )


def _request_map(request: TransactionRequest) -> Item:
    return _without_none(
        {
            "to": request.to,
            "value": str(request.value),
            "data": request.data or None,
            "gas": request.gas,
            "maxFeePerGas": _optional_text(request.max_fee_per_gas),
            "validUntil": request.valid_until and time_text(request.valid_until),
        }
    )


def _request_from(item: Item) -> TransactionRequest:
    return TransactionRequest(
        to=item.get("to"),
        value=int(item["value"]),
        data=bytes(item.get("data", b"")),
        gas=_optional_int(item.get("gas")),
        max_fee_per_gas=_optional_int(item.get("maxFeePerGas")),
        valid_until=_optional_time(item.get("validUntil")),
    )


def _attempt_map(attempt: Attempt) -> Item:
    return _without_none(
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
    return _without_none(
        {
            "hash": transaction.hash,
            "raw": transaction.raw or None,
            "maxFeePerGas": str(transaction.fees.max_fee_per_gas),
            "maxPriorityFeePerGas": _optional_text(transaction.fees.max_priority_fee_per_gas),
            "at": time_text(transaction.signed_at),
            "atBlock": transaction.signed_at_block,
            "purpose": transaction.purpose.value,
        }
    )


def _transaction_from(item: Item) -> SignedTransaction:
    return SignedTransaction(
        hash=item["hash"],
        raw=bytes(item.get("raw", b"")),
        fees=Fees(int(item["maxFeePerGas"]), _optional_int(item.get("maxPriorityFeePerGas"))),
        signed_at=_time(item["at"]),
        signed_at_block=int(item["atBlock"]),
        purpose=Purpose(item["purpose"]),
    )


def _receipt_map(receipt: Receipt) -> Item:
    return _without_none(
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


# --- accounts ----------------------------------------------------------------------------------------------------------


def account_item(account: Account) -> Item:
    return to_attributes(
        {
            "accountId": account.account_id,
            "chainId": account.chain_id,
            "address": account.address,
            "keyReference": account.key,
            "owner": account.owner,
            "role": account.role,
            "nextNonce": account.next_nonce,
            "paused": account.paused,
            "bridgeType": account.bridge_type,
            "description": account.description,
            "appName": account.app_name,
            "createdAt": account.created_at and time_text(account.created_at),
        }
    )


def account_from(attributes: Mapping[str, Any]) -> Account:
    item = from_attributes(attributes)
    return Account(
        chain_id=int(item["chainId"]),
        address=item["address"],
        key=item["keyReference"],
        owner=item.get("owner"),
        role=item.get("role"),
        next_nonce=_optional_int(item.get("nextNonce")),
        paused=item.get("paused"),
        bridge_type=item["bridgeType"],
        description=item.get("description"),
        app_name=item.get("appName"),
        created_at=_optional_time(item.get("createdAt")),
    )


# --- values ------------------------------------------------------------------------------------------------------------


def _without_none(item: Mapping[str, Any]) -> Item:
    return {name: value for name, value in item.items() if value is not None}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _optional_time(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def _optional_int(value: Any) -> int | None:
    return None if value is None else int(value)


def _optional_text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _plain(value: Any) -> Any:
    """What the deserializer made of a job's own `data`, back to what was put in: ints, not Decimals."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if hasattr(value, "as_integer_ratio") and not isinstance(value, bool) else value
