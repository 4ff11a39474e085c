"""Job → the HTTP contract's form: fields that do not apply are absent, amounts are strings, raw transactions never leave."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib.jobs.model import Attempt, Event, Job, Outcome, Purpose, SignedTransaction, Status

BRIDGE_TYPE = "home"
LISTED_DATA_BYTES = 4 * 1024
"""Longer call data is left out of lists: a page of 100 jobs must fit into the 6 MB a Lambda may answer with."""

View = dict[str, Any]


def job_view(job: Job, *, listed: bool = False) -> View:
    """One job. `listed` leaves `data.data` out where it is long: fetching the job by its id shows it.

    failReason, failCode and failedAt tell of the last failure, also of a job that was retried and went on or succeeded since,
    as clients of the Studio know it: `status` says how the job is, `failedAt` when it failed, `failCount` how often.
    """
    return _present(
        {
            "_id": job.job_id,
            "name": job.name,
            "status": job.status.value,
            "data": _data_view(job, listed),
            "accountAddress": job.account,
            "createdAt": time_view(job.created_at),
            "updatedAt": time_view(job.updated_at),
            "lastFinishedAt": _optional_time(job.last_finished_at),
            "failedAt": _optional_time(job.failed_at),
            "failReason": job.failure and job.failure.reason,
            "failCode": job.failure and job.failure.code,
            "failCount": job.fail_count or None,
            "attempts": [_attempt_view(attempt) for attempt in job.attempts],
            "history": [_event_view(event) for event in job.history],
        }
    )


def time_view(at: datetime) -> str:
    """2022-06-21T08:01:00.524Z"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _data_view(job: Job, listed: bool) -> View:
    request = job.request
    too_long = listed and len(request.data) > LISTED_DATA_BYTES
    return _present(
        {
            "bridgeType": BRIDGE_TYPE,
            "accountAddress": job.account,
            "correlationId": job.correlation_id,
            "externalId": job.external_id,
            "to": request.to,
            "value": str(request.value),
            "data": f"0x{request.data.hex()}" if request.data and not too_long else None,
            **job.data,
            **_transaction_view(job),
        }
    )


def _transaction_view(job: Job) -> Mapping[str, Any]:
    """The transaction of the job's last attempt: the mined one when there is one, else the latest signed.

    A pending job has none: a retried one's earlier transactions are settled, and stand in `attempts`. After a cancel, txHash
    and txFee are the cancel transaction's, which was mined, and the status is that of what the issuer asked for: failed.
    """
    if job.status is Status.PENDING or not job.attempts:
        return {}
    attempt = job.attempt
    receipt = attempt.receipt
    return {
        "txHash": receipt.hash if receipt else attempt.latest.hash,
        "transactionBody": _present(
            {
                "status": _body_status(attempt.outcome),
                "blockNumber": receipt and receipt.block_number,
                "gasUsed": receipt and str(receipt.gas_used),
                "effectiveGasPrice": receipt and str(receipt.effective_gas_price),
            }
        ),
        "txFee": receipt and str(receipt.fee),
        "contractAddress": receipt.contract_address if receipt and attempt.outcome is Outcome.CONFIRMED else None,
    }


def _body_status(outcome: Outcome | None) -> str:
    match outcome:
        case None:
            return "pending"
        case Outcome.CONFIRMED:
            return "confirmed"
        case Outcome.REVERTED | Outcome.CANCELLED | Outcome.DISPLACED:
            return "failed"


def _attempt_view(attempt: Attempt) -> View:
    return _present(
        {
            "nonce": attempt.nonce,
            "transactions": [_signed_view(transaction) for transaction in attempt.transactions],
            "outcome": attempt.outcome and attempt.outcome.value,
        }
    )


def _signed_view(transaction: SignedTransaction) -> View:
    fees = transaction.fees
    price = (
        {"gasPrice": str(fees.max_fee_per_gas)}
        if fees.max_priority_fee_per_gas is None
        else {"maxFeePerGas": str(fees.max_fee_per_gas), "maxPriorityFeePerGas": str(fees.max_priority_fee_per_gas)}
    )
    purpose = None if transaction.purpose is Purpose.ORIGINAL else transaction.purpose.value
    return _present({"hash": transaction.hash, **price, "at": time_view(transaction.signed_at), "purpose": purpose})


def _event_view(event: Event) -> View:
    return _present({"at": time_view(event.at), "event": event.event, "detail": event.detail})


def _optional_time(at: datetime | None) -> str | None:
    return None if at is None else time_view(at)


def _present(fields: Mapping[str, Any]) -> View:
    return {name: value for name, value in fields.items() if value is not None}
