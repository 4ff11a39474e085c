"""The watch for deep reorgs: a changed block hash tells the jobs it touches, and nothing else does."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Status
from chalicelib.jobs.stores import Checkpoint
from chalicelib.workers.watch_chain import CHECKPOINTS_KEPT, DeepReorg, watch_chain
from tests.fakes.world import NETWORK, World


@dataclass
class Checkpoints:
    kept: list[Checkpoint] = field(default_factory=list)

    def read(self, _: int) -> list[Checkpoint]:
        return list(self.kept)

    def write(self, _: int, checkpoints: Sequence[Checkpoint]) -> None:
        self.kept = list(checkpoints)


class Watched:
    """A world whose chain is watched every minute."""

    def __init__(self) -> None:
        self.world = World()
        self.checkpoints = Checkpoints()
        self.jobs, self.chain = self.world.jobs, self.world.chain
        self.network, self.clock = self.world.network, self.world.clock
        self.accounts, self.queue = self.world.accounts, self.world.queues

    def minute(self) -> DeepReorg | None:
        self.world.run(60)
        return watch_chain(self)

    def done(self, programme: str = "hit 1") -> str:
        job_id = self.world.issue(programme)
        self.world.run_until_settled()
        return job_id


def test_nothing_is_told_while_blocks_stay() -> None:
    watched = Watched()
    job_id = watched.done()
    assert [watched.minute() for _ in range(40)] == [None] * 40
    assert "reorged" not in watched.world.events(job_id)
    assert len(watched.checkpoints.kept) == CHECKPOINTS_KEPT


def test_a_reorg_shallower_than_the_confirmations_is_none() -> None:
    watched = Watched()
    watched.minute()
    watched.chain.reorg(NETWORK.confirmations - 1)
    assert watched.minute() is None


@pytest.mark.parametrize("drop", [False, True])
def test_a_deeper_one_tells_the_jobs_it_touches_and_no_others(drop: bool) -> None:
    watched = Watched()
    before = watched.done("hit before")
    watched.minute()
    touched = watched.done("hit touched")
    watched.minute()
    receipt = watched.world.job(touched).attempt.receipt
    assert receipt is not None
    watched.chain.reorg(watched.chain.blocks[-1].number - receipt.block_number + 1, drop=drop)
    assert watched.minute() is not None
    assert "reorged" in watched.world.events(touched)
    assert "reorged" not in watched.world.events(before)
    assert watched.world.status(touched) is Status.SUCCEEDED
    assert watched.minute() is None, "told once"


def test_a_job_whose_row_cannot_be_written_does_not_keep_the_others_from_being_told(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    watched.minute()
    touched = [watched.world.issue(f"hit {number}") for number in range(3)]
    watched.world.run_until_settled()
    watched.minute()
    watched.jobs.refused = {touched[1]}
    receipt = watched.world.job(touched[0]).attempt.receipt
    assert receipt is not None
    watched.chain.reorg(watched.chain.blocks[-1].number - receipt.block_number + 1)

    assert watched.minute() is not None

    assert ["reorged" in watched.world.events(job_id) for job_id in touched] == [True, False, True]
    assert any(record.__dict__.get("jobId") == touched[1] for record in caplog.records)


@pytest.mark.parametrize("lag", [1, 5, 30])
@pytest.mark.parametrize("method", ["head", "block_hash"])
def test_invariant_8_a_node_that_lags_is_no_reorg(method: str, lag: int) -> None:
    watched = Watched()
    job_id = watched.done()
    watched.minute()
    watched.minute()
    watched.chain.lies.lag[method] = lag
    assert [watched.minute() for _ in range(3)] == [None] * 3
    watched.chain.lies.lag.clear()
    assert watched.minute() is None
    assert "reorged" not in watched.world.events(job_id)


def test_a_chain_that_does_not_answer_is_looked_at_the_next_minute() -> None:
    watched = Watched()
    watched.minute()
    kept = list(watched.checkpoints.kept)
    watched.chain.lies.silent = True
    with pytest.raises(ChainUnavailable):
        watched.minute()
    assert watched.checkpoints.kept == kept
