"""Job, Attempt and what they are made of: immutable values, changed only by `chalicelib.jobs.states`.

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
    """The coarse state a client sees (design: section 6)."""

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
    """Why a pending job is not signed yet. Clients see these in `waitsFor`; they stay stable."""

    ACCOUNT_PAUSED = "accountPaused"  # by an operator
    ACCOUNT_MISSING = "accountMissing"
    FUNDS_TOO_LOW = "fundsTooLow"  # for this job, or for any transaction of the account
    EARLIER_TRANSACTIONS = "earlierTransactions"  # its estimate reverts while earlier ones are not signed or not settled
    FEE_LIMIT_TOO_LOW = "feeLimitTooLow"  # its maxFeePerGas is below what the next block can take
    TOO_MANY_IN_FLIGHT = "tooManyInFlight"
    ESTIMATE_FAILED = "estimateFailed"  # the node gave no answer to its estimate that can be believed
    ESTIMATE_TOO_SLOW = "estimateTooSlow"  # its estimate, asked for alone, takes too long or answers too much
    CHAIN_UNAVAILABLE = "chainUnavailable"
    SIGNER_UNAVAILABLE = "signerUnavailable"
    ROW_REFUSED = "rowRefused"  # the table does not take its row
    NOT_CONFIGURED = "notConfigured"
    CONTRACT_TOO_NEW = "contractTooNew"  # a shared account calls a contract whose creator is not certain yet
    OTHER = "other"  # a job that an earlier version put off: its row has the reason alone


@dataclass(frozen=True, slots=True)
class Fees:
    """What a transaction offers per unit of gas, in wei. Without a priority fee it is a legacy transaction's gas price."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int | None = None

    @property
    def is_legacy(self) -> bool:
        return self.max_priority_fee_per_gas is None


@dataclass(frozen=True, slots=True)
class TransactionRequest:
    """What the issuer asked for. No `to` deploys a contract."""

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
    """One signed payload of an attempt. `raw` is what is broadcast, always these very bytes; `hash` = keccak256(raw)."""

    hash: str
    raw: bytes = field(repr=False)
    fees: Fees
    signed_at: datetime
    signed_at_block: int
    purpose: Purpose = Purpose.ORIGINAL


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a job: one nonce of one account, with every transaction ever signed for it (invariant 3)."""

    nonce: int
    gas: int
    transactions: tuple[SignedTransaction, ...]
    abandoned: "Failure | None" = None
    """Set when we give the transaction up: once a cancel transaction has freed its nonce, the job fails with this."""
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
    """A dated line of a job's history."""

    at: datetime
    event: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed: a stable code, and a sentence with the decoded reason."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """One unit of asynchronous work: the row of the jobs table. `version` counts its writes (invariant 7)."""

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
    """What was asked for, in the words of the job's name; shown to its owner."""
    subject: str | None = None
    """What the job is about, as an index key: a hash of a phone number, the owner of a token. Never shown."""
    result: Mapping[str, Any] = field(default_factory=dict)
    """What the mined transaction made, from its receipt: `tokenAddress`, `walletAddress` or `contractAddress`, and
    `blockNumber`. `amountReceived`, where it differs from the amount asked for.
    """
    correlation_id: str | None = None
    external_id: str | None = None
    attempts: tuple[Attempt, ...] = ()
    attempt_count: int = 0
    dropped_fees: int = 0
    """Wei paid by settled attempts that are no longer among `attempts`."""
    history: tuple[Event, ...] = ()
    unsaved: tuple[Event, ...] = field(default=(), compare=False, repr=False)
    """Those of the history that the store has not seen yet. No row has them: what is read or was written has none."""
    stored: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """The row it was read from, in the store's form and for its use alone: None where it was not read, or written since."""
    fail_count: int = 0
    failure: Failure | None = None
    failed_at: datetime | None = None
    last_finished_at: datetime | None = None
    pending_since: datetime | None = None
    """When it was issued or last retried: the order in which the account's jobs take effect (invariant 11)."""
    next_check_at: datetime | None = None
    """When reconcile looks at it, if nobody else did before (invariant 6). A fresh job has none: the sweep of its account
    finds it by its age. Once an open job has one, it keeps one until it is final.
    """
    checks: int = 0
    """How often it was put off or nudged since it was issued, retried or signed: the exponent of its back-off."""
    waits_because: str | None = None
    """Why a pending job is not signed yet, as a sentence."""
    waits_code: WaitCode | None = None
    """The kind of that reason. Rows that an earlier version wrote have none."""
    waits_since: datetime | None = None
    """Since when it waits for reasons of this kind, without one of another kind in between."""
    waits_until: datetime | None = None
    """Until then it rests: whoever made it wait has sent a nudge that arrives afterwards."""
    waits_for_nonce: int | None = None
    """Its estimate reverted: believed only once every nonce below this one is settled (invariant 11)."""

    @property
    def is_open(self) -> bool:
        return self.status not in FINAL

    @property
    def is_fresh(self) -> bool:
        """Open, and so young that nobody but its own nudges looks after it yet."""
        return self.is_open and self.next_check_at is None

    @property
    def open_since(self) -> datetime:
        """When it was issued or, after that, last retried."""
        return next((event.at for event in reversed(self.history) if event.event == "retried"), self.created_at)

    @property
    def issued_order(self) -> str:
        """Its place in the order in which the account's jobs were issued."""
        return order(self.created_at, self.job_id)

    @property
    def creation(self) -> str | None:
        """The address of the contract it made: of an ERC-20 token, a wallet, or one that its transaction deployed."""
        names = ("tokenAddress", "walletAddress", "contractAddress")
        return next((self.result[name] for name in names if self.result.get(name)), None)

    @property
    def attempt(self) -> Attempt:
        """The attempt in flight, or the last one."""
        return self.attempts[-1]

    @property
    def total_fee(self) -> int:
        """Wei that all its mined transactions have cost: those that succeeded, those that reverted, cancel transactions."""
        return self.dropped_fees + sum(attempt.receipt.fee for attempt in self.attempts if attempt.receipt is not None)


@dataclass(frozen=True, slots=True)
class Account:
    """A signing account. `key` says where its key is (`kms:<key id>` or `secret:<id>[#<derivation path>]`), never what it is.

    `next_nonce` is None until the account's first transaction: then it starts from the chain's own count. The three places in
    the order of its jobs (`JobStore.issued_on`) only ever move forward; None is the beginning.
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
    """Whether its issuers may send coins with it, where it is shared. Set when the account is made, and never changed."""
    signed_to: str | None = None
    """The newest job ever signed for it: who looks for jobs to sign begins after it. Older ones come by their own nudges."""
    swept_to: str | None = None
    """Up to here no open job is fresh any more: reconcile has seen each, and looks after those that it found open."""
    swept_again_to: str | None = None
    """The same, later: up to here it has looked a second time, for what an index that lagged had kept from the first look."""
    in_flight: tuple[InFlight, ...] = ()
    """Of a shared account: what was signed for each owner. Written with the nonces, and so never older than they are."""

    @property
    def is_shared(self) -> bool:
        """It is a pool's: it signs for every issuer whose token has its role."""
        return self.owner is None and self.role is not None

    @property
    def account_id(self) -> str:
        """`chainId:address`: the key of the accounts table and the message group of the account's jobs."""
        return account_id(self.chain_id, self.address)

    def having_signed(self, next_nonce: int, jobs: Sequence[Job]) -> "Account":
        """The account after `JobStore.start` has stored these signed jobs."""
        newest = max(job.issued_order for job in jobs)
        signed = [(job.owner, job.attempt.nonce, job.attempt.gas) for job in jobs] if self.is_shared else ()
        in_flight = with_signed(self.in_flight, signed) if signed else self.in_flight
        return replace(self, next_nonce=next_nonce, signed_to=max(self.signed_to or newest, newest), in_flight=in_flight)


def account_id(chain_id: int, address: str) -> str:
    return f"{chain_id}:{address}"
