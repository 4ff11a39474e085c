"""The next step of a job that has a transaction on its way: one decision, from what the chain shows.

Everything here is pure. `chalicelib.workers.steps` carries the steps out.
"""

from dataclasses import dataclass
from datetime import datetime

from chalicelib.jobs.endings import confirmed, displaced, in_a_row, out_of_gas
from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Failure, Job, Outcome, Purpose, SignedTransaction, Status
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.jobs.pricing import is_taken
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.reorgs import (
    REVERTED_AGAIN,
    confirmed_again,
    displaced_after_reorg,
    earlier_to_free,
    is_safe_to_send,
    stored_transaction,
)
from chalicelib.jobs.results import result_of
from chalicelib.jobs.settlement import (
    ChainView,
    Confirmed,
    Mined,
    NotMined,
    ReceiptTooLarge,
    SettledWithoutReceipt,
    is_being_cancelled,
    is_reorged,
    is_to_be_cancelled,
    judge,
    may_be_out_of_gas,
)
from chalicelib.jobs.states import failed
from chalicelib.networks import Network

REVERT_NOT_READ = "reverted; the reason could not be read from the node in time"
DISPLACED_ATTEMPTS = 5
"""After so many attempts in a row that lost their nonce to another program, the job fails instead of trying again."""


@dataclass(frozen=True, slots=True)
class Close:
    """Store the job as this receipt ends it."""

    receipt: Receipt
    revert_reason: str | None = None
    """Why the transaction reverted. None where it did not."""


@dataclass(frozen=True, slots=True)
class ReplayRevert:
    """Replay the reverted transaction, which tells why it reverted and whether more gas would have helped."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ProveNonceUser:
    """Ask which transaction used the nonce. If it is another program's, the attempt is over; otherwise poll again."""

    hides_result: bool
    """The job shows what it made, and no receipt says so any more."""


@dataclass(frozen=True, slots=True)
class PollLater:
    """Poll again."""

    blocks: int | None = None
    """After so many blocks. None: the longer nothing changes, the later."""
    shows_result_of: Receipt | None = None
    """The job does not show yet what this receipt says that it made."""


@dataclass(frozen=True, slots=True)
class NewTransaction:
    """Another transaction of an attempt: it uses the same nonce, at higher fees."""

    nonce: int
    """Of the job's last attempt, or of an earlier one whose nonce a reorg took back."""
    cancels: bool
    """It is a cancel transaction."""
    give_up: Failure | None = None
    """Why this service gives the attempt up. The job fails with this, once the cancel transaction is mined."""
    refusal: Broadcast | None = None
    """A node's answer to the latest transaction. It may say which fees the node asks for."""


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Sign the new transaction, if one is due, and broadcast what is stored."""

    new: NewTransaction | None
    sends: bool
    """Broadcast what is stored although no new transaction was signed."""
    is_too_cheap: bool = False
    """The next block does not take the transaction at its fees: probably not the account's other transactions either."""
    hides_result: bool = False
    """The job shows what it made, and its transaction is not mined any more."""


Step = Close | ReplayRevert | ProveNonceUser | PollLater | Resubmit


def next_step(job: Job, view: ChainView, network: Network, now: datetime) -> Step:
    """Return the next step of a job that is in flight, or that is final and reorged.

    | the chain shows for the last attempt                        | job in flight          | reorged job                  |
    | ----------------------------------------------------------- | ---------------------- | ---------------------------- |
    | its cancel transaction is mined, deep enough                | Close                  | Close                        |
    | another transaction of it is mined with status 1, deep      | Close                  | Close                        |
    | another transaction of it is mined with status 0, deep      | ReplayRevert           | Close, with the known reason |
    | its nonce is settled, and no receipt of it is known         | ProveNonceUser         | ProveNonceUser               |
    | its receipt is too large to be read now                     | PollLater              | PollLater                    |
    | its nonce is used, not deep enough                          | PollLater, show result | PollLater                    |
    | nothing is mined, nor at the nonce of an earlier attempt    | Resubmit: cancel that  | Resubmit: cancel that        |
    | nothing is mined: it is to be cancelled, and no cancel      | Resubmit: cancel       | Resubmit: cancel             |
    | transaction is signed yet                                   |                        |                              |
    | nothing is mined: its validUntil has passed                 | Resubmit: cancel       | Resubmit: send again         |
    | nothing is mined: the next block does not take its fees     | Resubmit: replace      | Resubmit: replace or cancel  |
    | nothing is mined: it is the account's next, and it is stuck | Resubmit: replace      | Resubmit: send again         |
    | nothing is mined: a block came since it was signed          | Resubmit: send again   | Resubmit: send again         |
    | nothing is mined, and no block came since it was signed     | Resubmit: send nothing | Resubmit: send again         |

    The first row that fits counts. "Replace" means a cancel transaction for an attempt that is being cancelled. With a new
    transaction, what is stored is sent, too.
    """
    is_open = not is_reorged(job)
    match judge(job, view, network.confirmations):
        case Confirmed(receipt):
            return _end(job, receipt)
        case SettledWithoutReceipt():
            return ProveNonceUser(hides_result=is_open and bool(job.result))
        case ReceiptTooLarge():
            return PollLater()
        case Mined(blocks_missing, receipt):
            is_new = is_open and receipt is not None and result_of(job, receipt) != job.result
            return PollLater(blocks_missing, receipt if is_new else None)
        case NotMined():
            return _resubmit(job, view, network, now)


def _end(job: Job, receipt: Receipt) -> Close | ReplayRevert:
    """Return the step for a settled nonce. A cancel transaction frees its nonce whatever its status is."""
    if receipt.succeeded or job.attempt.transaction(receipt.hash).purpose is Purpose.CANCEL:
        return Close(receipt)
    if is_reorged(job):
        return Close(receipt, job.failure.reason if job.failure else REVERTED_AGAIN)
    return ReplayRevert(receipt)


# --- nothing of the attempt is mined -----------------------------------------------------------------------------------


def _resubmit(job: Job, view: ChainView, network: Network, now: datetime) -> Resubmit:
    if is_reorged(job):
        return Resubmit(_new_for_reorged(job, view, network), sends=True)
    return Resubmit(
        new=_new_for_open(job, view, network, now),
        # A transaction that was just signed was just sent: it gets a block's time before it is sent again.
        sends=view.head > job.attempt.latest.signed_at_block,
        is_too_cheap=_is_too_cheap(job.attempt.latest, view, network),
        hides_result=bool(job.result),
    )


def _new_for_open(job: Job, view: ChainView, network: Network, now: datetime) -> NewTransaction | None:
    latest = job.attempt.latest
    is_expired = job.request.valid_until is not None and job.request.valid_until <= now
    # A transaction behind another one of the account waits for that one: a higher price would not help it.
    is_next = job.attempt.nonce <= view.mined_count
    is_stuck = is_next and view.head - latest.signed_at_block >= network.stuck_after_blocks
    is_cancel_due = (is_to_be_cancelled(job) or is_expired) and not is_being_cancelled(job)
    if earlier := _earlier_nonce(job, view, network):
        return earlier
    if not (is_cancel_due or is_stuck or _is_too_cheap(latest, view, network)):
        return None
    expired = Failure(FailCode.EXPIRED, "The transaction was signed in time, but it was not mined by the job's validUntil.")
    return _new(job, expired if is_expired and not is_to_be_cancelled(job) else None)


def _new_for_reorged(job: Job, view: ChainView, network: Network) -> NewTransaction | None:
    """Nothing of a job that failed or was cancelled may happen now: it is replaced by a cancel transaction."""
    if earlier := _earlier_nonce(job, view, network):
        return earlier
    stored = transaction_to_send(job)
    if stored is not None and not _is_too_cheap(stored, view, network):
        return None
    return _new(job, job.failure if job.status is Status.FAILED else None)


def _earlier_nonce(job: Job, view: ChainView, network: Network) -> NewTransaction | None:
    """A cancel transaction for the nonce of an earlier attempt that a reorg took back: it comes before all else."""
    lost = earlier_to_free(job, view.mined_count, lambda fees: is_taken(fees, view.base_fee, network.min_priority_fee))
    return None if lost is None else NewTransaction(lost.nonce, cancels=True)


def _new(job: Job, give_up: Failure | None = None, refusal: Broadcast | None = None) -> NewTransaction:
    cancels = give_up is not None or is_to_be_cancelled(job) or is_being_cancelled(job)
    return NewTransaction(job.attempt.nonce, cancels, give_up, refusal)


def _is_too_cheap(sent: SignedTransaction, view: ChainView, network: Network) -> bool:
    """True if a block came after the transaction was signed, and a block like that does not take it."""
    return view.head > sent.signed_at_block and not is_taken(sent.fees, view.base_fee, network.min_priority_fee)


def transaction_to_send(job: Job) -> SignedTransaction | None:
    """Return the stored transaction to broadcast: of a reorged job, only one that may take effect (invariant 4)."""
    if not is_reorged(job):
        return job.attempt.latest
    stored = stored_transaction(job.attempt)
    return stored if stored is not None and is_safe_to_send(job, job.attempt, stored) else None


def after_refusal(job: Job, answer: Broadcast) -> NewTransaction | None:
    """Return the new transaction that a node's answer to a broadcast asks for at once."""
    if is_reorged(job):
        return None
    if answer.status is BroadcastStatus.UNDERPRICED:
        return _new(job, refusal=answer)
    if answer.status is BroadcastStatus.NEVER_VALID and not is_being_cancelled(job):
        # It would hold up every later nonce of its account: the nonce has to be freed.
        return _new(job, Failure(FailCode.TRANSACTION_REJECTED, f"No node will take the transaction: {answer.message}."))
    return None


# --- the nonce is settled ----------------------------------------------------------------------------------------------


def closed(job: Job, receipt: Receipt, now: datetime, revert_reason: str | None = None) -> Job:
    """Return the job as this receipt ends it: succeeded, failed or cancelled (invariants 4 and 5)."""
    if is_reorged(job):
        return confirmed_again(job, receipt, now, revert_reason)
    return confirmed(job, receipt, now, revert_reason)


def without_replay(job: Job, receipt: Receipt, head: int, *, node_answers: bool, most_blocks: int) -> Close | PollLater:
    """Return the step for a revert that could not be replayed in this run.

    The job is polled again in the next block while a replay may still decide something: whether more gas would have helped, or
    anything at all where the node does not answer. After `most_blocks` it is closed without a reason.
    """
    waits = not node_answers or may_be_out_of_gas(job, receipt)
    if waits and head - receipt.block_number < most_blocks:
        return PollLater(blocks=1)
    return Close(receipt, REVERT_NOT_READ)


def after_replay(
    job: Job, receipt: Receipt, revert_reason: str | None, now: datetime, *, next_check_at: datetime, gas_attempts: int
) -> Job:
    """Return the job after the replay of its reverted transaction. `revert_reason` None: it passes with more gas.

    Then the job is signed anew with a new estimate. It fails after `gas_attempts` such attempts in a row.
    """
    if revert_reason is not None:
        return closed(job, receipt, now, revert_reason)
    moved = out_of_gas(job, receipt, now, next_check_at)
    attempts = in_a_row(moved, Outcome.OUT_OF_GAS)
    if not moved.is_open or attempts < gas_attempts:
        return moved
    reason = (
        f"The transaction ran out of gas in {attempts} attempts in a row, each with a new estimate. "
        f"The last gas limit was {job.attempt.gas}, and {receipt.gas_used} was used."
    )
    return failed(moved, Failure(FailCode.OUT_OF_GAS, reason), now)


def after_proof(job: Job, user: str | None, now: datetime, *, next_check_at: datetime) -> Job | None:
    """Return the job after the look-up of which transaction used its settled nonce. `user` is that transaction's hash.

    None: nothing is proven, because the node cannot tell, or the transaction is one of ours (invariant 8).
    """
    if user is None or user in job.attempt.hashes:
        return None
    if is_reorged(job):
        return displaced_after_reorg(job, now)
    moved = displaced(job, now, next_check_at)
    if moved.is_open and in_a_row(moved, Outcome.DISPLACED) >= DISPLACED_ATTEMPTS:
        reason = f"Another program used the job's nonce {DISPLACED_ATTEMPTS} times in a row."
        return failed(moved, Failure(FailCode.NONCE_USED_ELSEWHERE, reason), now)
    return moved
