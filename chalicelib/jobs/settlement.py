"""What the chain shows of a job in flight: the rules of invariants 3, 5 and 8, as pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.jobs.model import FINAL, Attempt, Job, Purpose, Status
from chalicelib.jobs.receipts import Receipt

REORGED = "reorged"


@dataclass(frozen=True, slots=True)
class ChainView:
    """What the chain shows of the transactions of one account. It is read from one node at a time."""

    head: int
    """The number of the newest block."""
    mined_count: int
    """The account's mined transactions up to the newest block. Lower nonces are used; a reorg may still undo that."""
    settled_count: int
    """The account's mined transactions up to the newest block that is deep enough. Lower nonces are settled. The count may be
    too low where it decides nothing.
    """
    receipts: Mapping[str, Receipt]
    """By transaction hash. A missing receipt decides nothing, because the node may lag (invariant 8)."""
    base_fee: int | None = None
    """Of the newest block, in wei. None on a chain without base fees."""
    too_large: frozenset[str] = frozenset()
    """Hashes of mined transactions whose receipts are too large to be read now."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """This transaction of the attempt is mined, deep enough."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Mined:
    """The nonce is used, but not deep enough yet."""

    blocks_missing: int
    """Until it is deep enough; at least 1."""
    receipt: Receipt | None = None
    """Of the attempt's transaction that is mined. None while it is not certain which one that is."""


@dataclass(frozen=True, slots=True)
class SettledWithoutReceipt:
    """The nonce is settled, and no receipt of the attempt is known. Proof of which transaction used it has to come first."""


@dataclass(frozen=True, slots=True)
class ReceiptTooLarge:
    """A transaction of the attempt used the nonce, and its receipt is too large to be read now."""


@dataclass(frozen=True, slots=True)
class NotMined:
    """No transaction of the attempt is known to be mined. One may still be mined later."""


Verdict = Confirmed | Mined | SettledWithoutReceipt | ReceiptTooLarge | NotMined


def judge(job: Job, view: ChainView, confirmations: int) -> Verdict:
    """Return what the chain shows of the job's last attempt.

    A transaction in block B is deep enough from head B + confirmations - 1 on. A receipt alone proves nothing: a node may still
    follow blocks that a reorg has removed. The count of the account's transactions has to agree.
    """
    attempt = job.attempt
    receipt = mined_receipt(attempt, view)
    if receipt is not None:
        blocks_missing = receipt.block_number + confirmations - 1 - view.head
        if blocks_missing > 0:
            return Mined(blocks_missing, receipt if attempt.nonce < view.mined_count else None)
        if attempt.nonce < view.settled_count:
            return Confirmed(receipt)
    elif attempt.nonce < view.mined_count and not view.too_large.isdisjoint(attempt.hashes):
        return ReceiptTooLarge()
    elif attempt.nonce < view.settled_count:
        return SettledWithoutReceipt()
    if attempt.nonce < view.mined_count:
        return Mined(blocks_missing=1)  # by one of ours whose receipt lags, or by another program's: depth will tell
    return NotMined()


def mined_receipt(attempt: Attempt, view: ChainView) -> Receipt | None:
    """Return the receipt of the attempt's transaction that is mined, if the node shows one."""
    return next((view.receipts[hash_] for hash_ in attempt.hashes if hash_ in view.receipts), None)


def newest_deep_block(head: int, confirmations: int) -> int:
    """Return the number of the newest block that is deep enough."""
    return head - confirmations + 1


def is_to_be_cancelled(job: Job) -> bool:
    """True if the nonce has to be freed: the issuer asked for it, or the service gave the transaction up."""
    return job.status in {Status.CANCEL_REQUESTED, Status.FAILED, Status.CANCELLED} or job.attempt.abandoned is not None


def is_being_cancelled(job: Job) -> bool:
    """True if the latest transaction of the attempt is a cancel transaction."""
    return job.attempt.latest.purpose is Purpose.CANCEL


def may_be_out_of_gas(job: Job, receipt: Receipt) -> bool:
    """True if a reverted transaction may have run out of a gas limit that this service estimated. A replay decides.

    A contract call keeps 1/64 of its gas when the call that it makes runs out (EIP-150). Eight such calls, one inside the
    other, leave about 1/8 of the limit. A gas limit that the issuer set is not raised.
    """
    return job.request.gas is None and not receipt.succeeded and receipt.gas_used * 8 >= job.attempt.gas * 7


def is_reorged(job: Job) -> bool:
    """True if a reorg has replaced the block that closed this final job, and its nonce is not settled again yet."""
    signed = {"replaced", "cancelSigned"}
    last = next((event.event for event in reversed(job.history) if event.event not in signed), None)
    return job.status in FINAL and bool(job.attempts) and last == REORGED
