"""A world in which everything goes wrong at random for a while, and then nothing does any more."""

import random
from contextlib import suppress

from chalicelib.bounds import Bounds
from chalicelib.errors import JobNotCancellable, JobNotRetryable
from chalicelib.jobs.model import Status
from chalicelib.networks import GWEI
from tests.fakes.calls import Mode
from tests.fakes.chain import Lies
from tests.fakes.world import ALICE, BOB, World, story

PROGRAMMES = (
    "hit {}",
    "hit {}",
    "hit {}",
    "set allowance-{};hit {}",
    "need never;hit {}",
    "trap by design;hit {}",
)
PATIENT = Bounds(earlier_jobs_seconds=86_400, revert_belief_seconds=86_400)
"""An outage may keep an earlier job from being signed for longer than a revert is doubted: here it is doubted all the time."""
STORM_SECONDS = 600
JOBS = 60


class Storm:
    """Drives one world by its own dice: the same seed is the same storm."""

    def __init__(self, seed: int) -> None:
        random.seed(seed)  # reconcile's jitter
        self.world = World(seed=seed, bounds=PATIENT)
        self.world.duplicates = 0.05
        self.world.on_block = self._block
        self.world.calls.choose = self._mode
        self.dice = self.world.dice
        self.fault_rate = self.dice.choice((0.0, 0.005, 0.02, 0.06))
        self.foreign = seed % 2 == 0
        """Another program uses the same keys: what depends on a job that lost its nonce may come too late, so nothing does."""
        self.raging = True
        self.number = 0
        self.chained: set[str] = set()
        """Jobs that depend on each other: nobody cancels those."""

    def run(self) -> World:
        """Raises AssertionError when a job does not end, or not as it should."""
        world = self.run_whatever_comes()
        world.assert_exactly_once()
        self._assert_nothing_failed_without_a_reason()
        return world

    def run_whatever_comes(self) -> World:
        world, dice = self.world, self.dice
        end = world.now.timestamp() + STORM_SECONDS
        while world.now.timestamp() < end:
            self._act()
            for _ in range(dice.randint(1, 4)):
                world.step()
        self.raging = False
        world.chain.lies = Lies()
        world.chain.base_fee = 10 * GWEI
        world.signers.away = False
        world.run_until_settled(minutes=180)
        return world

    def _assert_nothing_failed_without_a_reason(self) -> None:
        """Invariant 11, too: what can succeed does."""
        for job in self.world.jobs.rows.values():
            programme = job.request.data.decode()
            may_fail = "trap" in programme or "never" in programme
            if job.status is Status.FAILED and not may_fail:
                assert job.failure is not None
                assert job.failure.code == "DeadLettered", f"{job.failure}: {story(job)}"

    def _act(self) -> None:
        world, dice = self.world, self.dice
        jobs = [job_id for job_id in world.jobs.rows if job_id not in self.chained]
        match dice.randint(0, 9):
            case 0 if self.number < JOBS:
                for _ in range(dice.randint(1, 6)):
                    self._issue(dice.choice(PROGRAMMES), dice.choice((ALICE, BOB)))
            case 1 if self.number < JOBS and not self.foreign:
                self._issue_chain(dice.choice((ALICE, BOB)))
            case 3 if jobs:
                with suppress(JobNotCancellable):
                    world.cancel(dice.choice(jobs))
            case 4 if jobs:
                with suppress(JobNotRetryable):
                    world.retry(dice.choice(jobs))
            case 5:
                world.chain.base_fee = dice.choice((10, 10, 20, 22, 30, 60)) * GWEI
            case 6:
                world.chain.lies = self._lies()
            case 7:
                world.signers.away = dice.random() < 0.3
            case _:
                pass

    def _issue(self, programme: str, sender: str) -> str:
        self.number += 1
        return self.world.issue(programme.format(*[self.number] * 2), sender)

    def _issue_chain(self, sender: str) -> None:
        """Three jobs posted together, each of which the next one needs."""
        first, second = f"first-{self.number}", f"second-{self.number}"
        programmes = (f"set {first};hit {{}}", f"need {first};set {second};hit {{}}", f"need {second};hit {{}}")
        self.chained |= {self._issue(programme, sender) for programme in programmes}

    def _lies(self) -> Lies:
        dice = self.dice
        lies = Lies(
            silent=dice.random() < 0.1,
            drops=dice.choice((0, 0, 3)),
            claims_known=dice.choice((0, 0, 3)),
            takes_but_fails=dice.choice((0, 0, 3)),
            takes_without_answer=dice.choice((0, 0, 2)),
            hides_receipts=dice.random() < 0.1,
            simulates_on_latest=dice.random() < 0.2,
            unavailable_estimates=dice.random() < 0.1,
        )
        methods = ("head", "transaction_count", "receipts", "user_of_nonce", "estimate")
        lies.lag = {method: dice.randint(1, 3) for method in methods if dice.random() < 0.15}
        return lies

    def _block(self) -> None:
        """A block; in a storm also reorgs shallower than the confirmations, forgotten transactions and foreign ones."""
        chain, dice = self.world.chain, self.dice
        if not self.raging:
            chain.mine()
            return
        chance = dice.random()
        if chance < 0.05:
            chain.reorg(dice.randint(1, self.world.network.confirmations - 1))
        elif chance < 0.08:
            chain.drop()
        elif chance < 0.12 and self.foreign:
            chain.send_foreign(dice.choice((ALICE, BOB)))
        chain.mine(empty=dice.random() < 0.2)

    def _mode(self) -> Mode | None:
        if not self.raging or self.dice.random() >= self.fault_rate:
            return None
        return self.dice.choice([mode for mode in Mode if not mode.name.startswith("BUG")])
