"""Sort the jobs of a round by their gas estimates: a job is signed, waits, goes into the next round, or fails."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from chalicelib.jobs.fail_codes import FailCode
from chalicelib.jobs.model import Account, Failure, Job, WaitCode
from chalicelib.jobs.ports import AccountView, GasEstimate, Revert, Unavailable, Unfunded
from chalicelib.jobs.pricing import limited
from chalicelib.jobs.states import failed
from chalicelib.workers.pending import place
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.shares import Shares
from chalicelib.workers.storing import save_failed
from chalicelib.workers.waits import Wait, has_waited, put_off

REVERTS_BEFORE_JOBS = "the gas estimate reverts, and earlier jobs of the account are not signed yet"
NO_ROOM = "the account already has as many transactions in flight as the network takes"
REVERTS_BEFORE_TRANSACTIONS = "the gas estimate reverts, and earlier transactions of the account are not settled yet"


@dataclass(frozen=True)
class RoundContext:
    """The account and the chain at the time of the round's estimates."""

    account: Account
    account_view: AccountView
    ports: WorkerPorts

    @property
    def first_nonce(self) -> int:
        """The nonce of the first job that is signed. The chain is ahead of the row if another program uses the key, too."""
        return max(self.account.next_nonce or 0, self.account_view.mined_count)

    @property
    def room(self) -> int:
        """How many more transactions of the account the network takes."""
        return max(0, self.ports.network.max_in_flight - (self.first_nonce - self.account_view.mined_count))

    @property
    def least_price(self) -> int:
        """The wei per gas that a transaction has to offer so that the next block takes it."""
        if self.account_view.next_base_fee is None:
            return self.account_view.gas_price or 0
        network = self.ports.network
        return max(self.account_view.next_base_fee, network.min_base_fee) + network.min_priority_fee

    @cached_property
    def settled_count(self) -> int:
        """Lower nonces are settled, at the head that was read with the estimates. It is read only when it is needed."""
        head = self.account_view.head.number
        # Below the head in any case: a node answers the requests of a batch at the same time, and a block may come in between.
        deep_enough = max(0, head - max(self.ports.network.confirmations - 1, 1))
        block = self.ports.chain.canonical_blocks(self.account.address, [deep_enough]).get(deep_enough)
        return (block.mined_count or 0) if block else 0


@dataclass(slots=True)
class RoundResult:
    """What became of a round's jobs. A job in none of the lists has failed, or another worker or request has changed it."""

    account: Account
    shares: Shares | None = None
    """Which owners are full. None if the round ended before that was known."""
    accepted: list[tuple[Job, int]] = field(default_factory=list)
    """Jobs to sign, each with its gas limit."""
    next_round: list[Wait] = field(default_factory=list)
    """Jobs that wait only if this round signs nothing. Otherwise they get another round: they may need it."""
    waits: list[Wait] = field(default_factory=list)
    """Jobs that wait, whatever this round signs."""
    unreached: list[Job] = field(default_factory=list)
    """Jobs that the next round takes as they are. The node did not come to their estimate, or to that of an earlier job of
    their owner. Or they were signed behind a job that was not stored, so their nonces have changed.
    """
    busy: bool = False
    """The node still works on estimates that were cut off. No other round of this run would get its estimates."""
    unfunded: bool = False
    signed: bool = False
    stopped: bool = False
    """Another worker or request has changed a job of this round, so jobs are signed in the next round."""

    @property
    def for_next_round(self) -> list[Job]:
        return [wait.job for wait in self.next_round] if self.signed or self.stopped else []

    @property
    def to_postpone(self) -> list[Wait]:
        return self.waits if self.signed or self.stopped else [*self.next_round, *self.waits]


@dataclass(frozen=True)
class _Others:
    """The account's waiting jobs that are not in the round. They are looked up once a round, at its first revert."""

    jobs: Sequence[Job]
    """The jobs of the round."""
    context: RoundContext

    @cached_property
    def earliest(self) -> str | None:
        """The place of the first waiting job that is not in the round, if it is before the round's last job."""
        account, last = self.context.account.account_id, max(map(place, self.jobs))
        ids = frozenset(job.job_id for job in self.jobs)
        return self.context.ports.jobs.earliest_waiting(account, last, ids)

    def any_before(self, job: Job) -> bool:
        return self.earliest is not None and self.earliest < place(job)


def sort_jobs(jobs: Sequence[Job], changed: list[Job], context: RoundContext) -> RoundResult:
    """Sort the jobs of a round by their estimates, in the order of the round.

    A job that would fail, but that another worker or request has changed, is added to `changed`.
    """
    account_view, ports = context.account_view, context.ports
    shares = Shares(context.account, account_view.block_gas_limit, ports)
    result = RoundResult(context.account, shares)
    funds = account_view.spendable
    held: set[str] = set()
    """Owners with a job whose estimate the node did not come to. Their later jobs keep their place behind it."""
    others = _Others(jobs, context)
    for number, (job, estimate) in enumerate(zip(jobs, account_view.estimates, strict=False)):
        if job.owner in held:
            result.unreached.append(job)
            continue
        if isinstance(estimate, GasEstimate | Revert) and (no_place := _no_place(job, result, shares, context)) is not None:
            result.waits.append(no_place)
            continue
        match estimate:
            case GasEstimate(gas):
                funds -= _accepted(job, gas, funds=funds, result=result, shares=shares, context=context)
            case Revert(reason):
                own_changed = [one for one in changed if one.owner == job.owner]
                unsigned = [*result.unreached, *own_changed, *jobs[number + 1 :]]
                if not _waits_for_earlier(job, result, unsigned, others, context):
                    save_failed(failed(job, Failure(FailCode.ESTIMATE_REVERTED, reason), ports.clock()), changed, ports)
            case Unfunded(reason):
                result.unfunded = True
                reason = f"the account's funds do not cover the job: {reason}"
                result.waits.append(put_off(job, WaitCode.FUNDS_TOO_LOW, reason))
            case Unavailable(reason, alone=True):
                reason = f"the gas could not be estimated: {reason}"
                result.waits.append(put_off(job, WaitCode.ESTIMATE_TOO_SLOW, reason))
            case Unavailable(answered=False):
                held.add(job.owner)
                result.unreached.append(job)
            case Unavailable(reason):
                result.waits.append(put_off(job, WaitCode.ESTIMATE_FAILED, f"the node could not estimate the gas: {reason}"))
    return result


def _no_place(job: Job, result: RoundResult, shares: Shares, context: RoundContext) -> Wait | None:
    """Put off a job that waits whatever its estimate says, because its owner or the whole account is full."""
    if job.owner in shares.full:
        return shares.put_off(job)
    if len(result.accepted) < context.room:
        return None
    return put_off(job, WaitCode.TOO_MANY_IN_FLIGHT, NO_ROOM, 1 if context.account.is_shared else None)


def _accepted(job: Job, gas: int, *, funds: int, result: RoundResult, shares: Shares, context: RoundContext) -> int:
    """Accept the job, or put it off. Returns the wei of `funds` that the job may spend."""
    price = limited(context.account_view.fees, job.request.max_fee_per_gas).max_fee_per_gas
    most = job.request.value + gas * price
    if price < context.least_price:  # once signed, it would hold its nonce, and every later job would wait
        result.waits.append(put_off(job, WaitCode.FEE_LIMIT_TOO_LOW, _too_cheap(job, price, context)))
    elif most > funds:  # as above
        result.unfunded = True
        reason = f"the account's funds do not cover the job: it may spend {most} wei, and {funds} wei are left"
        result.waits.append(put_off(job, WaitCode.FUNDS_TOO_LOW, reason))
    elif not shares.takes(job, gas):
        result.waits.append(shares.put_off(job))
    else:
        result.accepted.append((job, gas))
        return most
    return 0


def _too_cheap(job: Job, price: int, context: RoundContext) -> str:
    limit = job.request.max_fee_per_gas
    whose = "the job's maxFeePerGas" if limit is not None and limit <= price else "the most that this service offers"
    return f"the network asks for {context.least_price} wei per gas, and {whose} is {price} wei"


def _waits_for_earlier(job: Job, result: RoundResult, unsigned: Sequence[Job], others: _Others, context: RoundContext) -> bool:
    """Put off a job whose estimate reverts while something before it may still change that (invariant 11).

    Returns False if the revert is believed. The job waits for:

    1. earlier jobs that this round signs: it gets another round;
    2. earlier jobs that wait, jobs of the round that are not sorted yet (`unsigned`), and `others`: for
       `Bounds.earlier_jobs_seconds` at most, because they may never be signed;
    3. nonces that were taken before: until they are settled, for `Bounds.revert_belief_seconds` at most.

    Both times count from when the job was first put off because of its revert, without a wait of another kind in between.
    """
    ports, now = context.ports, context.ports.clock()

    def has_waited_for(seconds: float) -> bool:
        return has_waited(job, WaitCode.EARLIER_TRANSACTIONS, seconds, now)

    waits = [wait.job for wait in (*result.waits, *result.next_round)]
    if _any_before(job, [accepted for accepted, _ in result.accepted]) or (
        not has_waited_for(ports.bounds.earlier_jobs_seconds)
        and (_any_before(job, [*waits, *unsigned]) or others.any_before(job))
    ):
        result.next_round.append(Wait(job, WaitCode.EARLIER_TRANSACTIONS, REVERTS_BEFORE_JOBS, waits_for_nonce=None))
        return True
    taken = _nonces_taken_before(job, context.first_nonce)
    if context.settled_count < taken and not has_waited_for(ports.bounds.revert_belief_seconds):
        wait = Wait(job, WaitCode.EARLIER_TRANSACTIONS, REVERTS_BEFORE_TRANSACTIONS, waits_for_nonce=taken)
        result.waits.append(wait)
        return True
    return False


def _any_before(job: Job, others: Sequence[Job]) -> bool:
    return any(place(other) < place(job) for other in others)


def _nonces_taken_before(job: Job, first_nonce: int) -> int:
    """Return the nonce below which all have to be settled before a revert of this job is believed (invariant 11).

    These are the nonces that were taken when the job first reverted with no earlier job of the account pending. All that it can
    depend on has its nonce by then, and later jobs cannot delay the answer for ever. It is never above the first free nonce.
    """
    return first_nonce if job.waits_for_nonce is None else min(job.waits_for_nonce, first_nonce)
