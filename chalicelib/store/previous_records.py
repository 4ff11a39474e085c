"""Reads the rows that the service wrote before it kept rows below 1 KB. Such a row has the attribute `createdAt`.

The next write of the job replaces its row by a row of today's form.
"""

from typing import Any

from chalicelib.jobs.model import (
    Attempt,
    Event,
    Failure,
    Fees,
    Job,
    Outcome,
    Purpose,
    SignedTransaction,
    Status,
    TransactionRequest,
)
from chalicelib.jobs.receipts import Receipt
from chalicelib.store.attributes import Item, optional_int, optional_time, plain, read_time


def previous_job_from(item: Item) -> Job:
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


def _request_from(item: Item) -> TransactionRequest:
    return TransactionRequest(
        to=item.get("to"),
        value=int(item["value"]),
        data=bytes(item.get("data", b"")),
        gas=optional_int(item.get("gas")),
        max_fee_per_gas=optional_int(item.get("maxFeePerGas")),
        valid_until=optional_time(item.get("validUntil")),
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


def _transaction_from(item: Item) -> SignedTransaction:
    return SignedTransaction(
        hash=item["hash"],
        raw=bytes(item.get("raw", b"")),
        fees=Fees(int(item["maxFeePerGas"]), optional_int(item.get("maxPriorityFeePerGas"))),
        signed_at=read_time(item["at"]),
        signed_at_block=int(item["atBlock"]),
        purpose=Purpose(item["purpose"]),
    )


def _receipt_from(item: dict[str, Any]) -> Receipt:
    return Receipt(
        hash=item["hash"],
        block_number=int(item["blockNumber"]),
        block_hash=item["blockHash"],
        succeeded=item["succeeded"],
        gas_used=int(item["gasUsed"]),
        effective_gas_price=int(item["effectiveGasPrice"]),
        contract_address=item.get("contractAddress"),
    )
