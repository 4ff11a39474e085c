"""Job, Attempt, Account and what they are made of: immutable values. `chalicelib.jobs.states` has the transitions.

Amounts are int wei, times are aware UTC datetimes, addresses are EIP-55 checksummed, hashes are 0x + 64 lower-case hex digits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chalicelib.jobs.in_flight import InFlight, with_signed
from chalicelib.jobs.order import order
from chalicelib.jobs.receipts import Receipt


class Status(StrEnum):
    """The state of a job that clients see (design: section 6)."""

    PENDING = "pending"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCEL_REQUESTED = "cancelRequested"
    CANCELLED = "cancelled"


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})
IN_FLIGHT = frozenset({Status.STARTED, Status.CANCEL_REQUESTED})
RETRYABLE = frozenset({Status.FAILED, Status.CANCELLED})


class Purpose(StrEnum):
    """What a signed transaction of an attempt is for."""

    ORIGINAL = "original"
    REPLACEMENT = "replacement"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """How the nonce of an attempt was settled."""

    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    CANCELLED = "cancelled"
    DISPLACED = "displaced"  # another program's transaction took the nonce
    OUT_OF_GAS = "outOfGas"  # it reverted because the gas limit that this service had estimated was too low


class WaitCode(StrEnum):
    """Why a pending job is not signed yet. Clients see these codes in `waitsFor`, so they stay stable."""

    ACCOUNT_PAUSED = "accountPaused"  # by an operator
    ACCOUNT_MISSING = "accountMissing"
    FUNDS_TOO_LOW = "fundsTooLow"  # they do not cover this job, or any transaction of the account
    EARLIER_TRANSACTIONS = "earlierTransactions"  # its estimate reverts; earlier transactions are not settled
    FEE_LIMIT_TOO_LOW = "feeLimitTooLow"  # its maxFeePerGas is below what the next block can take
    TOO_MANY_IN_FLIGHT = "tooManyInFlight"
    ESTIMATE_FAILED = "estimateFailed"  # the node gave no answer to its estimate that can be believed
    ESTIMATE_TOO_SLOW = "estimateTooSlow"  # its estimate, asked for alone, takes too long or is too large
    CHAIN_UNAVAILABLE = "chainUnavailable"
    SIGNER_UNAVAILABLE = "signerUnavailable"
    ROW_REFUSED = "rowRefused"  # the table does not take its row
    NOT_CONFIGURED = "notConfigured"
    CONTRACT_TOO_NEW = "contractTooNew"  # a shared account calls a contract whose creator is not certain yet
    OTHER = "other"  # an earlier version of this service put the job off: its row has no code


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers per gas, in wei. Without a priority fee it is the gas price of a legacy transaction."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int | None = None

    @property
    def is_legacy(self) -> bool:
        return self.max_priority_fee_per_gas is None


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """The transaction that the issuer asked for. Without `to` it deploys a contract."""

    to: str | None
    value: int = 0
    data: bytes = b""
    gas: int | None = None
    max_fee_per_gas: int | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnsignedTransaction:
    chain_id: int
    nonce: int
    to: str | None
    value: int
    data: bytes
    gas: int
    fees: Fees


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """One signed transaction of an attempt. `raw` are the bytes that are broadcast, and `hash` is keccak256(raw)."""

    hash: str
    raw: bytes = field(repr=False)
    fees: Fees
    signed_at: datetime
    signed_at_block: int
    purpose: Purpose = Purpose.ORIGINAL


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a job: one nonce of one account, with every transaction that was signed for it (invariant 3)."""

    nonce: int
    gas: int
    transactions: tuple[SignedTransaction, ...]
    abandoned: "Failure | None" = None
    """Why this service gave the attempt up. The job fails with this once a cancel transaction has freed the nonce."""
    outcome: Outcome | None = None
    receipt: Receipt | None = None

    @property
    def latest(self) -> SignedTransaction:
        return self.transactions[-1]

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(transaction.hash for transaction in self.transactions)

    def transaction(self, hash_: str) -> SignedTransaction:
        """Return the attempt's transaction with this hash. Raises StopIteration if it has none."""
        return next(transaction for transaction in self.transactions if transaction.hash == hash_)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a job's history."""

    at: datetime
    event: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed: a stable code, and a sentence."""

    code: str
    """A `FailCode`. A row that another version of this service wrote may have a code that this version does not know."""
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of asynchronous work. `version` counts its writes: each is on condition of the one before (invariant 7)."""

    job_id: str
    owner: str
    name: str
    status: Status
    version: int
    network: str
    chain_id: int
    account: str
    request: TransactionRequest
    fingerprint: str
    created_at: datetime
    updated_at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    """What the issuer asked for. Its fields depend on the job's name. Only the owner sees it."""
    subject: str | None = None
    """An index key: the hash of a phone number, or the owner of a token. It is never shown."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """What the mined transaction made, by its receipt: `tokenAddress`, `walletAddress` or `contractAddress`, with
    `blockNumber`; or `amountReceived`, if it differs from the amount that was asked for.
    """
    correlation_id: str | None = None
    external_id: str | None = None
    attempts: tuple[Attempt, ...] = ()
    attempt_count: int = 0
    dropped_fees: int = 0
    """Wei that settled attempts cost that are no longer among `attempts`."""
    history: tuple[Event, ...] = ()
    unsaved: tuple[Event, ...] = field(default=(), compare=False, repr=False)
    """The events of the history that are not stored yet. A job that was just read or written has none."""
    fail_count: int = 0
    failure: Failure | None = None
    failed_at: datetime | None = None
    last_finished_at: datetime | None = None
    pending_since: datetime | None = None
    """When it was issued or last retried. The account's jobs take effect in this order (invariant 11)."""
    next_check_at: datetime | None = None
    """When ReconcileJobs nudges it (invariant 6). A fresh job has none; another open job has one until it is final."""
    checks: int = 0
    """How often it was put off or nudged since it was issued, retried or signed. This is the exponent of its back-off."""
    waits_because: str | None = None
    """Why a pending job is not signed yet, as a sentence."""
    waits_code: WaitCode | None = None
    """The code of that reason. Rows that an earlier version wrote have none."""
    waits_since: datetime | None = None
    """Since when it waits for reasons with this code, without another code in between."""
    waits_until: datetime | None = None
    """The end of its rest. A nudge was sent that arrives then."""
    waits_for_nonce: int | None = None
    """Its estimate reverted. The revert is believed once every nonce below this one is settled (invariant 11)."""

    @property
    def is_open(self) -> bool:
        return self.status not in FINAL

    @property
    def is_fresh(self) -> bool:
        """True if it is open and has no next check yet: only its own nudges move it on."""
        return self.is_open and self.next_check_at is None

    @property
    def open_since(self) -> datetime:
        """When it was issued or, after that, last retried."""
        return next((event.at for event in reversed(self.history) if event.event == "retried"), self.created_at)

    @property
    def issued_order(self) -> str:
        """Its place among the account's jobs, in the order they were issued."""
        return order(self.created_at, self.job_id)

    @property
    def creation(self) -> str | None:
        """The address of the contract that it made: an ERC-20 token, a wallet, or a contract that its transaction deployed."""
        names = ("tokenAddress", "walletAddress", "contractAddress")
        return next((self.result[name] for name in names if self.result.get(name)), None)

    @property
    def attempt(self) -> Attempt:
        """The attempt in flight, or the last one."""
        return self.attempts[-1]

    @property
    def total_fee(self) -> int:
        """Wei that all its mined transactions cost: also those that reverted, and cancel transactions."""
        return self.dropped_fees + sum(attempt.receipt.fee for attempt in self.attempts if attempt.receipt is not None)


@dataclass(frozen=True, slots=True)
class Account:
    """A signing account. `key` says where its key is: `kms:<key id>` or `secret:<id>[#<derivation path>]`.

    `next_nonce` is None before the account's first transaction, whose nonce is the chain's own count. `signed_to`, `swept_to`
    and `swept_again_to` are places in the order of its jobs (`JobStore.issued_on`). They only move forward; None is the start.
    """

    chain_id: int
    address: str
    key: str
    owner: str | None = None
    role: str | None = None
    next_nonce: int | None = None
    paused: str | None = None
    bridge_type: str = "home"
    description: str | None = None
    app_name: str | None = None
    created_at: datetime | None = None
    allows_value: bool = False
    """Whether the issuers of a shared account may send coins with it. It never changes."""
    signed_to: str | None = None
    """The newest job ever signed for it. The search for jobs to sign begins after it. Older jobs come by their own nudges."""
    swept_to: str | None = None
    """The first sweep has seen every job up to here. Each of them is final or has a next check."""
    swept_again_to: str | None = None
    """The second sweep has seen every job up to here, also those that a lagging index did not show the first time."""
    in_flight: tuple[InFlight, ...] = ()
    """What each owner of a shared account has in flight. It is written together with the nonces."""

    @property
    def is_shared(self) -> bool:
        """True if it is an account of a pool: it signs for every issuer whose JWT has its role."""
        return self.owner is None and self.role is not None

    @property
    def account_id(self) -> str:
        """`chainId:address`: the key of the accounts table and the message group of the account's jobs."""
        return account_id(self.chain_id, self.address)

    def having_signed(self, next_nonce: int, jobs: Sequence[Job]) -> "Account":
        """Return the account as it is after `JobStore.start` has stored these signed jobs."""
        newest = max(job.issued_order for job in jobs)
        signed = [(job.owner, job.attempt.nonce, job.attempt.gas) for job in jobs] if self.is_shared else ()
        in_flight = with_signed(self.in_flight, signed) if signed else self.in_flight
        return replace(self, next_nonce=next_nonce, signed_to=max(self.signed_to or newest, newest), in_flight=in_flight)


def account_id(chain_id: int, address: str) -> str:
    return f"{chain_id}:{address}"
