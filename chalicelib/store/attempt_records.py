"""Converts a job's attempts and history to parts of its item and back. Neither repeats what the other says.

Times are seconds after the job was issued, to the microsecond. The detail of a history event often names a transaction of an
attempt. Then the item holds the number of that transaction, counted over all attempts from 0, in place of the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.jobs.model import Attempt, Event, Failure, Fees, Outcome, Purpose, SignedTransaction
from chalicelib.jobs.receipts import Receipt
from chalicelib.store.attributes import Item, hash_from, hash_value, optional_int, optional_wei, unless, wei_value, without_none

SHORTEST_DATA_LEFT_OUT = 32
"""In bytes. Leaving out shorter call data would save nothing."""
NOT_SETTLED = "none"
ISSUED = "issued"
_MICROSECOND = timedelta(microseconds=1)


# --- attempts ----------------------------------------------------------------------------------------------------------


def attempt_item(attempt: Attempt, issued_at: datetime, call_data: bytes = b"") -> Item:
    """Return the item of an attempt. The raw transactions leave out `call_data`, because the request holds it."""
    outcome = attempt.outcome.value if attempt.outcome else NOT_SETTLED
    return without_none(
        {
            "nonce": attempt.nonce,
            "gas": attempt.gas,
            "transactions": [_transaction_item(transaction, issued_at, call_data) for transaction in attempt.transactions],
            "abandoned": attempt.abandoned and asdict(attempt.abandoned),
            "outcome": unless(_usual_outcome(attempt.receipt), outcome),
            "receipt": attempt.receipt and _receipt_item(attempt.receipt, attempt.latest.hash),
        }
    )


def attempt_from(item: Item, issued_at: datetime, call_data: bytes | None = None) -> Attempt:
    """Return the attempt of an item. `call_data` is that of the request. Rows of format 1 repeat it in the raw bytes."""
    transactions = tuple(_transaction_from(transaction, issued_at, call_data) for transaction in item["transactions"])
    receipt = _receipt_from(item["receipt"], transactions[-1].hash) if "receipt" in item else None
    outcome = item.get("outcome", _usual_outcome(receipt))
    return Attempt(
        nonce=int(item["nonce"]),
        gas=int(item["gas"]),
        transactions=transactions,
        abandoned=Failure(**item["abandoned"]) if "abandoned" in item else None,
        outcome=None if outcome == NOT_SETTLED else Outcome(outcome),
        receipt=receipt,
    )


def _usual_outcome(receipt: Receipt | None) -> str:
    if receipt is None:
        return NOT_SETTLED
    return Outcome.CONFIRMED.value if receipt.succeeded else Outcome.REVERTED.value


def _transaction_item(transaction: SignedTransaction, issued_at: datetime, call_data: bytes) -> Item:
    return without_none(
        {
            "hash": hash_value(transaction.hash),
            "raw": _raw_item(transaction.raw, call_data) or None,
            "maxFee": wei_value(transaction.fees.max_fee_per_gas),
            "tip": optional_wei(transaction.fees.max_priority_fee_per_gas),
            "at": _seconds(issued_at, transaction.signed_at),
            "block": transaction.signed_at_block,
            "purpose": unless(Purpose.ORIGINAL, transaction.purpose.value),
        }
    )


def _transaction_from(item: Item, issued_at: datetime, call_data: bytes | None) -> SignedTransaction:
    return SignedTransaction(
        hash=hash_from(item["hash"]),
        raw=_raw_from(item.get("raw", b""), call_data),
        fees=Fees(int(item["maxFee"]), optional_int(item.get("tip"))),
        signed_at=_time(issued_at, item["at"]),
        signed_at_block=int(item["block"]),
        purpose=Purpose(item.get("purpose", Purpose.ORIGINAL)),
    )


def _raw_item(raw: bytes, call_data: bytes) -> bytes | list[bytes]:
    """Return the raw bytes. Where they contain the call data: the list of the bytes before it and the bytes after it."""
    if len(call_data) < SHORTEST_DATA_LEFT_OUT:
        return raw
    before, found, after = raw.partition(call_data)
    return [before, after] if found else raw


def _raw_from(value: Any, call_data: bytes | None) -> bytes:
    """Return the raw bytes from what `_raw_item` returned."""
    if not isinstance(value, list):
        return bytes(value)
    before, after = value
    return bytes(before) + bytes(call_data or b"") + bytes(after)


def _receipt_item(receipt: Receipt, latest_hash: str) -> Item:
    return without_none(
        {
            "hash": unless(latest_hash, receipt.hash) and hash_value(receipt.hash),
            "block": receipt.block_number,
            "blockHash": hash_value(receipt.block_hash),
            "succeeded": unless(True, receipt.succeeded),
            "gasUsed": receipt.gas_used,
            "gasPrice": wei_value(receipt.effective_gas_price),
            "contractAddress": receipt.contract_address,
        }
    )


def _receipt_from(item: Item, latest_hash: str) -> Receipt:
    return Receipt(
        hash=hash_from(item["hash"]) if "hash" in item else latest_hash,
        block_number=int(item["block"]),
        block_hash=hash_from(item["blockHash"]),
        succeeded=item.get("succeeded", True),
        gas_used=int(item["gasUsed"]),
        effective_gas_price=int(item["gasPrice"]),
        contract_address=item.get("contractAddress"),
    )


# --- history -----------------------------------------------------------------------------------------------------------


def history_item(history: Sequence[Event], attempts: Sequence[Attempt], issued_at: datetime) -> Item:
    """`history` is what came after the issue, which every row tells; one that begins otherwise is there whole."""
    is_usual = bool(history) and history[0] == Event(issued_at, ISSUED)
    lines = [_line(event, attempts, issued_at) for event in (history[1:] if is_usual else history)]
    return {"history": lines or None} if is_usual else {"wholeHistory": lines}


def history_from(item: Item, attempts: Sequence[Attempt], issued_at: datetime) -> tuple[Event, ...]:
    if "wholeHistory" in item:
        return tuple(_event_from(line, attempts, issued_at) for line in item["wholeHistory"])
    return Event(issued_at, ISSUED), *(_event_from(line, attempts, issued_at) for line in item.get("history", []))


def _line(event: Event, attempts: Sequence[Attempt], issued_at: datetime) -> list[Any]:
    """Return [seconds, event] or [seconds, event, detail]. The detail is a text, or the number of a transaction."""
    line: list[Any] = [_seconds(issued_at, event.at), event.event]
    if event.detail is None:
        return line
    number = next((n for n, named in enumerate(_named(event.event, attempts)) if named == event.detail), None)
    return [*line, event.detail if number is None else number]


def _event_from(line: Sequence[Any], attempts: Sequence[Attempt], issued_at: datetime) -> Event:
    at, event, *details = line
    detail = details[0] if details else None
    if detail is not None and not isinstance(detail, str):
        detail = list(_named(event, attempts))[int(detail)]
    return Event(_time(issued_at, at), event, detail)


def _named(event: str, attempts: Sequence[Attempt]) -> Iterator[str]:
    """Yield, for each transaction of the attempts, the detail that `chalicelib.jobs.states` gives such an event.

    Do not change these texts: stored rows refer to them by number. If the states get another wording, such a detail is stored
    as text, and this function stays as it is.
    """
    for attempt in attempts:
        for transaction in attempt.transactions:
            match event:
                case "signed":
                    yield f"nonce {attempt.nonce}, {transaction.hash}"
                case "mined" | "succeeded" if attempt.receipt is not None:
                    yield f"block {attempt.receipt.block_number}, {transaction.hash}"
                case _:
                    yield transaction.hash


# --- times -------------------------------------------------------------------------------------------------------------


def _seconds(issued_at: datetime, at: datetime) -> int | Decimal:
    microseconds = (at - issued_at) // _MICROSECOND
    seconds, rest = divmod(microseconds, 10**6)
    return Decimal(microseconds).scaleb(-6).normalize() if rest else seconds


def _time(issued_at: datetime, seconds: Decimal) -> datetime:
    return issued_at + int(seconds.scaleb(6)) * _MICROSECOND
