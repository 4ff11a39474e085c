"""A job and what it is made of, as the tests of the domain need them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.jobs.model import Attempt, Event, Fees, Job, Purpose, SignedTransaction, Status, TransactionRequest
from chalicelib.jobs.receipts import Receipt
from chalicelib.networks import GWEI

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)
ISSUER = "0x" + "A" * 40
OTHER = "0x" + "B" * 40
TARGET = "0x" + "C" * 40


def pending_job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "job_id": "62b17abc8c26160014940e87",
        "owner": ISSUER,
        "name": "job",
        "status": Status.PENDING,
        "version": 7,
        "network": "fuse",
        "chain_id": 122,
        "account": ISSUER,
        "request": TransactionRequest(TARGET, data=b"data"),
        "fingerprint": "f" * 64,
        "created_at": NOW,
        "updated_at": NOW,
        "history": (Event(NOW, "issued"),),
        "pending_since": NOW,
        "next_check_at": SOON,
    }
    return Job(**(fields | changes))


def transaction(hash_: str, purpose: Purpose = Purpose.ORIGINAL, gwei: int = 21, block: int = 100) -> SignedTransaction:
    return SignedTransaction(hash_, b"raw " + hash_.encode(), Fees(gwei * GWEI, 1 * GWEI), NOW, block, purpose)


def attempt(nonce: int, *hashes: str) -> Attempt:
    """In flight, with these transactions: an original and its replacements."""
    purposes = [Purpose.ORIGINAL, *[Purpose.REPLACEMENT] * (len(hashes) - 1)]
    return Attempt(nonce, 50_000, tuple(transaction(*pair) for pair in zip(hashes, purposes, strict=True)))


def receipt(hash_: str, block: int = 100, succeeded: bool = True) -> Receipt:
    return Receipt(hash_, block, "0xblock", succeeded, 30_000, 11 * GWEI)


def started_job(nonce: int = 7, hashes: tuple[str, ...] = ("0xfirst",), **changes: Any) -> Job:
    fields: dict[str, Any] = {"status": Status.STARTED, "pending_since": None, "attempt_count": 1}
    return pending_job(**(fields | {"attempts": (attempt(nonce, *hashes),)} | changes))


def with_cancel(job: Job, hash_: str = "0xcancel") -> Job:
    last = job.attempt
    cancel = replace(last, transactions=(*last.transactions, transaction(hash_, Purpose.CANCEL)))
    return replace(job, attempts=(*job.attempts[:-1], cancel))
