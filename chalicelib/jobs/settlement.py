"""What the chain says of a job in flight: the rules of invariants 3, 5 and 8, as one pure function."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.jobs.model import FINAL, Job, Purpose, Receipt, Status

REORGED = "reorged"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was read of one account: together the head, the count at it and the receipts, then what is settled below it."""

    head: int
    mined: int
    """The account's transactions in the newest block: nonces below are used, perhaps not for good."""
    settled: int
    """The same, `confirmations` deep: nonces below are used for good. Others may be, where that decides nothing."""
    receipts: Mapping[str, Receipt]
    """By hash. One that is missing decides nothing: the node may lag."""
    base_fee: int | None = None
    """Of the newest block, in wei, where the chain has base fees."""
    too_large: frozenset[str] = frozenset()
    """Hashes whose receipts are too large to be read now."""


@dataclass(frozen=True, slots=True)
class Settled:
    """This transaction of the attempt is mined, deep enough."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Mined:
    """Mined, but not deep enough yet: so many blocks are missing (at least 1)."""

    blocks_missing: int
    receipt: Receipt | None = None
    """Of the transaction that is mined; None while it is not certain which one that is."""


@dataclass(frozen=True, slots=True)
class NonceSettledElsewhere:
    """The nonce is used for good and no receipt of ours is known. Needs proof of who used it before anything follows."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The nonce is used, and a receipt of ours is too large to be read now. There is nothing to prove: ours used it."""


@dataclass(frozen=True, slots=True)
class Unmined:
    """Nothing of the attempt is known to be mined; it may still be."""


Verdict = Settled | Mined | NonceSettledElsewhere | Unread | Unmined


def judge(job: Job, sight: Sight, confirmations: int) -> Verdict:
    """A transaction in block B is settled when the head is at B + confirmations - 1: then it is `confirmations` deep.

    A receipt alone settles nothing: it may be of a node that still follows blocks a reorg has removed. The count has to agree.
    """
    attempt = job.attempt
    receipt = next((sight.receipts[hash_] for hash_ in attempt.hashes if hash_ in sight.receipts), None)
    if receipt is not None:
        blocks_missing = receipt.block_number + confirmations - 1 - sight.head
        if blocks_missing > 0:
            return Mined(blocks_missing, receipt if attempt.nonce < sight.mined else None)
        if attempt.nonce < sight.settled:
            return Settled(receipt)
    elif attempt.nonce < sight.mined and not sight.too_large.isdisjoint(attempt.hashes):
        return Unread()
    elif attempt.nonce < sight.settled:
        return NonceSettledElsewhere()
    if attempt.nonce < sight.mined:
        return Mined(blocks_missing=1)  # by one of ours whose receipt lags, or by another's: depth will tell
    return Unmined()


def is_to_be_cancelled(job: Job) -> bool:
    """Asked for by the issuer, or given up by us: the nonce has to be freed."""
    return job.status in {Status.CANCEL_REQUESTED, Status.FAILED, Status.CANCELLED} or job.attempt.abandoned is not None


def is_being_cancelled(job: Job) -> bool:
    return job.attempt.latest.purpose is Purpose.CANCEL


def may_be_out_of_gas(job: Job, receipt: Receipt) -> bool:
    """Whether a transaction that reverted may have run out of a gas limit that this service estimated: a replay decides.

    A contract call keeps 1/64 of its gas when the call that it makes runs out (EIP-150). Eight such calls, one inside the
    other, leave about 1/8 of the limit. The issuer's own limit is not ours to raise.
    """
    return job.request.gas is None and not receipt.succeeded and receipt.gas_used * 8 >= job.attempt.gas * 7


def is_taken_back(job: Job) -> bool:
    """Whether a reorg has replaced the block that closed this job, and nothing has settled its nonce since."""
    signed = {"replaced", "cancelSigned"}
    last = next((event.event for event in reversed(job.history) if event.event not in signed), None)
    return job.status in FINAL and bool(job.attempts) and last == REORGED
