"""After a reorg deeper than the confirmations no effect is doubled, and nothing of a failed or cancelled job happens.

On the new chain a transaction that had reverted may pass. The fixture makes that so: once it is switched on, the
instructions that made the programmes revert are left out.
"""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.errors import JobNotRetryable
from chalicelib.jobs.model import Job, Purpose, Status
from chalicelib.networks import GWEI
from chalicelib.workers.watch_nonces import watch_nonces
from tests.fakes import ledger
from tests.fakes.world import ALICE, World, story

Switch = Callable[[], None]


@pytest.fixture
def passes_now(monkeypatch: pytest.MonkeyPatch) -> Switch:
    """From its call on, `trap` and `burn` do nothing: what made a transaction revert is not so on the new chain."""
    run = ledger.State.run
    switched: list[bool] = []

    def patched(self: Any, sender: str, to: str | None, value: int, data: bytes, **more: Any) -> Any:
        if switched:
            data = b";".join(part for part in data.split(b";") if not part.startswith((b"trap", b"burn")))
        return run(self, sender, to, value, data, **more)

    monkeypatch.setattr(ledger.State, "run", patched)
    return lambda: switched.append(True)


def depth_of(world: World, job: Job, attempt: int = 0) -> int:
    """How many blocks a reorg has to replace to take back this attempt."""
    receipt = job.attempts[attempt].receipt
    assert receipt is not None
    return world.chain.blocks[-1].number - receipt.block_number + 1


def reverted_job(world: World) -> str:
    job_id = world.issue("trap no;hit 1")
    world.run_until_settled()
    assert world.status(job_id) is Status.FAILED
    return job_id


def test_a_failed_job_is_not_retried_while_its_nonce_is_taken_back(passes_now: Switch) -> None:
    world = World()
    job_id = reverted_job(world)
    world.chain.reorg(depth_of(world, world.job(job_id)), drop=True)
    passes_now()
    watch_nonces(world.ports)

    with pytest.raises(JobNotRetryable, match="reorg"):
        world.retry(job_id)

    world.run(120)
    world.retry(job_id)
    world.run_until_settled()
    assert world.chain.hits("1") == 1, story(world.job(job_id))


def test_nothing_of_a_failed_job_happens_after_a_deep_reorg(passes_now: Switch) -> None:
    world = World()
    job_id = reverted_job(world)
    world.chain.reorg(depth_of(world, world.job(job_id)), drop=True)
    passes_now()
    watch_nonces(world.ports)
    world.run(180)
    assert world.chain.hits("1") == 0, story(world.job(job_id))
    assert world.status(job_id) is Status.FAILED


def test_a_job_that_was_retried_before_the_reorg_takes_effect_once(passes_now: Switch) -> None:
    world = World()
    job_id = reverted_job(world)
    passes_now()
    world.retry(job_id)
    world.run_until_settled()
    assert world.status(job_id) is Status.SUCCEEDED
    world.chain.reorg(depth_of(world, world.job(job_id)), drop=True)
    watch_nonces(world.ports)
    world.run(180)
    assert world.chain.hits("1") == 1, story(world.job(job_id))
    assert world.job(job_id).attempts[0].latest.purpose is Purpose.CANCEL


def test_a_retried_job_that_is_not_signed_yet_takes_effect_once(passes_now: Switch) -> None:
    world = World()
    job_id = reverted_job(world)
    world.pause(ALICE, "operator")
    world.retry(job_id)
    world.deliver()
    assert world.status(job_id) is Status.PENDING
    world.chain.reorg(depth_of(world, world.job(job_id)), drop=True)
    passes_now()
    watch_nonces(world.ports)
    world.pause(ALICE, None)
    world.run(400)
    world.assert_exactly_once()
    assert world.chain.hits("1") == 1, story(world.job(job_id))


def test_a_job_that_was_signed_anew_for_more_gas_takes_effect_once() -> None:
    world = World()
    world.on_block = lambda: world.chain.mine(empty=True)
    first = world.issue("fill slot;hit first")
    world.deliver()
    second = world.issue("fill slot;hit second")
    world.deliver()
    world.cancel(first)
    world.run_until(lambda: world.job(first).attempt.latest.purpose is Purpose.CANCEL)
    world.on_block = world.chain.mine
    world.run_until_settled()
    job = world.job(second)
    assert len(job.attempts) == 2
    world.chain.reorg(depth_of(world, job), drop=True)
    world.chain.state.flags.add("slot")  # so that the first attempt has enough gas now
    watch_nonces(world.ports)
    world.run(180)
    assert world.chain.hits("second") == 1, story(world.job(second))


@pytest.mark.parametrize("base_fee_gwei", [None, 60])
def test_nothing_of_a_cancelled_job_happens_after_a_deep_reorg(
    base_fee_gwei: int | None, passes_now: Switch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction ran out of gas before a cancel transaction was signed."""
    world = World()
    monkeypatch.setattr(world.chain, "passes_with_more_gas", lambda *_: True)
    job_id = world.issue("burn all;hit 1")
    world.deliver()
    world.chain.mine()
    world.cancel(job_id)
    world.run_until_settled()
    assert world.status(job_id) is Status.CANCELLED
    world.chain.reorg(depth_of(world, world.job(job_id)), drop=True)
    passes_now()
    if base_fee_gwei is not None:
        world.chain.base_fee = base_fee_gwei * GWEI
    watch_nonces(world.ports)
    world.run(180)
    assert world.chain.hits("1") == 0, story(world.job(job_id))
