"""Job → the contract's form."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.api.http.values import time_view
from chalicelib.api.jobs.replies import JobView
from chalicelib.api.jobs.views import job_view as view_for
from chalicelib.jobs.model import (
    Event,
    Failure,
    Fees,
    Job,
    Outcome,
    Purpose,
    SignedTransaction,
    Status,
    TransactionRequest,
    WaitCode,
)
from chalicelib.jobs.receipts import Receipt
from tests.unit.api.harness import ISSUER, NOW, TARGET, a_job, attempt


def job_view(job: Job, reader: str = ISSUER) -> JobView:
    """As its owner sees it."""
    return view_for(job, reader)


FEE = str(21_000 * 11_000_000_000)


def test_a_succeeded_job_has_the_form_of_the_contract() -> None:
    signed = attempt(outcome=Outcome.CONFIRMED)
    job = a_job(
        status=Status.SUCCEEDED,
        correlation_id="c",
        data={"tokenAddress": TARGET, "amount": "1000"},
        attempts=(signed,),
        last_finished_at=NOW + timedelta(seconds=3, milliseconds=524, microseconds=999),
        history=(Event(NOW, "issued"), Event(NOW, "signed", "nonce 7")),
    )
    assert job_view(job) == {
        "_id": "62b17abc8c26160014940e87",
        "name": "mint",
        "status": "succeeded",
        "data": {
            "bridgeType": "home",
            "accountAddress": ISSUER,
            "correlationId": "c",
            "to": TARGET,
            "value": "0",
            "data": "0xabcd",
            "tokenAddress": TARGET,
            "amount": "1000",
            "txHash": signed.latest.hash,
            "transactionBody": {
                "status": "confirmed",
                "blockNumber": 17_670_548,
                "gasUsed": "21000",
                "effectiveGasPrice": "11000000000",
            },
            "txFee": FEE,
            "totalFee": FEE,
        },
        "accountAddress": ISSUER,
        "createdAt": "2026-03-01T12:00:00.000Z",
        "updatedAt": "2026-03-01T12:00:00.000Z",
        "lastFinishedAt": "2026-03-01T12:00:03.524Z",
        "attempts": [
            {
                "nonce": 7,
                "transactions": [
                    {
                        "hash": signed.latest.hash,
                        "maxFeePerGas": "22000000000",
                        "maxPriorityFeePerGas": "1000000000",
                        "at": "2026-03-01T12:00:00.000Z",
                    }
                ],
                "outcome": "confirmed",
            }
        ],
        "history": [
            {"at": "2026-03-01T12:00:00.000Z", "event": "issued"},
            {"at": "2026-03-01T12:00:00.000Z", "event": "signed", "detail": "nonce 7"},
        ],
    }


def test_raw_transactions_never_leave() -> None:
    job = a_job(status=Status.STARTED, attempts=(attempt(),), request=TransactionRequest(to=TARGET))
    assert job.attempt.latest.raw == b"\x02raw"
    assert "raw" not in str(job_view(job))
    assert b"\x02raw".hex() not in str(job_view(job))


def test_a_job_in_flight_shows_the_latest_transaction_sent() -> None:
    replacement = SignedTransaction("0x" + "c" * 64, b"raw", Fees(30_000_000_000), NOW, 101, Purpose.REPLACEMENT)
    original = attempt()
    view = job_view(a_job(status=Status.STARTED, attempts=(replace(original, transactions=(original.latest, replacement)),)))
    assert view["data"]["txHash"] == replacement.hash
    assert view["data"]["transactionBody"] == {"status": "pending"}
    assert "txFee" not in view["data"]
    assert view["attempts"][0]["transactions"][1] == {
        "hash": replacement.hash,
        "gasPrice": "30000000000",
        "at": "2026-03-01T12:00:00.000Z",
        "purpose": "replacement",
    }


def test_the_mined_transaction_is_shown_even_if_a_later_one_was_sent() -> None:
    first = attempt(outcome=Outcome.CONFIRMED)
    later = SignedTransaction("0x" + "c" * 64, b"", Fees(1), NOW, 101, Purpose.REPLACEMENT)
    view = job_view(a_job(status=Status.SUCCEEDED, attempts=(replace(first, transactions=(first.latest, later)),)))
    assert view["data"]["txHash"] == first.latest.hash


def test_a_mined_revert_is_failed_and_its_fee_is_told() -> None:
    job = a_job(
        status=Status.FAILED,
        attempts=(attempt(outcome=Outcome.REVERTED, succeeded=False),),
        failure=Failure("TransactionReverted", "not enough tokens"),
        failed_at=NOW,
        fail_count=1,
    )
    view = job_view(job)
    assert view["data"]["transactionBody"]["status"] == "failed"
    assert view["data"]["txFee"] == FEE
    assert (view["failReason"], view["failCode"], view["failCount"]) == ("not enough tokens", "TransactionReverted", 1)
    assert view["failedAt"] == "2026-03-01T12:00:00.000Z"


def test_a_retried_job_keeps_its_last_failure_and_has_no_transaction_until_one_is_signed() -> None:
    reverted = attempt(outcome=Outcome.REVERTED, succeeded=False)
    failure = {"failure": Failure("TransactionReverted", "why"), "failed_at": NOW, "fail_count": 1}
    pending = job_view(a_job(status=Status.PENDING, attempts=(reverted,), **failure))
    assert pending["data"].keys().isdisjoint({"txHash", "transactionBody", "txFee"})
    assert pending["attempts"][0]["outcome"] == "reverted"
    succeeded = job_view(a_job(status=Status.SUCCEEDED, attempts=(reverted, attempt(8, Outcome.CONFIRMED)), **failure))
    assert succeeded["data"]["transactionBody"]["status"] == "confirmed"
    for view in (pending, succeeded):
        assert (view["failReason"], view["failCode"], view["failCount"]) == ("why", "TransactionReverted", 1)


def test_a_cancelled_transaction_is_failed_though_the_cancel_was_mined() -> None:
    cancel = SignedTransaction("0x" + "c" * 64, b"", Fees(1), NOW, 101, Purpose.CANCEL)
    receipt = Receipt(cancel.hash, 9, "0x" + "b" * 64, True, 21_000, 2)
    original = attempt()
    cancelled = attempt(transactions=(original.latest, cancel), outcome=Outcome.CANCELLED, receipt=receipt)
    data = job_view(a_job(status=Status.CANCELLED, attempts=(cancelled,)))["data"]
    assert (data["txHash"], data["transactionBody"]["status"], data["txFee"]) == (cancel.hash, "failed", "42000")


def test_a_displaced_transaction_is_failed_without_a_block() -> None:
    job = a_job(status=Status.FAILED, attempts=(attempt(outcome=Outcome.DISPLACED, receipt=None),), failure=Failure("X", "y"))
    assert job_view(job)["data"]["transactionBody"] == {"status": "failed"}


@pytest.mark.parametrize(("outcome", "shown"), [(Outcome.CONFIRMED, True), (Outcome.REVERTED, False)])
def test_a_deployed_contract_has_an_address_only_if_it_was_deployed(outcome: Outcome, shown: bool) -> None:
    mined = attempt(outcome=outcome)
    assert mined.receipt is not None
    mined = replace(mined, receipt=replace(mined.receipt, contract_address=TARGET))
    status = Status.SUCCEEDED if shown else Status.FAILED
    data = job_view(a_job(status=status, attempts=(mined,), request=TransactionRequest(to=None, data=b"\x60")))["data"]
    assert data.get("contractAddress") == (TARGET if shown else None)
    assert "to" not in data


def waiting_job(**waits: Any) -> dict[str, Any]:
    return job_view(a_job(status=Status.PENDING, waits_because="no funds", **waits))["waitsFor"]


def test_a_pending_job_tells_what_it_waits_for_and_until_when_it_rests() -> None:
    assert waiting_job(waits_code=WaitCode.FUNDS_TOO_LOW, waits_until=NOW) == {
        "code": "fundsTooLow",
        "reason": "no funds",
        "until": "2026-03-01T12:00:00.000Z",
    }


def test_a_job_that_an_earlier_version_put_off_tells_its_reason_and_no_kind_of_it() -> None:
    assert waiting_job() == {"code": "other", "reason": "no funds"}


def test_what_does_not_apply_is_absent() -> None:
    def nulls(value: Any) -> bool:
        if isinstance(value, dict):
            return any(part is None or nulls(part) for part in value.values())
        return isinstance(value, list) and any(map(nulls, value))

    view = job_view(a_job(request=TransactionRequest(to=TARGET)))
    assert not nulls(view)
    assert view.keys().isdisjoint({"failedAt", "failReason", "failCode", "failCount", "lastFinishedAt", "waitsFor"})
    assert view["data"].keys() == {"bridgeType", "accountAddress", "to", "value"}


def test_amounts_keep_all_their_digits() -> None:
    view = job_view(a_job(request=TransactionRequest(to=TARGET, value=2**256 - 1)))
    assert view["data"]["value"] == str(2**256 - 1)


def test_times_are_utc_with_milliseconds() -> None:
    assert time_view(datetime(2022, 6, 21, 8, 1, 0, 524_999, tzinfo=UTC)) == "2022-06-21T08:01:00.524Z"
    assert time_view(datetime(2022, 6, 21, 1, 1, tzinfo=timezone(timedelta(hours=-7)))) == "2022-06-21T08:01:00.000Z"


def test_a_phone_number_is_shown_to_the_issuer_of_its_wallet_and_to_no_administrator() -> None:
    job = a_job(name="createWallet", data={"phoneNumber": "+12025550123", "owner": TARGET}, result={"walletAddress": TARGET})
    assert job_view(job)["data"] == {**job_view(job, "the operators")["data"], "phoneNumber": "+12025550123"}
    assert "2025550123" not in str(job_view(job, "the operators"))


def test_what_a_mined_transaction_made_stands_in_the_job() -> None:
    view = job_view(a_job(name="createToken", result={"tokenAddress": TARGET, "blockNumber": 17}))
    assert {"tokenAddress": TARGET, "blockNumber": 17}.items() <= view["data"].items()


def test_the_total_fee_counts_every_mined_transaction_of_every_attempt() -> None:
    attempts = (
        attempt(outcome=Outcome.OUT_OF_GAS),
        replace(attempt(outcome=Outcome.DISPLACED), receipt=None),
        attempt(outcome=Outcome.CONFIRMED),
    )
    job = a_job(status=Status.SUCCEEDED, attempts=attempts, dropped_fees=5)
    assert job_view(job)["data"]["totalFee"] == str(2 * int(FEE) + 5)
    assert job_view(job)["data"]["txFee"] == FEE


def test_a_pending_job_tells_what_its_earlier_attempts_have_cost_and_a_fresh_one_nothing() -> None:
    assert job_view(a_job(attempts=(attempt(outcome=Outcome.REVERTED),)))["data"]["totalFee"] == FEE
    assert "totalFee" not in job_view(a_job())["data"]
    assert "totalFee" not in job_view(a_job(status=Status.STARTED, attempts=(attempt(),)))["data"]
