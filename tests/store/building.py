"""Jobs and accounts as the domain makes them."""

import hashlib
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.jobs.ids import fingerprint
from chalicelib.jobs.model import (
    Account,
    Attempt,
    Event,
    Failure,
    Fees,
    Job,
    SignedTransaction,
    Status,
    TransactionRequest,
)
from chalicelib.jobs.states import cancelled, failed, started

T0 = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CHAIN_ID = 122
ADDRESS = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # the examples of EIP-55
OTHER_ADDRESS = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
ACCOUNT_ID = f"{CHAIN_ID}:{ADDRESS}"
OWNER = "issuer-one"
OTHER_OWNER = "issuer-two"
FEES = Fees(22 * 10**9, 2 * 10**9)

_numbers = itertools.count(1)


def after(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def new_job_id() -> str:
    """A new one each time; their order is not that of their making, and every shard gets some."""
    return hashlib.sha256(next(_numbers).to_bytes(8, "big")).hexdigest()[:24]


def pending_job(seconds: float = 0, **fields: Any) -> Job:
    """A job as it is issued, `seconds` after T0."""
    now = after(seconds)
    basic: dict[str, Any] = {
        "job_id": new_job_id(),
        "owner": OWNER,
        "name": "transaction",
        "status": Status.PENDING,
        "version": 1,
        "network": "fuse",
        "chain_id": CHAIN_ID,
        "account": ADDRESS,
        "request": TransactionRequest(OTHER_ADDRESS, value=1),
        "fingerprint": fingerprint({}),
        "created_at": now,
        "updated_at": now,
        "history": (Event(now, "issued"),),
        "pending_since": now,
    }
    return Job(**{**basic, **fields})


def attempt(nonce: int, raw: bytes = b"\x02signed", now: datetime = T0) -> Attempt:
    return Attempt(nonce, 21_000, (SignedTransaction(f"0x{nonce:064x}", raw, FEES, now, 17),))


def signed_job(job: Job, nonce: int, raw: bytes = b"\x02signed") -> Job:
    """pending → started, not stored yet: what `start` is given."""
    return started(job, attempt(nonce, raw), after(10), next_check_at=after(70))


def failed_job(seconds: float, code: str = "EstimateReverted", **fields: Any) -> Job:
    """A job that failed `seconds` after T0."""
    return failed(pending_job(**fields), Failure(code, "execution reverted: no allowance"), after(seconds))


def cancelled_job(seconds: float, **fields: Any) -> Job:
    return cancelled(pending_job(**fields), after(seconds))


def account(next_nonce: int | None = None, **fields: Any) -> Account:
    basic: dict[str, Any] = {"chain_id": CHAIN_ID, "address": ADDRESS, "key": "kms:one", "created_at": T0}
    return replace(Account(**{**basic, **fields}), next_nonce=next_nonce)
