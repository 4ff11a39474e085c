"""Soak: thousands of jobs over four accounts while everything that can go wrong does, by dice that a seed decides.

The same seed throws the same dice. Which call meets which fault depends on the seed, the function, the operation and its count
alone, never on which of two workers was faster.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

from chalicelib.jobs.model import Status
from chalicelib.networks import GWEI
from tests.faults.boundaries import Kind
from tests.faults.case import Case
from tests.faults.figures import Figures
from tests.faults.ground import FUNDS_WEI, Ground, Issuer
from tests.faults.node import BASE_FEE
from tests.faults.queues import QUEUES, Held
from tests.faults.verdict import failed_without_a_reason, problems
from tests.faults.wanted import Wanted

CONFIRMATIONS = 3
FAULT_RATE = 0.04
BURST_RATE = 0.004
BURST = 5
"""Calls of one operation that fail in a row: more than any client repeats."""
WEIGHTS = {
    Kind.REFUSED: 24,
    Kind.LOST: 20,
    Kind.PASSING: 24,
    Kind.KILLED_BEFORE: 10,
    Kind.KILLED_AFTER: 10,
    Kind.FROZEN_BEFORE: 6,
    Kind.FROZEN_AFTER: 6,
}
FUNCTIONS = (
    *("hit(bytes32)",) * 12,
    *("pay",) * 4,
    *("hitWhileOpen(bytes32)",) * 2,
    "hitOnce(bytes32)",
    "revertWhenMined(bytes32)",
)
LOSSES, DOUBLES, DELAYS = 0.02, 0.04, 0.03
"""Of messages: never delivered, delivered to two workers at once, delivered minutes late."""
LONGEST_WALL_SECONDS = 2_400.0
WAVE_SECONDS = (3.0, 15.0)
WAVE_JOBS = (2, 20)


class Soak(Case):
    """A case whose world rages until all jobs are issued, and then lets it all come to rest."""

    def __init__(self, ground: Ground, seed: int, jobs: int, breakage: str | None = None) -> None:
        self.dice = random.Random(seed)  # noqa: S311 -- dice
        self.jobs = jobs
        self.raging = True
        self.events: Counter[str] = Counter()
        self._next_wave = 0.0
        self._quiet_blocks = 0
        self._fee_blocks = 0
        self._poor: dict[Issuer, int] = {}
        super().__init__(
            ground,
            choose=self._fault,
            breakage=breakage,
            seed=seed,
            confirmations=CONFIRMATIONS,
            parallel=3,
            endpoints=2,
            longest_wall_seconds=LONGEST_WALL_SECONDS,
        )
        self.patience_seconds = 24 * 3_600.0

    def _kinds(self) -> tuple[bool, ...]:
        return (True, False, True, False)

    # --- faults --------------------------------------------------------------------------------------------------------

    def _fault(self, function: str, operation: str, count: int) -> Kind | None:
        if not self.raging:
            return None
        burst = random.Random(f"{self.seed} {function} {operation} {count // BURST}")  # noqa: S311 -- dice
        if burst.random() < BURST_RATE:
            return burst.choice((Kind.REFUSED, Kind.LOST, Kind.PASSING))
        dice = random.Random(f"{self.seed} {function} {operation} #{count}")  # noqa: S311 -- dice
        if dice.random() >= FAULT_RATE:
            return None
        return dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    # --- issuers -------------------------------------------------------------------------------------------------------

    def act(self) -> bool:
        """A wave of requests when it is time for one; True when the world has come to rest."""
        if not self.raging:
            return True
        if self.elapsed < self._next_wave:
            return False
        if len(self.wanted) >= self.jobs:
            self._rest()
            return True
        self._next_wave = self.elapsed + self.dice.uniform(*WAVE_SECONDS)
        self.frozen_seconds = self.dice.choice((20.0, 90.0, 240.0))
        for _ in range(min(self.dice.randint(*WAVE_JOBS), self.jobs - len(self.wanted))):
            self._issue(self.dice.choice(self.issuers))
        if self.dice.random() < 0.03:
            self._poison()
        for _ in range(self.dice.randint(0, 2)):
            self.events["cancel asked for"] += 1
            self.cancel(self.dice.choice(self.wanted))
        for _ in range(self.dice.randint(0, 4)):
            self.events["retry asked for"] += 1
            self.retry(self.dice.choice(self.wanted))
        return False

    def _issue(self, issuer: Issuer) -> Wanted:
        dice, more = self.dice, {}
        chance = dice.random()
        if chance < 0.05:
            self.events["job that expires"] += 1
            more["validUntil"] = self.moment(dice.uniform(5, 120)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        elif chance < 0.08:
            self.events["job with a fee limit"] += 1
            more["maxFeePerGas"] = str(12 * GWEI)
        function = dice.choice(FUNCTIONS)
        wanted = self.pay(issuer, **more) if function == "pay" else self.issue(issuer, function, **more)
        if function != "pay" and dice.random() < 0.05:
            self.events["job that needs another"] += 1
            self.issue(issuer, "hitAfter(bytes32,bytes32)", wanted.effect)
        if self.dice.random() < 0.03:  # whose answer an issuer did not see, or did not believe
            self.events["request repeated"] += 1
            self.request(issuer, "POST", "/api/v2/jobs", dict(wanted.body), {200, 201})
        return wanted

    def _rest(self) -> None:
        """No more faults. One more job for each account: whoever's nonces another program used is level again."""
        self.raging = False
        self.node.base_fee = BASE_FEE
        for issuer in self.issuers:
            self.node.fund(issuer.account.address, FUNDS_WEI)
        self.node.close_sink(self.ground.sink, False)
        self.node.mine()
        for issuer in self.issuers:
            self.issue(issuer)

    # --- messages ------------------------------------------------------------------------------------------------------

    def batches(self) -> Iterator[tuple[str, list[Held]]]:
        """What is due, but for messages that are lost or late; some batches go to two workers at once."""
        if self.raging:
            self._disturb_messages()
        for queue in QUEUES:
            while batch := self.queues.due(queue, self.elapsed):
                yield queue, batch
                if self.raging and self.dice.random() < DOUBLES:
                    self.events["message doubled"] += len(batch)
                    yield queue, batch

    def _disturb_messages(self) -> None:
        for queue in ("ExecuteQueue", "ConfirmQueue"):
            for held in [held for held in self.queues.waiting(queue) if held.due <= self.elapsed and held.fresh]:
                held.fresh = False
                chance = self.dice.random()
                if chance < LOSSES:
                    self.events["message lost"] += 1
                    self.queues.lose(queue, held)
                elif chance < LOSSES + DELAYS:
                    self.events["message late"] += 1
                    held.due = self.elapsed + self.dice.uniform(10, 300)
        self.dice.shuffle(self.queues.waiting("ConfirmQueue"))

    def _poison(self) -> None:
        """A message no worker understands, at the head of an account's group or among the polls."""
        self.events["poison message"] += 1
        if self.dice.random() < 0.5:
            self.queues.send("ExecuteQueue", "not a message", group=self.dice.choice(self.issuers).account.account_id)
        else:
            self.queues.send("ConfirmQueue", '{"command": "unheard of"}')

    # --- blocks --------------------------------------------------------------------------------------------------------

    def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            if self.raging:
                self._disturb_chain()
            if self._quiet_blocks > 0:
                self._quiet_blocks -= 1
            else:
                self.node.mine()

    def _disturb_chain(self) -> None:
        dice = self.dice
        self._fee_blocks -= 1
        if self._fee_blocks == 0:
            self.node.base_fee = BASE_FEE
        chance = dice.random()
        if chance < 0.06:
            self.events["reorg"] += 1
            self.node.reorg(dice.randint(1, CONFIRMATIONS - 1))
        elif chance < 0.16:
            pooled = self.node.pooled()
            for hash_ in dice.sample(pooled, min(len(pooled), dice.randint(1, 3))):
                self.events["transaction dropped"] += 1
                self.node.drop(hash_)
        elif chance < 0.20:
            self.events["base-fee spike"] += 1
            self.node.base_fee, self._fee_blocks = dice.choice((20, 30, 60)) * GWEI, dice.randint(3, 15)
        elif chance < 0.22:
            self.events["mining pause"] += 1
            self._quiet_blocks = dice.randint(3, 20)
        elif chance < 0.25:
            self.events["contract switched"] += 1
            self.node.close_sink(self.ground.sink, dice.random() < 0.5)
        elif chance < 0.27:
            self._use_a_nonce_elsewhere(dice.choice(self.issuers))
        elif chance < 0.28:
            self.events["account emptied"] += 1
            self._poor[dice.choice(self.issuers)] = dice.randint(3, 20)
        for issuer, blocks in list(self._poor.items()):
            self._poor[issuer] = blocks - 1
            self.node.fund(issuer.account.address, 0 if blocks > 0 else FUNDS_WEI)
            if blocks <= 0:
                del self._poor[issuer]

    def _use_a_nonce_elsewhere(self, issuer: Issuer) -> None:
        """Another program with the same key: its transaction takes the place of ours."""
        if issuer in self._poor:
            return
        self.events["nonce used elsewhere"] += 1
        address = issuer.account.address
        self.node.fund(address, FUNDS_WEI)  # a reorg may have taken it back to when it was empty
        nonce = self.node.count(address)
        for hash_ in self.node.pooled_of(address, nonce):
            self.node.drop(hash_)
        self.node.send_as(address, nonce)


def soak(seed: int, jobs: int, say: Callable[[str], None], breakage: str | None = None) -> Figures:
    """Raises Violation with everything that is known of it."""
    began = time.monotonic()
    with Ground() as ground:
        case = Soak(ground, seed, jobs, breakage)
        told = [0]

        def act() -> bool:
            done = case.act()
            if len(case.wanted) - told[0] >= max(jobs // 10, 1):
                told[0] = len(case.wanted)
                say(f"soak: {told[0]} jobs issued, {case.elapsed:.0f} s of its own time, {len(case.proxy.log)} calls")
            return done

        try:
            case.run(act)
            say(f"soak: all is at rest after {case.elapsed:.0f} s of its own time")
            found = [*problems(case), *failed_without_a_reason(case)]
            if found:
                raise case.violation("; ".join(found))
            return _figures(case, time.monotonic() - began)
        finally:
            case.close()


def _figures(case: Soak, seconds: float) -> Figures:
    """Of a soak in which nothing was found: whatever was would have been raised."""
    rows = {job.job_id: job for job in case.rows()}
    functions = {wanted.job_id: wanted.function for wanted in case.wanted}
    return Figures(
        seed=case.seed,
        jobs=len(case.wanted),
        faults=Counter({str(kind): count for kind, count in case.proxy.faults.items()}),
        events=case.events,
        ends=Counter(job.status.value for job in rows.values()),
        failures=Counter(
            f"{functions[job.job_id]} {job.failure.code}"
            for job in rows.values()
            if job.status is Status.FAILED and job.failure is not None
        ),
        calls=len(case.proxy.log),
        invocations=case.invocations,
        own_seconds=case.elapsed,
        seconds=seconds,
    )
