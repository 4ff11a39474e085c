"""Execute: estimate, sign, store and broadcast the pending jobs of one account, in the order they were issued.

Everything may die between any two lines. Before `jobs.start` nothing has happened; after it the signed transaction is stored,
and whoever comes next (this message again, confirm, reconcile) broadcasts the same bytes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil

from chalicelib.errors import ChainUnavailable, ConfigurationError, JobsApiError, SignerUnavailable, VersionConflict
from chalicelib.jobs.model import (
    IN_FLIGHT,
    Account,
    Attempt,
    Failure,
    Fees,
    Job,
    SignedTransaction,
    Status,
    UnsignedTransaction,
)
from chalicelib.jobs.model import account_id as account_id_of
from chalicelib.jobs.ports import Call, Estimate, GasEstimate, Head, Revert, Unfunded
from chalicelib.jobs.pricing import limited
from chalicelib.jobs.states import failed, is_resting, started, waiting
from chalicelib.workers.broadcast import broadcast
from chalicelib.workers.delays import by_delay
from chalicelib.workers.funds import pause_if_broke, resumed_if_funded
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

JOBS_PER_ROUND = 50
BYTES_PER_ROUND = 1_000_000
"""What one TransactWriteItems takes here: it holds 100 items and 4 MB, and a job's data comes with its signed copy."""
ROUNDS = 10
LOST_RACES_ALLOWED = 5
LONGEST_WAIT_SECONDS = 60
CHECK_MARGIN = timedelta(seconds=60)
"""How long after signing reconcile looks, if no confirm poll did."""

WAITS_FOR_EARLIER = "its gas estimate reverts while earlier transactions of the account are not settled"


@dataclass(frozen=True, slots=True)
class Postponed:
    """A job that cannot be signed yet, and why."""

    job: Job
    reason: str
    waits_for_nonce: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the account and the chain stood before the estimates were made."""

    account: Account
    head: Head
    first_nonce: int
    settled: int
    fees: Fees
    balance: int


@dataclass(slots=True)
class Sorted:
    """What the estimates of one round say: who can be signed, with which gas limit, and who has to wait."""

    accepted: list[tuple[Job, int]] = field(default_factory=list)
    postponed: list[Postponed] = field(default_factory=list)
    unfunded: bool = False


def execute_jobs(account_id: str, job_ids: Sequence[str], ports: WorkerPorts) -> None:
    """Sign and broadcast what is pending on the account: `job_ids` for sure, others as the index shows them.

    Raises only what another delivery of the message may mend (the table or the queue does not answer).
    """
    broadcast(_left_behind(job_ids, ports), ports)
    lost_races = 0
    for _ in range(ROUNDS):
        pending = _pending(account_id, job_ids, ports)
        if not pending:
            return
        try:
            accepted, postponed = _execute_round(account_id, pending, ports)
        except VersionConflict:
            lost_races += 1
            if lost_races > LOST_RACES_ALLOWED:
                break
            continue  # cancelled meanwhile, or another worker took the nonces: read again and yield to what is true
        except (ChainUnavailable, SignerUnavailable, ConfigurationError) as error:
            accepted, postponed = False, [_put_off(job, error.message) for job in pending]
        if not accepted:  # whoever waits only for those just sent gets another round first
            _postpone(account_id, postponed, ports)
        if not accepted and len(postponed) == len(pending) < JOBS_PER_ROUND:  # else some have failed, or did not fit into it
            return
    ports.queue.execute_later(account_id, job_ids, delay_seconds=1)


def _left_behind(job_ids: Sequence[str], ports: WorkerPorts) -> list[Job]:
    """Jobs that a worker stored, and then died: to be sent again. Not those that another message's run signed just now."""
    a_block_ago = ports.clock() - timedelta(seconds=ports.network.block_seconds)
    in_flight = [job for job in ports.jobs.load(job_ids) if job.status in IN_FLIGHT]
    return [job for job in in_flight if job.attempt.latest.signed_at <= a_block_ago]


def _pending(account_id: str, job_ids: Sequence[str], ports: WorkerPorts) -> list[Job]:
    """The account's pending jobs as they are now, in the order they were issued (invariant 11)."""
    now = ports.clock()
    rows = ports.jobs.load([*job_ids, *ports.jobs.pending_of(account_id, JOBS_PER_ROUND)])
    # Whose a job is the row says, not the message (invariant 9).
    own = [job for job in rows if account_id_of(job.chain_id, job.account) == account_id]
    pending = [job for job in own if job.status is Status.PENDING and not is_resting(job, now)]
    return sorted(pending, key=lambda job: (job.pending_since or job.created_at, job.job_id))[:JOBS_PER_ROUND]


def _execute_round(account_id: str, pending: Sequence[Job], ports: WorkerPorts) -> tuple[bool, list[Postponed]]:
    """Sign, store and broadcast what can be; returns whether there was any, and who has to wait."""
    account = ports.accounts.get(account_id)
    if account is None:
        raise ConfigurationError(f"The account {account_id} is not set up.")
    alive = _fail_expired(pending, ports)
    head = ports.chain.head()
    account = resumed_if_funded(account, head, ports)
    if account.paused is not None:
        return False, [_put_off(job, f"the account is paused: {account.paused}") for job in alive]
    mined = ports.chain.transaction_count(account.address)
    settled = ports.chain.transaction_count(account.address, max(0, head.number - ports.network.confirmations + 1))
    first_nonce = max(account.next_nonce or 0, mined)  # the chain is ahead where the key is used elsewhere, too
    room = max(0, ports.network.max_in_flight - (first_nonce - mined))
    chosen = _within_bytes(alive[:room])
    crowded = [_put_off(job, "the account has as many transactions in flight as the network takes") for job in alive[room:]]
    fees, balance = ports.chain.fees(head), ports.chain.balance(account.address)
    estimates = ports.chain.estimate([Call.of(account.address, job.request) for job in chosen])
    standing = Standing(account, head, first_nonce, settled, fees, balance)
    result = _sort(chosen, estimates, standing, ports)
    if result.unfunded and not result.accepted:
        pause_if_broke(account, head, ports)
    signed = _sign(result.accepted, standing, ports) if result.accepted else []
    if signed:
        broadcast(ports.jobs.start(account, first_nonce + len(signed), signed), ports)
    return bool(signed), [*result.postponed, *crowded]


def _fail_expired(pending: Sequence[Job], ports: WorkerPorts) -> list[Job]:
    """The jobs that may still be signed; the others have failed, with nothing of them on chain."""
    now = ports.clock()
    alive: list[Job] = []
    for job in pending:
        valid_until = job.request.valid_until
        if valid_until is not None and valid_until <= now:
            ports.jobs.save(failed(job, Failure("Expired", "It was not signed by its validUntil."), now))
        else:
            alive.append(job)
    return alive


def _within_bytes(jobs: Sequence[Job]) -> list[Job]:
    total = 0
    chosen: list[Job] = []
    for job in jobs:
        total += 2 * len(job.request.data) + 2_000
        if chosen and total > BYTES_PER_ROUND:
            break
        chosen.append(job)
    return chosen


def _sort(jobs: Sequence[Job], estimates: Sequence[Estimate], standing: Standing, ports: WorkerPorts) -> Sorted:
    """What each estimate means for its job."""
    result = Sorted()
    funds = standing.balance
    for job, estimate in zip(jobs, estimates, strict=True):
        match estimate:
            case GasEstimate(gas):
                most = job.request.value + gas * limited(standing.fees, job.request.max_fee_per_gas).max_fee_per_gas
                if most <= funds:
                    funds -= most
                    result.accepted.append((job, gas))
                else:  # signed, it would hold its nonce, and with it every later job, until the account is funded
                    result.unfunded = True
                    result.postponed.append(_put_off(job, f"the account's funds do not cover it: it may take {most} wei"))
            case Revert(reason):
                if result.accepted or result.postponed or ports.jobs.has_earlier_waiting(job):
                    # One of those may be what it needs, and which nonce they will have is not known yet.
                    result.postponed.append(Postponed(job, WAITS_FOR_EARLIER, waits_for_nonce=None))
                elif standing.settled < (taken := _nonces_taken_before(job, standing.first_nonce)):
                    result.postponed.append(Postponed(job, WAITS_FOR_EARLIER, waits_for_nonce=taken))
                else:
                    ports.jobs.save(failed(job, Failure("EstimateReverted", reason), ports.clock()))
            case Unfunded(reason):
                result.unfunded = True
                result.postponed.append(_put_off(job, f"the account's funds do not cover it: {reason}"))
            case _:
                result.postponed.append(_put_off(job, f"the node could not estimate it: {estimate.reason}"))
    return result


def _nonces_taken_before(job: Job, first_nonce: int) -> int:
    """Invariant 11: below which nonce everything must be settled before a revert of this job is believed.

    Those taken when it was first seen to revert with no earlier job of the account still pending: all that it can depend on has
    its nonce by then, and later jobs cannot put the answer off for ever. Never one that nobody has taken.
    """
    return first_nonce if job.waits_for_nonce is None else min(job.waits_for_nonce, first_nonce)


def _put_off(job: Job, reason: str) -> Postponed:
    """It cannot be looked at now: what is known of it stays."""
    return Postponed(job, reason, job.waits_for_nonce)


def _sign(accepted: Sequence[tuple[Job, int]], standing: Standing, ports: WorkerPorts) -> list[Job]:
    """Each job with a new attempt at the next nonce. Nothing is taken yet: that happens when they are stored."""
    signer = ports.signers.of(standing.account)
    signed: list[Job] = []
    for job, gas in accepted:
        now = ports.clock()
        request = job.request
        offered = limited(standing.fees, request.max_fee_per_gas)
        nonce = standing.first_nonce + len(signed)
        unsigned = UnsignedTransaction(job.chain_id, nonce, request.to, request.value, request.data, gas, offered)
        try:
            transaction_hash, raw = signer.sign(unsigned)
        except JobsApiError:
            raise
        except Exception:
            # Whatever is wrong with this one job must not hold back the account. Nothing of it exists on chain.
            log.exception("a job could not be signed", extra={"jobId": job.job_id})
            ports.jobs.save(failed(job, Failure("InternalError", "The transaction could not be built."), now))
            continue
        attempt = Attempt(nonce, gas, (SignedTransaction(transaction_hash, raw, offered, now, standing.head.number),))
        soon = now + CHECK_MARGIN / 2
        next_check_at = job.next_check_at if job.next_check_at and job.next_check_at > soon else now + CHECK_MARGIN
        signed.append(started(job, attempt, now, next_check_at))
    return signed


def _postpone(account_id: str, postponed: Sequence[Postponed], ports: WorkerPorts) -> None:
    """Write down why jobs wait and until when, and come back then: exponentially later, and no sooner for anybody else."""
    delays: dict[str, int] = {}
    for wait in postponed:
        now = ports.clock()
        delay = min(ceil(ports.network.block_seconds) * 2 ** min(wait.job.checks, 6), LONGEST_WAIT_SECONDS)
        until = now + timedelta(seconds=delay)
        waits = waiting(
            wait.job, now, until, wait.reason, next_check_at=until + CHECK_MARGIN, waits_for_nonce=wait.waits_for_nonce
        )
        try:
            ports.jobs.save(waits)
        except VersionConflict:
            continue  # cancelled, or another worker's: not ours to postpone any more
        delays[wait.job.job_id] = delay
    for delay_seconds, due in by_delay(delays):
        ports.queue.execute_later(account_id, due, delay_seconds)
