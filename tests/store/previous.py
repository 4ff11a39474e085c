"""Jobs in every state that a row can tell of, as the previous version stored them: their rows are in `previous_rows.json`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from chalicelib.jobs.endings import confirmed
from chalicelib.jobs.model import Attempt, Event, Failure, Fees, Job, Purpose, SignedTransaction, Status, TransactionRequest
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.states import (
    cancel_requested,
    cancelled,
    failed,
    retried,
    started,
    with_event,
    with_next_check,
    with_transaction,
)
from tests.store.building import ADDRESS, CHAIN_ID, FEES, OTHER_ADDRESS, OWNER, after

ROWS = Path(__file__).with_name("previous_rows.json")
CALL = bytes.fromhex("a9059cbb") + bytes(range(64))


def rows(file: Path = ROWS) -> dict[str, Mapping[str, Any]]:
    """By name, in DynamoDB's own notation; binary values are hex in the file."""
    named: dict[str, Mapping[str, Any]] = json.loads(file.read_text(), object_hook=with_bytes)
    return named


def with_bytes(value: dict[str, Any]) -> dict[str, Any]:
    return {"B": bytes.fromhex(value["B"])} if value.keys() == {"B"} else value


def jobs() -> dict[str, Job]:
    pending = _issued(1, correlation_id="order-1", external_id="invoice")
    signed = started(_issued(2), _attempt(7), after(10), after(70))
    replaced = with_transaction(with_next_check(signed, after(130)), _transaction(8, 40, Purpose.REPLACEMENT), after(40))
    cancelling = with_transaction(cancel_requested(signed, after(30)), _transaction(9, 41, Purpose.CANCEL), after(41))
    succeeded = confirmed(replaced, _receipt(8), after(60))
    refused = failed(_issued(3), Failure("EstimateReverted", "execution reverted: no allowance"), after(5))
    again = retried(refused, after(500), next_check_at=after(560))
    waits = replace(  # without the kind of the reason, as an earlier version put a job off
        with_event(again, after(501), "waiting", "no funds"),
        waits_because="no funds",
        waits_until=after(506),
        waits_for_nonce=12,
        next_check_at=after(566),
    )
    wallet = replace(
        with_event(
            confirmed(started(_issued(4, name="createWallet"), _attempt(7), after(9), after(69)), _receipt(7), after(50)),
            after(900),
            "reorged",
            "block 9 was replaced",
        ),
        data={"phoneNumber": "+4912345678", "expiryTimestamp": 2**53 + 1, "spendabilityIdsArr": ["a", "b"]},
        result={"walletAddress": OTHER_ADDRESS, "blockNumber": 12},
        subject="ab" * 32,
    )
    legacy = _attempt(7, Fees(10**9))
    other = replace(started(_issued(5, network="private", chain_id=31337), legacy, after(10), after(70)), checks=3)
    return {
        "pending": pending,
        "signed": signed,
        "replaced": replaced,
        "cancelling": cancelling,
        "cancelled by its cancel transaction": confirmed(cancelling, _receipt(9), after(80)),
        "cancelled as it was pending": cancelled(pending, after(3)),
        "succeeded": succeeded,
        "failed": refused,
        "retried": again,
        "waits": waits,
        "wallet": wallet,
        "legacy fees on another chain": other,
    }


def _issued(number: int, **fields: Any) -> Job:
    now = after(0)
    basic: dict[str, Any] = {
        "job_id": f"{number:024x}",
        "owner": OWNER,
        "name": "transaction",
        "status": Status.PENDING,
        "version": number,
        "network": "fuse",
        "chain_id": CHAIN_ID,
        "account": ADDRESS,
        "request": TransactionRequest(OTHER_ADDRESS, 10**40, CALL, 90_000, 2**200, after(3_600)),
        "fingerprint": f"{number:064x}",
        "created_at": now,
        "updated_at": now,
        "history": (Event(now, "issued"),),
        "pending_since": now,
        "next_check_at": now + timedelta(seconds=60),
    }
    return Job(**{**basic, **fields})


def _transaction(number: int, seconds: float, purpose: Purpose, fees: Fees = FEES) -> SignedTransaction:
    return SignedTransaction(f"0x{number:064x}", b"\x02" + CALL + bytes([number]), fees, after(seconds), 17, purpose)


def _attempt(number: int, fees: Fees = FEES) -> Attempt:
    return Attempt(7, 21_000, (_transaction(number, 10, Purpose.ORIGINAL, fees),))


def _receipt(number: int) -> Receipt:
    return Receipt(f"0x{number:064x}", 20, f"0x{99:064x}", succeeded=True, gas_used=21_000, effective_gas_price=11 * 10**9)
