"""Execute: estimate, sign, store and broadcast the pending jobs of one account, in the order they were issued.

Everything may die between any two lines. Before `jobs.start` nothing has happened; after it the signed transaction is stored,
and whoever comes next (this message again, confirm, reconcile) broadcasts the same bytes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil

from chalicelib.errors import ChainUnavailable, ConfigurationError, SignerUnavailable, VersionConflict, WriteRefused
from chalicelib.jobs.model import IN_FLIGHT, RETRYABLE, Account, Failure, Job
from chalicelib.jobs.ports import Call, GasEstimate, Outlook, Revert, Unfunded
from chalicelib.jobs.pricing import limited
from chalicelib.jobs.states import failed, waiting
from chalicelib.workers.backlog import Backlog, read_jobs
from chalicelib.workers.broadcast import broadcast
from chalicelib.workers.delays import by_delay, first_look_seconds
from chalicelib.workers.funds import UNFUNDED, pause_if_broke, resumed_if_funded
from chalicelib.workers.isolation import log_isolated
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.sign import CHECK_MARGIN, sign_jobs
from chalicelib.workers.storing import put_refused_off, save_failed, store_signed

log = logging.getLogger(__name__)

ROUNDS = 30
RUN_SECONDS = 12
"""No round begins later in a run: the function has 30, and a round's requests have time-outs."""
LOST_RACES_ALLOWED = 5
LONGEST_WAIT_SECONDS = 60
LEFT_BEHIND_BLOCKS = 2
"""How many blocks after the first look at a transaction was due nobody has looked: whoever sent it has died, if it was sent."""

WAITS_FOR_EARLIER = "its gas estimate reverts while earlier transactions of the account are not settled"


@dataclass(frozen=True, slots=True)
class Postponed:
    """A job that cannot be signed yet, and why."""

    job: Job
    reason: str
    waits_for_nonce: int | None


@dataclass(frozen=True)
class Standing:
    """How the account and the chain stood when the estimates were made."""

    account: Account
    outlook: Outlook
    ports: WorkerPorts

    @property
    def first_nonce(self) -> int:
        """The chain is ahead where the key is used elsewhere, too."""
        return max(self.account.next_nonce or 0, self.outlook.mined)

    @cached_property
    def settled(self) -> int:
        """Nonces below are used for good, as of the head that was seen with the estimates. Few rounds need to know."""
        head = self.outlook.head.number
        # Below the head in any case: nodes work on the requests of a batch at the same time, and a block may come in between.
        deep_enough = max(0, head - max(self.ports.network.confirmations - 1, 1))
        block = self.ports.chain.standing_blocks(self.account.address, [deep_enough]).get(deep_enough)
        return (block.mined or 0) if block else 0


@dataclass(slots=True)
class Round:
    """What became of a round's jobs: who can be signed, with which gas limit, and who has to wait. The others have failed."""

    account: Account
    accepted: list[tuple[Job, int]] = field(default_factory=list)
    postponed: list[Postponed] = field(default_factory=list)
    """For what may be another in the next round: one of those that are signed now may be what they need."""
    crowded_out: list[Postponed] = field(default_factory=list)
    behind: list[Job] = field(default_factory=list)
    """Signed behind a job whose row is refused, so at nonces that are not theirs: to be signed anew, in the next round."""
    unfunded: bool = False
    signed: bool = False


def execute_jobs(account_id: str, job_ids: Sequence[str], ports: WorkerPorts) -> None:
    """Sign and broadcast what is pending on the account: `job_ids` for sure, others as the index shows them.

    Raises only what another delivery of the message may mend (the table or the queue does not answer).
    """
    named = read_jobs(job_ids, ports, unlikely=RETRYABLE)
    broadcast(_left_behind(named, ports), ports)
    backlog = Backlog(account_id, named, ports)
    if not backlog:
        return None  # they were signed with an earlier message's, or rest
    ports.bursts.gather(account_id, len(backlog))
    account: Account | None = None
    lost_races = 0
    last_round_by = ports.clock() + timedelta(seconds=RUN_SECONDS)
    for _ in range(ROUNDS):
        if ports.clock() > last_round_by:
            break
        account = account or ports.accounts.get(account_id)
        if account is None:
            return _postpone(account_id, _all_put_off(backlog.rest(), f"The account {account_id} is not set up."), ports)
        jobs = backlog.next_round(account)
        if not jobs:
            return None
        try:
            done = _execute_round(account, jobs, ports)
        except VersionConflict:
            backlog.put_back(jobs)
            account = None
            lost_races += 1
            if lost_races > LOST_RACES_ALLOWED:
                break
            backlog.read_again()  # cancelled meanwhile, or another worker took the nonces: yield to what is true
            continue
        except (ChainUnavailable, SignerUnavailable, ConfigurationError) as error:
            return _postpone(account_id, _all_put_off([*jobs, *backlog.rest()], error.message), ports)
        account = done.account
        backlog.put_back(done.behind)
        if done.signed:  # whoever waits only for those just sent gets another round first
            backlog.put_back(wait.job for wait in done.postponed)
            _postpone(account_id, done.crowded_out, ports)
        else:
            _postpone(account_id, [*done.postponed, *done.crowded_out], ports)
    rest = backlog.rest() or (backlog.next_round(account) if account else [])
    if rest:
        ports.queue.execute_later(account_id, [job.job_id for job in rest], delay_seconds=1)
    return None


def _left_behind(jobs: Sequence[Job], ports: WorkerPorts) -> list[Job]:
    """Jobs that a worker stored, and then died: to be sent again. Not those that are being looked after: most messages name
    jobs that were signed with others a moment ago.
    """
    patience = first_look_seconds(ports.network) + LEFT_BEHIND_BLOCKS * ports.network.block_seconds
    signed_before = ports.clock() - timedelta(seconds=patience)
    return [job for job in jobs if job.status in IN_FLIGHT and job.attempt.latest.signed_at <= signed_before]


def _execute_round(account: Account, jobs: Sequence[Job], ports: WorkerPorts) -> Round:
    """Sign, store and broadcast what can be."""
    alive = _fail_expired(jobs, ports)
    if not alive:
        return Round(account)
    if account.paused not in (None, UNFUNDED):
        return _paused(account, alive)
    outlook = ports.chain.outlook(account.address, [Call.of(account.address, job.request) for job in alive])
    account = resumed_if_funded(account, outlook, ports)
    if account.paused is not None:
        return _paused(account, alive)
    standing = Standing(account, outlook, ports)
    room = max(0, ports.network.max_in_flight - (standing.first_nonce - outlook.mined))
    done = _sort(alive[:room], standing, ports)
    done.crowded_out = _all_put_off(alive[room:], "the account has as many transactions in flight as the network takes")
    if done.unfunded and not done.accepted:
        done.account = pause_if_broke(account, outlook, ports)
    signed = sign_jobs(done.accepted, account, standing.first_nonce, outlook, ports) if done.accepted else []
    if signed:
        stored = store_signed(account, standing.first_nonce, signed, ports)
        unsigned = {job.job_id: job for job, _ in done.accepted}
        done.behind = [unsigned[job_id] for job_id in stored.behind]
        if stored.started:
            broadcast(stored.started, ports)
            next_nonce = standing.first_nonce + len(stored.started)
            done.account, done.signed = account.having_signed(next_nonce, stored.started), True
            ports.bursts.signed(account.account_id, len(stored.started))
        put_refused_off(account.account_id, [unsigned[job_id] for job_id in stored.refused], ports)
    return done


def _fail_expired(jobs: Sequence[Job], ports: WorkerPorts) -> list[Job]:
    """The jobs that may still be signed; the others have failed, with nothing of them on chain."""
    now = ports.clock()
    alive: list[Job] = []
    for job in jobs:
        valid_until = job.request.valid_until
        if valid_until is not None and valid_until <= now:
            save_failed(failed(job, Failure("Expired", "It was not signed by its validUntil."), now), ports)
        else:
            alive.append(job)
    return alive


def _sort(jobs: Sequence[Job], standing: Standing, ports: WorkerPorts) -> Round:
    """What each estimate means for its job."""
    outlook = standing.outlook
    result = Round(standing.account)
    funds = outlook.spendable
    for job, estimate in zip(jobs, outlook.estimates, strict=False):
        match estimate:
            case GasEstimate(gas):
                most = job.request.value + gas * limited(outlook.fees, job.request.max_fee_per_gas).max_fee_per_gas
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
                    save_failed(failed(job, Failure("EstimateReverted", reason), ports.clock()), ports)
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


def _paused(account: Account, jobs: Sequence[Job]) -> Round:
    return Round(account, postponed=_all_put_off(jobs, f"the account is paused: {account.paused}"))


def _all_put_off(jobs: Sequence[Job], reason: str) -> list[Postponed]:
    return [_put_off(job, reason) for job in jobs]


def _put_off(job: Job, reason: str) -> Postponed:
    """It cannot be looked at now: what is known of it stays."""
    return Postponed(job, reason, job.waits_for_nonce)


def _postpone(account_id: str, postponed: Sequence[Postponed], ports: WorkerPorts) -> None:
    """Write down why jobs wait and until when, and come back then: exponentially later, and no sooner for anybody else."""
    if not postponed:
        return
    now = ports.clock()
    delays = [min(ceil(ports.network.block_seconds) * 2 ** min(wait.job.checks, 6), LONGEST_WAIT_SECONDS) for wait in postponed]
    waits = [_waiting(wait, now, now + timedelta(seconds=delay)) for wait, delay in zip(postponed, delays, strict=True)]
    due: dict[str, int] = {}
    for outcome, delay in zip(ports.jobs.save_each(waits), delays, strict=True):
        if isinstance(outcome, VersionConflict):
            continue  # cancelled, or another worker's: not ours to postpone any more
        if isinstance(outcome, WriteRefused):
            for job_id in outcome.job_ids:
                log_isolated("a job could not be postponed", job_id, outcome)
            continue
        if isinstance(outcome, Exception):
            raise outcome
        due[outcome.job_id] = delay
    for delay_seconds, job_ids in by_delay(due):
        ports.queue.execute_later(account_id, job_ids, delay_seconds)


def _waiting(wait: Postponed, now: datetime, until: datetime) -> Job:
    next_check_at = until + CHECK_MARGIN
    return waiting(wait.job, now, until, wait.reason, next_check_at=next_check_at, waits_for_nonce=wait.waits_for_nonce)
