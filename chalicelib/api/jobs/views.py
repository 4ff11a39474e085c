"""Jobs as replies show them: fields that do not apply are absent, amounts are strings, raw transactions are left out."""

from __future__ import annotations  # the types of `replies` are for mypy and the reference: no request imports them

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

from chalicelib.api.http.errors import error_body
from chalicelib.api.http.values import time_view
from chalicelib.jobs.model import Attempt, Event, Job, Outcome, Purpose, SignedTransaction, Status, WaitCode

if TYPE_CHECKING:
    from chalicelib.api.jobs.replies import (
        AttemptView,
        EventView,
        JobDataView,
        JobView,
        RefusalView,
        TransactionBodyView,
        TransactionView,
        WaitView,
    )
    from chalicelib.jobs.retry import Refusal

BRIDGE_TYPE: Literal["home"] = "home"
LISTED_DATA_BYTES = 4 * 1024
"""Longer call data is left out of lists: a page of 100 jobs must fit into the 6 MB a Lambda may answer with."""
PERSONAL = frozenset({"phoneNumber"})
"""Shown to the owner of the job only, not to an administrator."""


def job_view(job: Job, reader: str, *, listed: bool = False) -> JobView:
    """Return the job as the owner `reader` may see it. `listed` leaves out long `data.data`, which a fetch by id shows."""
    view: JobView = {
        "_id": job.job_id,
        "name": job.name,
        "status": job.status.value,
        "data": _data_view(job, reader, listed),
        "accountAddress": job.account,
        "createdAt": time_view(job.created_at),
        "updatedAt": time_view(job.updated_at),
        "attempts": [_attempt_view(attempt) for attempt in job.attempts],
        "history": [_event_view(event) for event in job.history],
    }
    if job.waits_because is not None:
        view["waitsFor"] = _wait_view(job, job.waits_because)
    if job.last_finished_at is not None:
        view["lastFinishedAt"] = time_view(job.last_finished_at)
    if job.failed_at is not None:
        view["failedAt"] = time_view(job.failed_at)
    if job.failure is not None:
        view["failReason"] = job.failure.reason
        view["failCode"] = job.failure.code
    if job.fail_count:
        view["failCount"] = job.fail_count
    return view


def _wait_view(job: Job, reason: str) -> WaitView:
    """Return why a pending job is not signed. Rows that an earlier version wrote have a reason without a code."""
    view: WaitView = {"code": (job.waits_code or WaitCode.OTHER).value, "reason": reason}
    if job.waits_until is not None:
        view["until"] = time_view(job.waits_until)
    return view


def refusal_view(refusal: Refusal) -> RefusalView:
    error = error_body(refusal.error)
    view: RefusalView = {"_id": refusal.job_id, "error": error["error"], "code": error["code"]}
    if "details" in error:
        view["details"] = error["details"]
    return view


def _data_view(job: Job, reader: str, listed: bool) -> JobDataView:
    request = job.request
    view: JobDataView = {"bridgeType": BRIDGE_TYPE, "accountAddress": job.account, "value": str(request.value)}
    if job.correlation_id is not None:
        view["correlationId"] = job.correlation_id
    if job.external_id is not None:
        view["externalId"] = job.external_id
    if request.to is not None:
        view["to"] = request.to
    if request.data and not (listed and len(request.data) > LISTED_DATA_BYTES):
        view["data"] = f"0x{request.data.hex()}"
    hidden = frozenset() if reader == job.owner else PERSONAL
    of_its_name = {
        name: value for name, value in {**job.data, **job.result}.items() if value is not None and name not in hidden
    }
    return cast("JobDataView", {**view, **of_its_name, **_transaction_view(job), **_cost_view(job)})


def _transaction_view(job: Job) -> Mapping[str, Any]:
    """The transaction of the job's last attempt: the mined one when there is one, else the latest signed.

    A pending job has none: a retried one's earlier transactions are settled, and stand in `attempts`. After a cancel, txHash
    and txFee are the cancel transaction's, which was mined, and the status is that of what the issuer asked for: failed.
    """
    if job.status is Status.PENDING or not job.attempts:
        return {}
    attempt = job.attempt
    body: TransactionBodyView = {"status": _body_status(attempt.outcome)}
    receipt = attempt.receipt
    if receipt is None:
        return {"txHash": attempt.latest.hash, "transactionBody": body}
    body["blockNumber"] = receipt.block_number
    body["gasUsed"] = str(receipt.gas_used)
    body["effectiveGasPrice"] = str(receipt.effective_gas_price)
    view: dict[str, Any] = {"txHash": receipt.hash, "transactionBody": body, "txFee": str(receipt.fee)}
    if receipt.contract_address and attempt.outcome is Outcome.CONFIRMED:
        view["contractAddress"] = receipt.contract_address
    return view


def _cost_view(job: Job) -> Mapping[str, str]:
    """Return the cost of all attempts, also of reverted and cancelled ones. `txFee` is the cost of the last mined one."""
    is_known = job.dropped_fees or any(attempt.receipt is not None for attempt in job.attempts)
    return {"totalFee": str(job.total_fee)} if is_known else {}


def _body_status(outcome: Outcome | None) -> Literal["pending", "confirmed", "failed"]:
    match outcome:
        case None:
            return "pending"
        case Outcome.CONFIRMED:
            return "confirmed"
        case Outcome.REVERTED | Outcome.OUT_OF_GAS | Outcome.CANCELLED | Outcome.DISPLACED:
            return "failed"


def _attempt_view(attempt: Attempt) -> AttemptView:
    view: AttemptView = {
        "nonce": attempt.nonce,
        "transactions": [_signed_view(transaction) for transaction in attempt.transactions],
    }
    if attempt.outcome is not None:
        view["outcome"] = attempt.outcome.value
    return view


def _signed_view(transaction: SignedTransaction) -> TransactionView:
    fees = transaction.fees
    view: TransactionView = {"hash": transaction.hash, "at": time_view(transaction.signed_at)}
    if fees.max_priority_fee_per_gas is None:
        view["gasPrice"] = str(fees.max_fee_per_gas)
    else:
        view["maxFeePerGas"] = str(fees.max_fee_per_gas)
        view["maxPriorityFeePerGas"] = str(fees.max_priority_fee_per_gas)
    if transaction.purpose is not Purpose.ORIGINAL:
        view["purpose"] = transaction.purpose.value
    return view


def _event_view(event: Event) -> EventView:
    view: EventView = {"at": time_view(event.at), "event": event.event}
    if event.detail is not None:
        view["detail"] = event.detail
    return view
