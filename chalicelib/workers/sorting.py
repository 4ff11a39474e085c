"""What each estimate of a round means for its job: it is signed, it waits, it goes into the next round, or it has failed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from chalicelib.jobs.model import Account, Failure, Job, WaitCode
from chalicelib.jobs.ports import AccountView, GasEstimate, Revert, Unavailable, Unfunded
from chalicelib.jobs.pricing import limited
from chalicelib.jobs.states import failed
from chalicelib.workers.pending import place
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.shares import Shares
from chalicelib.workers.storing import save_failed
from chalicelib.workers.waits import Wait, has_waited, put_off

REVERTS_BEFORE_JOBS = "its gas estimate reverts while earlier jobs of the account are not signed"
NO_ROOM = "the account has as many transactions in flight as the network takes"
REVERTS_BEFORE_TRANSACTIONS = "its gas estimate reverts while earlier transactions of the account are not settled"


@dataclass(frozen=True)
class Standing:
    """How the account and the chain stood when the estimates were made."""

    account: Account
    outlook: AccountView
    ports: WorkerPorts

    @property
    def first_nonce(self) -> int:
        """The chain is ahead where the key is used elsewhere, too."""
        return max(self.account.next_nonce or 0, self.outlook.mined_count)

    @property
    def room(self) -> int:
        """How many more transactions the network takes of the account."""
        return max(0, self.ports.network.max_in_flight - (self.first_nonce - self.outlook.mined_count))

    @property
    def least_price(self) -> int:
        """Wei per gas that a transaction has to offer for the next block to take it."""
        if self.outlook.next_base_fee is None:
            return self.outlook.gas_price or 0
        network = self.ports.network
        return max(self.outlook.next_base_fee, network.min_base_fee) + network.min_priority_fee

    @cached_property
    def settled(self) -> int:
        """Nonces below are used for good, as of the head that was seen with the estimates. Few rounds need to know."""
        head = self.outlook.head.number
        # Below the head in any case: nodes work on the requests of a batch at the same time, and a block may come in between.
        deep_enough = max(0, head - max(self.ports.network.confirmations - 1, 1))
        block = self.ports.chain.canonical_blocks(self.account.address, [deep_enough]).get(deep_enough)
        return (block.mined_count or 0) if block else 0


@dataclass(slots=True)
class Round:
    """What became of a round's jobs. Those in none of the lists have failed, or somebody else has changed them."""

    account: Account
    shares: Shares | None = None
    """Which owners are full. None where the round did not come so far."""
    accepted: list[tuple[Job, int]] = field(default_factory=list)
    """To be signed, each with its gas limit."""
    next_round: list[Wait] = field(default_factory=list)
    """They wait, unless jobs are signed in this round: those may be what they need, so they get another round at once."""
    waits: list[Wait] = field(default_factory=list)
    """They wait, whatever is signed."""
    unreached: list[Job] = field(default_factory=list)
    """They are taken again as they are: nobody came to their estimates, or to that of an earlier job of their owner; or they
    were signed behind a job that was not stored, so at nonces that are not theirs.
    """
    busy: bool = False
    """The node still works on estimates that were cut off: no other round of this run would come through."""
    unfunded: bool = False
    signed: bool = False
    stopped: bool = False
    """Jobs are signed in the next round because somebody else has changed a job of this one."""

    @property
    def for_next_round(self) -> list[Job]:
        return [wait.job for wait in self.next_round] if self.signed or self.stopped else []

    @property
    def to_postpone(self) -> list[Wait]:
        return self.waits if self.signed or self.stopped else [*self.next_round, *self.waits]


@dataclass(frozen=True)
class _Others:
    """The account's jobs that wait and are not in the round: looked for once a round, at its first revert."""

    jobs: Sequence[Job]
    """Those of the round."""
    standing: Standing

    @cached_property
    def earliest(self) -> str | None:
        """The place of the first of them."""
        account, last = self.standing.account.account_id, max(map(place, self.jobs))
        ids = frozenset(job.job_id for job in self.jobs)
        return self.standing.ports.jobs.earliest_waiting(account, last, ids)

    def any_before(self, job: Job) -> bool:
        return self.earliest is not None and self.earliest < place(job)


def sort_jobs(jobs: Sequence[Job], changed: list[Job], standing: Standing) -> Round:
    """Sort the jobs of a round by their estimates, in the order that they have in the round.

    A job that fails, and that somebody else has changed meanwhile, is added to `changed`.
    """
    outlook, ports = standing.outlook, standing.ports
    shares = Shares(standing.account, outlook.block_gas_limit, ports)
    result = Round(standing.account, shares)
    funds = outlook.spendable
    held: set[str] = set()
    """Owners with a job that nobody came to: their later jobs keep their place behind it."""
    others = _Others(jobs, standing)
    for number, (job, estimate) in enumerate(zip(jobs, outlook.estimates, strict=False)):
        if job.owner in held:
            result.unreached.append(job)
            continue
        if isinstance(estimate, GasEstimate | Revert) and (no_place := _no_place(job, result, shares, standing)) is not None:
            result.waits.append(no_place)
            continue
        match estimate:
            case GasEstimate(gas):
                funds -= _accepted(job, gas, funds=funds, result=result, shares=shares, standing=standing)
            case Revert(reason):
                own_changed = [one for one in changed if one.owner == job.owner]
                unsigned = [*result.unreached, *own_changed, *jobs[number + 1 :]]
                if not _waits_for_earlier(job, result, unsigned, others, standing):
                    save_failed(failed(job, Failure("EstimateReverted", reason), ports.clock()), changed, ports)
            case Unfunded(reason):
                result.unfunded = True
                reason = f"the account's funds do not cover it: {reason}"
                result.waits.append(put_off(job, WaitCode.FUNDS_TOO_LOW, reason))
            case Unavailable(reason, alone=True):
                reason = f"its gas could not be estimated: {reason}"
                result.waits.append(put_off(job, WaitCode.ESTIMATE_TOO_SLOW, reason))
            case Unavailable(answered=False):
                held.add(job.owner)
                result.unreached.append(job)
            case Unavailable(reason):
                result.waits.append(put_off(job, WaitCode.ESTIMATE_FAILED, f"the node could not estimate it: {reason}"))
    return result


def _no_place(job: Job, result: Round, shares: Shares, standing: Standing) -> Wait | None:
    """Put off a job that would wait whatever its estimate says: its owner is full, or the whole account is."""
    if job.owner in shares.full:
        return shares.put_off(job)
    if len(result.accepted) < standing.room:
        return None
    return put_off(job, WaitCode.TOO_MANY_IN_FLIGHT, NO_ROOM, 1 if standing.account.is_shared else None)


def _accepted(job: Job, gas: int, *, funds: int, result: Round, shares: Shares, standing: Standing) -> int:
    """Accept the job, or put it off. Returns the wei of `funds` that it may take."""
    price = limited(standing.outlook.fees, job.request.max_fee_per_gas).max_fee_per_gas
    most = job.request.value + gas * price
    if price < standing.least_price:  # signed, it would hold its nonce, and with it every later job
        result.waits.append(put_off(job, WaitCode.FEE_LIMIT_TOO_LOW, _too_cheap(job, price, standing)))
    elif most > funds:  # the same
        result.unfunded = True
        reason = f"the account's funds do not cover it: it may take {most} wei, and {funds} wei are left"
        result.waits.append(put_off(job, WaitCode.FUNDS_TOO_LOW, reason))
    elif not shares.takes(job, gas):
        result.waits.append(shares.put_off(job))
    else:
        result.accepted.append((job, gas))
        return most
    return 0


def _too_cheap(job: Job, price: int, standing: Standing) -> str:
    limit = job.request.max_fee_per_gas
    whose = "its maxFeePerGas" if limit is not None and limit <= price else "the most that this service offers"
    return f"the network asks for {standing.least_price} wei per gas, and {whose} is {price} wei"


def _waits_for_earlier(job: Job, result: Round, unsigned: Sequence[Job], others: _Others, standing: Standing) -> bool:
    """Invariant 11: put off a job whose estimate reverts, where something before it may be what it needs. False: believe it.

    1. Earlier jobs that are signed in this very round: it gets another round.
    2. Earlier jobs that wait, those of the round that are not sorted yet (`unsigned`), and `others`: it waits for them for
       `Bounds.earlier_jobs_seconds` at most. They may never be signed.
    3. Nonces that were taken before: it waits until they are settled, for `Bounds.revert_belief_seconds` at most.

    Both times count from when it was first put off because of its revert, without a wait of another kind in between.
    """
    ports, now = standing.ports, standing.ports.clock()

    def has_waited_for(seconds: float) -> bool:
        return has_waited(job, WaitCode.EARLIER_TRANSACTIONS, seconds, now)

    waits = [wait.job for wait in (*result.waits, *result.next_round)]
    if _any_before(job, [accepted for accepted, _ in result.accepted]) or (
        not has_waited_for(ports.bounds.earlier_jobs_seconds)
        and (_any_before(job, [*waits, *unsigned]) or others.any_before(job))
    ):
        result.next_round.append(Wait(job, WaitCode.EARLIER_TRANSACTIONS, REVERTS_BEFORE_JOBS, waits_for_nonce=None))
        return True
    taken = _nonces_taken_before(job, standing.first_nonce)
    if standing.settled < taken and not has_waited_for(ports.bounds.revert_belief_seconds):
        wait = Wait(job, WaitCode.EARLIER_TRANSACTIONS, REVERTS_BEFORE_TRANSACTIONS, waits_for_nonce=taken)
        result.waits.append(wait)
        return True
    return False


def _any_before(job: Job, others: Sequence[Job]) -> bool:
    return any(place(other) < place(job) for other in others)


def _nonces_taken_before(job: Job, first_nonce: int) -> int:
    """Invariant 11: below which nonce everything must be settled before a revert of this job is believed.

    Those taken when it was first seen to revert with no earlier job of the account still pending: all that it can depend on has
    its nonce by then, and later jobs cannot put the answer off for ever. Never one that nobody has taken.
    """
    return first_nonce if job.waits_for_nonce is None else min(job.waits_for_nonce, first_nonce)
