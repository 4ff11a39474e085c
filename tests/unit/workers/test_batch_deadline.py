"""One batch holds messages of several accounts: a slow node must not make the function run into its timeout."""

from datetime import datetime, timedelta
from typing import Any

from chalicelib.bounds import Bounds
from chalicelib.jobs.model import Account, Status
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, encode
from chalicelib.workers.events import handle_confirm, handle_execute
from tests.fakes.chain import ETHER
from tests.fakes.world import NETWORK, World

ADDRESSES = ["0x" + letter * 40 for letter in "ABCDE"]
TIMEOUT_SECONDS = 30


def slow_world(seconds: float) -> World:
    """Five accounts, and a node that takes so long for each look at the chain."""
    world = World()
    for address in ADDRESSES[2:]:
        account = Account(NETWORK.chain_id, address, key=f"secret:{address}", owner="issuer")
        world.accounts.rows[account.account_id] = account
        world.chain.fund(address, ETHER)
    for name in ("account_view", "transactions_view"):
        _slow_down(world, name, seconds)
    return world


def _slow_down(world: World, name: str, seconds: float) -> None:
    asked = getattr(world.chain, name)

    def slowly(*arguments: Any) -> Any:
        world.now += timedelta(seconds=seconds)
        return asked(*arguments)

    setattr(world.chain, name, slowly)


def record(message_id: str, body: str, receives: int = 1) -> dict[str, Any]:
    return {"messageId": message_id, "body": body, "attributes": {"ApproximateReceiveCount": str(receives)}}


def failures(answer: Any) -> list[str]:
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def within_the_timeout(world: World, began: datetime) -> bool:
    return world.now - began < timedelta(seconds=TIMEOUT_SECONDS)


def executing(world: World, receives: dict[str, int]) -> tuple[list[str], dict[str, Any]]:
    """A job of each account, and the batch of their messages."""
    jobs = {address: world.issue(f"hit {address}", address) for address in ADDRESSES}
    bodies = {address: encode(ExecuteJobs(f"{NETWORK.chain_id}:{address}", (jobs[address],))) for address in ADDRESSES}
    return list(jobs.values()), {"Records": [record(one, bodies[one], receives.get(one, 1)) for one in ADDRESSES]}


def test_accounts_that_a_batch_does_not_reach_in_time_are_answered_as_failed_and_nothing_is_lost() -> None:
    world = slow_world(seconds=9)
    jobs, batch = executing(world, {})
    began = world.now
    answer = handle_execute(batch, world.ports)
    assert within_the_timeout(world, began)
    assert [world.status(job) for job in jobs] == [Status.STARTED] * 3 + [Status.PENDING] * 2
    assert failures(answer) == ADDRESSES[3:]
    assert began + timedelta(seconds=Bounds().run_seconds) < world.now


def test_accounts_that_were_not_reached_come_first_when_their_messages_come_again() -> None:
    world = slow_world(seconds=9)
    jobs, batch = executing(world, {ADDRESSES[3]: 2, ADDRESSES[4]: 3})
    handle_execute(batch, world.ports)
    started = [address for address, job in zip(ADDRESSES, jobs, strict=True) if world.status(job) is Status.STARTED]
    assert started == [ADDRESSES[0], *ADDRESSES[3:]]


def test_invariant_12_an_account_whose_estimates_were_cut_off_a_moment_ago_comes_last_in_its_batch() -> None:
    """Even if its message was delivered before: its owner may make that happen."""
    world = slow_world(seconds=9)
    jobs, batch = executing(world, {ADDRESSES[0]: 3})
    world.ports.paces.of(f"{NETWORK.chain_id}:{ADDRESSES[0]}").cut_at = world.now - timedelta(seconds=5)
    handle_execute(batch, world.ports)
    started = [address for address, job in zip(ADDRESSES, jobs, strict=True) if world.status(job) is Status.STARTED]
    assert started == ADDRESSES[1:4]


def test_an_account_with_many_jobs_leaves_time_for_the_others_of_its_batch() -> None:
    """Each round takes a while; the account's own budget would be enough for all of them."""
    world = slow_world(seconds=2)
    many = [world.issue(f"hit {number}") for number in range(500)]
    jobs, batch = executing(world, {})
    answer = handle_execute(batch, world.ports)
    assert failures(answer) == []
    assert [world.status(job) for job in jobs[1:]] == [Status.STARTED] * 4
    assert Status.PENDING in {world.status(job) for job in many}
    del world.chain.account_view, world.chain.transactions_view  # the node is as quick as ever
    world.run_until_settled()
    world.assert_exactly_once()


def test_polls_that_are_not_reached_in_time_are_answered_as_failed() -> None:
    world = slow_world(seconds=0)
    jobs, batch = executing(world, {})
    handle_execute(batch, world.ports)
    _slow_down(world, "transactions_view", 9)
    polls = [encode(ConfirmJobs((job,))) for job in jobs]
    passed_on = encode(ExecuteJobs(f"{NETWORK.chain_id}:{ADDRESSES[0]}", (jobs[0],)))
    records = [record(address, poll) for address, poll in zip(ADDRESSES, polls, strict=True)]
    records[4]["attributes"]["ApproximateReceiveCount"] = "2"
    began, before = world.now, len(world.calls.names())
    answer = handle_confirm({"Records": [*records, record("delayed", passed_on)]}, world.ports)
    assert within_the_timeout(world, began)
    assert failures(answer) == [ADDRESSES[2], ADDRESSES[3]]
    calls = world.calls.names()[before:]
    assert calls.index("queue.execute_now") < calls.index("chain.transactions_view"), (
        "a slow node keeps no delayed message waiting"
    )
