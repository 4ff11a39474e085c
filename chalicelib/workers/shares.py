"""How much one owner may have in flight on a shared account, so that other owners' jobs do not wait for more (invariant 12).

The bounds are `Bounds.shared_blocks_of_gas` blocks of gas, and `Bounds.shared_part_in_flight` of the transactions that the
network takes. A single job always goes, however much gas it takes. An account with an owner has no such bound.
"""

from collections import Counter
from math import ceil

from chalicelib.jobs.model import Account, Job, WaitCode
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.waits import Wait, put_off

FULL = "the issuer already has as much in flight as one issuer may have on a shared account"


class Shares:
    """What each owner has in flight, together with what the round adds.

    An owner is full from the first job on that does not fit. Its later jobs wait as well, so that they keep their order
    (invariant 11).
    """

    def __init__(self, account: Account, block_gas: int | None, ports: WorkerPorts) -> None:
        """`block_gas` is the gas limit of a block. Without it only transactions are counted."""
        self._is_bound = account.is_shared
        self._block_gas = block_gas
        self._blocks = ports.bounds.shared_blocks_of_gas
        self._most_jobs = max(1, int(ports.network.max_in_flight * ports.bounds.shared_part_in_flight))
        self._gas: Counter[str] = Counter()
        self._jobs: Counter[str] = Counter()
        for entry in account.in_flight:
            self._gas[entry.owner] += entry.gas
            self._jobs[entry.owner] += entry.jobs
        self.full: dict[str, int] = {}
        """By owner that is full: how many of its jobs were put off because of that."""

    def takes(self, job: Job, gas: int) -> bool:
        """Count the job as in flight, if it fits. Otherwise its owner is full from here on."""
        if not self._is_bound:
            return True
        if job.owner in self.full or not self._fits(job.owner, gas):
            self.full.setdefault(job.owner, 0)
            return False
        self._gas[job.owner] += gas
        self._jobs[job.owner] += 1
        return True

    def _fits(self, owner: str, gas: int) -> bool:
        if not self._jobs[owner]:
            return True
        if self._jobs[owner] >= self._most_jobs:
            return False
        return self._block_gas is None or self._gas[owner] + gas <= self._blocks * self._block_gas

    def put_off(self, job: Job) -> Wait:
        """Let a job of a full owner rest until it is probably its turn.

        It rests for as many blocks as the jobs before it take, at the pace at which those in flight are mined. So the jobs of a
        long queue are not all written again with every block.
        """
        before, self.full[job.owner] = self.full[job.owner], self.full[job.owner] + 1
        return put_off(job, WaitCode.TOO_MANY_IN_FLIGHT, FULL, 1 + before // self._jobs_per_block(job.owner))

    def _jobs_per_block(self, owner: str) -> int:
        blocks = ceil(self._gas[owner] / self._block_gas) if self._block_gas else 1
        return max(1, self._jobs[owner] // max(1, blocks))
