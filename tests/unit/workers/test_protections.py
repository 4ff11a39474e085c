"""Tests of the tests: with one protection taken away, the scenario that stands for it fails, for the reason it should."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.jobs import next_step, retry, states
from chalicelib.jobs.model import IN_FLIGHT, Account, Job, Outcome
from chalicelib.jobs.settlement import ChainView, SettledWithoutReceipt, Verdict, judge
from chalicelib.networks import GWEI
from chalicelib.workers import sign
from tests.fakes.calls import Killed
from tests.fakes.world import ALICE, World

Without = Callable[[pytest.MonkeyPatch, World], None]


def dies_while_storing(world: World) -> None:
    """The worker is killed in its first `start`; when the job is signed again the market is another."""
    store = world.jobs.start

    def killed(account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        world.jobs.start = store  # type: ignore[method-assign]
        world.killed_in_start(account, next_nonce, jobs)  # type: ignore[attr-defined]
        raise Killed

    world.jobs.start = killed  # type: ignore[method-assign]
    world.issue("hit one")
    world.deliver()
    world.chain.base_fee = 12 * GWEI
    world.issue("hit two")


def receipts_lag(world: World) -> None:
    world.issue("hit one")
    world.deliver()
    world.chain.lies.hides_receipts = True
    world.run(60)
    world.chain.lies.hides_receipts = False


def is_not_mined_for_a_while(world: World) -> None:
    world.issue("hit one")
    world.deliver()
    world.chain.base_fee = 30 * GWEI
    world.run(20)
    world.chain.base_fee = 10 * GWEI


def retried_while_in_flight(world: World) -> None:
    job_id = world.issue("hit one")
    world.deliver()
    world.retry(job_id)


def cancelled_while_it_is_signed(world: World) -> None:
    job_id = world.issue("hit one")
    read = world.jobs.get

    def signed_just_after_it_was_read(wanted: str) -> Job | None:
        job = read(wanted)
        world.jobs.get = read  # type: ignore[method-assign]
        world.deliver()
        return job

    world.jobs.get = signed_just_after_it_was_read  # type: ignore[method-assign]
    world.cancel(job_id)


def reorged_after_a_block(world: World) -> None:
    """Somebody looks at it before it is deep enough: a nudge was sent twice."""
    job_id = world.issue("hit one")
    world.deliver()
    world.run(12)
    world.ports.queue.confirm([job_id], 0)
    world.deliver()
    world.chain.reorg(world.network.confirmations - 1, drop=True)
    assert world.chain.hits("one") == 0


# --- what is taken away ------------------------------------------------------------------------------------------------


def store_before_broadcast(_: pytest.MonkeyPatch, world: World) -> None:
    world.killed_in_start = lambda account, nonce, jobs: world.chain.broadcast([job.attempt.latest for job in jobs])  # type: ignore[attr-defined]


def nonces_taken_with_their_transactions(_: pytest.MonkeyPatch, world: World) -> None:
    def only_the_account(account: Account, next_nonce: int, jobs: Sequence[Job]) -> None:
        stored = world.accounts.rows[account.account_id]
        world.accounts.rows[account.account_id] = replace(stored, next_nonce=next_nonce)

    world.killed_in_start = only_the_account  # type: ignore[attr-defined]


def proof_of_who_used_a_nonce(_: pytest.MonkeyPatch, world: World) -> None:
    world.chain.user_of_nonce = lambda *_: "0xforeign"  # type: ignore[method-assign]


def no_receipt_decides_nothing(patch: pytest.MonkeyPatch, world: World) -> None:
    def believes(job: Job, view: ChainView, confirmations: int) -> Verdict:
        late = view.head > job.attempt.latest.signed_at_block + 2
        return SettledWithoutReceipt() if late and not view.receipts else judge(job, view, confirmations)

    patch.setattr(next_step, "judge", believes)
    proof_of_who_used_a_nonce(patch, world)


def retry_only_of_what_is_settled(patch: pytest.MonkeyPatch, _: World) -> None:
    started = sign.started

    def over_an_open_attempt(job: Job, *arguments: Any) -> Job:
        closed = tuple(replace(attempt, outcome=attempt.outcome or Outcome.DISPLACED) for attempt in job.attempts)
        return started(replace(job, attempts=closed), *arguments)

    for name in ("require_status", "_require_settled"):
        patch.setattr(states, name, lambda *_: None)
    patch.setattr(retry, "_require_retryable", lambda _: None)
    patch.setattr(sign, "started", over_an_open_attempt)


def conditional_writes(_: pytest.MonkeyPatch, world: World) -> None:
    world.jobs._require_version = lambda _: None  # type: ignore[method-assign]


def depth(patch: pytest.MonkeyPatch, _: World) -> None:
    patch.setattr(next_step, "judge", lambda job, view, _: judge(job, replace(view, settled_count=view.mined_count), 1))


PROTECTIONS: dict[str, tuple[Callable[[World], None], Without, str]] = {
    "store before broadcast (1)": (dies_while_storing, store_before_broadcast, "took effect [2-9] times"),
    "nonce and transaction in one write (2)": (dies_while_storing, nonces_taken_with_their_transactions, "after 30 minutes"),
    "proof that a nonce is another's (3)": (receipts_lag, proof_of_who_used_a_nonce, "took effect [2-9] times"),
    "no receipt decides nothing (8)": (is_not_mined_for_a_while, no_receipt_decides_nothing, "took effect [2-9] times"),
    "retry over settled attempts only (4)": (retried_while_in_flight, retry_only_of_what_is_settled, "took effect [2-9] times"),
    "conditional writes (7)": (cancelled_while_it_is_signed, conditional_writes, "took effect 1 times"),
    "depth (5)": (reorged_after_a_block, depth, "took effect 0 times"),
}


def _run(world: World, scenario: Callable[[World], None]) -> None:
    scenario(world)
    world.run_until_settled(minutes=30)
    world.assert_exactly_once()


@pytest.mark.parametrize("name", PROTECTIONS)
def test_with_its_protection_the_scenario_holds(name: str) -> None:
    scenario, _, _ = PROTECTIONS[name]
    world = World()
    world.killed_in_start = lambda *_: None  # type: ignore[attr-defined]
    if scenario is retried_while_in_flight:
        world.retry = world.job  # type: ignore[method-assign] -- it is refused, which is another's test
    _run(world, scenario)
    assert not world.open_jobs()
    assert not any(job.status in IN_FLIGHT for job in world.jobs.rows.values())
    assert world.chain.state.nonce(ALICE) == len(world.jobs.rows)


@pytest.mark.parametrize("name", PROTECTIONS)
def test_without_its_protection_the_scenario_fails(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario, without, complaint = PROTECTIONS[name]
    world = World()
    without(monkeypatch, world)
    with pytest.raises(AssertionError, match=complaint):
        _run(world, scenario)
