"""The protocols of queues, chain and signers. `queues` and `chain` implement them, and tests have fakes of them.

A fake passes the same contract tests as the real adapter.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from chalicelib.jobs.model import Account, Fees, Job, SignedTransaction, TransactionRequest, UnsignedTransaction
from chalicelib.jobs.receipts import Receipt

Clock = Callable[[], datetime]


# --- queues ------------------------------------------------------------------------------------------------------------


class Queue(Protocol):
    """Sends nudges: ids and a command (invariant 9). A lost nudge delays a job, and never loses it."""

    def execute(self, jobs: Sequence[Job]) -> None:
        """Ask the execute worker for these pending jobs at once: one message a job, grouped by account."""

    def execute_now(self, account_id: str, job_ids: Sequence[str]) -> None:
        """Send a delayed message on to the execute worker, when its delay is over."""

    def execute_later(self, account_id: str, job_ids: Sequence[str], delay_seconds: int) -> None:
        """Ask the execute worker for these jobs of the account, and its other pending jobs, after a delay."""

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
    """The node gave no answer for this item that can be believed."""

    reason: str
    alone: bool = False
    """This item, asked for alone, takes too long or has too large an answer, while the node answers others."""
    answered: bool = True
    """The node answered this item. False: the node did not come to it, or the answer was lost."""


Estimate = GasEstimate | Revert | Unfunded | Unavailable


class BroadcastStatus(StrEnum):
    """What a node's answer to eth_sendRawTransaction means for us; rpc-errors table in `chalicelib.chain.rpc.classify`."""

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
    minimum_fee: int | None = None
    """Wei per gas that the node asks for in its refusal, tip and base fee together, where its text says so."""
    minimum_tip: int | None = None
    """The priority fee that it asks for, in wei per gas."""


@dataclass(frozen=True, slots=True)
class AccountView:
    """What the chain shows of an account before it signs: nonce, funds and fees, with an estimate for each call.

    It is read together, from a node that does not lag.
    """

    head: Head
    fees: Fees
    """What a transaction should offer now, within the network's floor and cap."""
    mined_count: int
    """The account's mined transactions up to the newest block. This is the lowest nonce that none of them has used."""
    balance: int
    """Wei at the newest block."""
    spendable: int
    """Wei that are left when the account's pending transactions are mined, as far as the node tells."""
    next_base_fee: int | None = None
    """The base fee of the next block, in wei; None on a chain without base fees."""
    gas_price: int | None = None
    """On a chain without base fees: the gas price that the node asks for, in wei, whatever the network's cap is."""
    block_gas_limit: int | None = None
    """Of the newest block. None where the node does not tell."""
    estimates: tuple[Estimate, ...] = ()
    """One for each call, in order, simulated on the pending state."""


@dataclass(frozen=True, slots=True)
class CanonicalBlock:
    """A block of the canonical chain, and the account's mined transactions up to it."""

    hash: str
    mined_count: int | None
    """The account's mined transactions up to this block, its own included. None: the node does not have the block's state."""
    at: datetime | None = None
    """The block's own time."""


@dataclass(frozen=True, slots=True)
class TransactionsView:
    """What one node shows of an account's transactions. It is read together, from a node that does not lag."""

    head: int
    """The newest block's number."""
    mined_count: int
    """The account's mined transactions up to the newest block."""
    receipts: Mapping[str, Receipt]
    """By hash, of the transactions that are mined. A missing receipt decides nothing (invariant 8)."""
    blocks: Mapping[int, CanonicalBlock]
    """By number, of the blocks that were asked for, as far as the node tells."""
    base_fee: int | None = field(default=None, compare=False)
    """Of the newest block, in wei, where the chain has base fees."""
    too_large: frozenset[str] = frozenset()
    """Hashes whose receipts the node has and that are too large, or too slow, to be read now."""


class Code(StrEnum):
    """What code an address has."""

    NONE = "none"
    WALLET = "wallet"  # of the stage's own factory
    OTHER = "other"


class Chain(Protocol):
    """One node or several. Every method raises ChainUnavailable rather than guess."""

    def head(self) -> Head: ...

    def account_view(self, address: str, calls: Sequence[Call]) -> AccountView: ...

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        """Simulate each against the pending state. One answer a call, in order."""

    def balances(self, addresses: Sequence[str]) -> dict[str, int]:
        """Wei that each has at the newest block, in one request. All of them or, with ChainUnavailable, none."""

    def transaction_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        """Mined transactions of each up to the newest block, in one request. All of them or, with ChainUnavailable, none."""

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[Broadcast]:
        """Send the raw bytes in one JSON-RPC batch. Never raises for a node's refusal; one answer a transaction, in order."""

    def transactions_view(self, address: str, hashes: Sequence[str], blocks: Collection[int] = ()) -> TransactionsView: ...

    def canonical_blocks(self, address: str, numbers: Collection[int]) -> dict[int, CanonicalBlock]:
        """Return those of these blocks that exist on the canonical chain, each with the count of `address`.

        The node tells the count of at least one of them.
        """

    def receipts(self, hashes: Sequence[str]) -> dict[str, Receipt]:
        """Return the receipts of the transactions that are mined. A missing receipt decides nothing (invariant 8)."""

    def block_hash(self, number: int) -> str | None:
        """Return the hash of the canonical block with this number. None if it does not exist yet."""

    def user_of_nonce(self, address: str, nonce: int, block_number: int) -> str | None:
        """Return the hash of the account's transaction that used this nonce, mined at or before the block.

        If an authorization used the nonce (EIP-7702), return the hash of its block. None if the node cannot tell.
        """

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        """Return the checksummed contracts that the transaction calls, also through the service's wallets. Asks no node."""

    def code_at(self, addresses: Sequence[str], depth: int) -> dict[str, Code]:
        """Return the code of each address, `depth` blocks below the newest one, as far as a node tells.

        An address that is left out may have code.
        """

    def revert_reason(self, call: Call, block_number: int) -> str:
        """Replay a mined revert on the state it met and decode why; a sentence saying so when it cannot be told."""

    def passes_with_more_gas(self, call: Call, block_number: int) -> bool:
        """Replay a mined revert on the state it met, without its gas limit: whether it passes then."""


class Signer(Protocol):
    """Signs for one account. The key stays inside."""

    @property
    def address(self) -> str: ...

    def sign(self, transaction: UnsignedTransaction) -> tuple[str, bytes]:
        """(hash, raw) of the signed transaction: type 2 (EIP-1559), or legacy (EIP-155) where fees are legacy; low-s (EIP-2).

        Raises SignerUnavailable when the key service does not answer.
        """

    def sign_each(self, transactions: Sequence[UnsignedTransaction]) -> "list[tuple[str, bytes] | Exception]":
        """Return one outcome a transaction, in order: what `sign` returns, or the error of this transaction.

        A JobsApiError is an error of the key or its service. From the first one on, every outcome is that error: what was
        signed behind it is of no use, because nonces have no gaps.
        """


class Signers(Protocol):
    def of(self, account: Account) -> Signer:
        """Raises ConfigurationError when the account's key cannot be used or is not the address's."""
