"""What the domain needs from outside, as protocols: `store`, `queues` and `chain` implement them, tests have fakes of them.

A fake obeys the same contract tests as the real adapter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chalicelib.jobs.model import (
    Account,
    Fees,
    Job,
    Receipt,
    SignedTransaction,
    Status,
    TransactionRequest,
    UnsignedTransaction,
)

Clock = Callable[[], datetime]


# --- store -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Page:
    """One page of jobs. `cursor` is None on the last one; otherwise the position after the last job looked at."""

    jobs: tuple[Job, ...]
    cursor: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FailedQuery:
    """Which failed (or cancelled) jobs to find. `owner` None means every owner's (admins)."""

    status: Status = Status.FAILED
    owner: str | None = None
    name: str | None = None
    code: str | None = None
    after: datetime | None = None
    before: datetime | None = None


class JobStore(Protocol):
    def issue(self, job: Job) -> Job | None:
        """Put a new job if its id is free. Returns None when stored, else the job that already has the id."""

    def get(self, job_id: str) -> Job | None:
        """Strongly consistent read."""

    def load(self, job_ids: Iterable[str]) -> list[Job]:
        """Strongly consistent read of many; unknown ids are left out, order is that of the ids."""

    def save(self, job: Job) -> Job:
        """Write `job` if its stored version is still `job.version`; returns it with the version it now has.

        Raises VersionConflict when somebody else wrote first.
        """

    def start(self, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        """One TransactWriteItems (invariant 2): the account's nextNonce moves from what `account` says to `next_nonce`, and
        every job (already carrying its signed attempt) is written at its version. All or nothing.

        Raises VersionConflict when the account or any job was changed meanwhile; then nothing was written.
        """

    def find_by_correlation_id(self, correlation_id: str) -> list[Job]:
        """Jobs of any owner with this correlationId, by the GSI (eventually consistent)."""

    def find_by_external_id(self, external_id: str, owner: str | None) -> list[Job]:
        """Jobs with this externalId: of `owner`, or of every owner when None."""

    def list_jobs(
        self, owner: str | None, status: Status | None, name: str | None, limit: int, cursor: Mapping[str, str] | None
    ) -> Page:
        """Newest first; of `owner`, or of every owner when None."""

    def find_failed(self, query: FailedQuery, limit: int, cursor: Mapping[str, str] | None) -> Page:
        """Failed or cancelled jobs, oldest failure first."""

    def pending_of(self, account_id: str, limit: int) -> list[str]:
        """Ids of the account's pending jobs that do not wait, in the order they were issued (eventually consistent)."""

    def has_earlier_waiting(self, job: Job) -> bool:
        """Whether a job of the same account that was issued earlier is pending and waits (eventually consistent)."""

    def count_pending(self, account_id: str, at_most: int) -> int:
        """How many jobs of the account are pending, waiting or not (eventually consistent); `at_most` when there are more."""

    def find_by_subject(self, name: str, subject: str, limit: int) -> list[Job]:
        """Jobs of this name about this subject, of any owner, newest first (eventually consistent)."""

    def find_by_creation(self, address: str) -> list[Job]:
        """Jobs whose result is the contract at this address, newest first (eventually consistent)."""

    def due(self, now: datetime, limit: int) -> list[Job]:
        """Open jobs whose nextCheckAt has passed (eventually consistent; keys are looked up again consistently)."""


class AccountStore(Protocol):
    def get(self, account_id: str) -> Account | None:
        """Strongly consistent read."""

    def put(self, account: Account) -> bool:
        """Put a new account if it does not exist yet; False when it does."""

    def pause(self, account: Account, reason: str | None) -> Account:
        """Pause the account for `reason`, or resume it (None), if it still is as `account` says; jobs are kept.

        Raises VersionConflict when somebody else paused or resumed it meanwhile.
        """

    def of_role(self, chain_id: int, role: str) -> list[Account]:
        """The pool: accounts of the role that belong to nobody, by address (eventually consistent; rows are read anew)."""

    def all(self) -> list[Account]: ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A block that was final at `at`."""

    number: int
    block_hash: str
    at: datetime


class CheckpointStore(Protocol):
    def read(self, chain_id: int) -> list[Checkpoint]:
        """Oldest first; none at first."""

    def write(self, chain_id: int, checkpoints: Sequence[Checkpoint]) -> None:
        """Replace them. The last writer wins: what is written is true whoever writes it."""


# --- queues ------------------------------------------------------------------------------------------------------------


class Queue(Protocol):
    """Nudges (invariant 9): ids and a command. Losing one delays a job, never loses it."""

    def execute(self, jobs: Sequence[Job]) -> None:
        """Ask the execute worker for these pending jobs at once: one message a job, grouped by account."""

    def execute_now(self, account_id: str, job_ids: Sequence[str]) -> None:
        """What a delayed message becomes when its time has come."""

    def execute_later(self, account_id: str, job_ids: Sequence[str], delay_seconds: int) -> None:
        """Ask the execute worker for these jobs of the account, and whatever else is pending on it, after a delay."""

    def confirm(self, job_ids: Sequence[str], delay_seconds: int) -> None:
        """Ask the confirm worker for these jobs after a delay (0–900 s)."""


# --- chain -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block: its number and, where the chain has one (EIP-1559), its base fee in wei."""

    number: int
    base_fee: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """A transaction to simulate."""

    sender: str
    to: str | None
    value: int
    data: bytes
    gas: int | None = None

    @classmethod
    def of(cls, sender: str, request: TransactionRequest) -> "Call":
        return cls(sender, request.to, request.value, request.data, request.gas)


@dataclass(frozen=True, slots=True)
class GasEstimate:
    gas: int


@dataclass(frozen=True, slots=True)
class Revert:
    """A simulation that reverted. `reason` is a decoded sentence; `data` the raw revert data, empty when the node gave none."""

    reason: str
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Unfunded:
    """The sender's balance does not cover value or gas."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No answer that can be believed for this item: nothing is known."""

    reason: str


Estimate = GasEstimate | Revert | Unfunded | Unavailable


class BroadcastStatus(StrEnum):
    """What a node's answer to eth_sendRawTransaction means for us; rpc-errors table in `chalicelib.chain.classify`."""

    ACCEPTED = "accepted"
    KNOWN = "known"  # in a pool, mined, or refused earlier in this block: proves nothing more
    NONCE_TOO_LOW = "nonceTooLow"  # the nonce is consumed, perhaps by this very transaction
    NONCE_TOO_HIGH = "nonceTooHigh"
    UNDERPRICED = "underpriced"
    REPLACEMENT_UNDERPRICED = "replacementUnderpriced"
    UNFUNDED = "unfunded"
    POOL_FULL = "poolFull"
    NEVER_VALID = "neverValid"  # malformed, wrong chain, intrinsic gas, gas above the block's: no node will ever take it
    THROTTLED = "throttled"
    UNKNOWN = "unknown"  # anything else: the transaction may or may not be in a pool


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One answer to one broadcast. `message` is the node's text, cleaned for logs."""

    status: BroadcastStatus
    message: str = ""


class Chain(Protocol):
    """A node, or several. Everything here raises ChainUnavailable rather than guess."""

    def head(self) -> Head: ...

    def fees(self, head: Head) -> Fees:
        """What a transaction should offer now, within the network's floor and cap."""

    def balance(self, address: str) -> int:
        """Wei at the newest block."""

    def transaction_count(self, address: str, block_number: int | None = None) -> int:
        """Mined transactions of `address` up to the block (the newest when None): the lowest unused nonce there."""

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        """Simulate each against the pending state. One answer a call, in order."""

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[Broadcast]:
        """Send the raw bytes in one JSON-RPC batch. Never raises for a node's refusal; one answer a transaction, in order."""

    def receipts(self, hashes: Sequence[str]) -> dict[str, Receipt]:
        """Receipts of those that are mined. Absence from the result decides nothing (invariant 8)."""

    def block_hash(self, number: int) -> str | None:
        """Of the block at this height on the chain followed now; None where there is none yet."""

    def user_of_nonce(self, address: str, nonce: int, block_number: int) -> str | None:
        """Hash of the transaction that used this nonce, mined at or before the block; None when the node cannot tell."""

    def revert_reason(self, call: Call, block_number: int) -> str:
        """Replay a mined revert on the state it met and decode why; a sentence saying so when it cannot be told."""


class Signer(Protocol):
    """Signs for one account. The key stays inside."""

    @property
    def address(self) -> str: ...

    def sign(self, transaction: UnsignedTransaction) -> tuple[str, bytes]:
        """(hash, raw) of the signed transaction: type 2 (EIP-1559), or legacy (EIP-155) where fees are legacy; low-s (EIP-2).

        Raises SignerUnavailable when the key service does not answer.
        """


class Signers(Protocol):
    def of(self, account: Account) -> Signer:
        """Raises ConfigurationError when the account's key cannot be used or is not the address's."""
