"""A job whose receipt is too large for an answer is confirmed all the same, and keeps no other job waiting."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc import endpoint
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.jobs.model import Status
from chalicelib.jobs.settlement import is_reorged
from chalicelib.workers.confirm import confirm_jobs
from chalicelib.workers.watch_nonces import watch_nonces
from tests.fakes.json_rpc import CountedNode
from tests.fakes.world import ALICE, BOB, NETWORK, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """On a node that is asked over HTTP, as far as its client knows."""
    world = World()
    node = CountedNode(world.chain)
    monkeypatch.setattr(endpoint, "Transport", node.transport)
    world.node = node  # type: ignore[attr-defined]
    world.rpc = RpcClient(["http://node"], chain_id=NETWORK.chain_id)  # type: ignore[attr-defined]
    world.ports = replace(world.ports, chain=Node(NETWORK, world.rpc))  # type: ignore[attr-defined]
    return world


@pytest.mark.parametrize(("programme", "status"), [("hit much", Status.SUCCEEDED), ("trap much", Status.FAILED)])
def test_a_job_with_a_large_receipt_ends_as_its_status_says(world: World, programme: str, status: Status) -> None:
    world.node.large = {programme}
    job_id = world.issue(programme)
    world.run_until_settled(minutes=3)
    assert world.status(job_id) is status
    world.assert_exactly_once()


def test_many_jobs_with_large_receipts_each_have_their_turn(world: World) -> None:
    programmes = [f"hit {number}" for number in range(20)]
    world.node.large = set(programmes[::3])
    for programme in programmes:
        world.issue(programme)
    world.run_until_settled(minutes=5)
    world.assert_exactly_once()


def test_a_job_whose_receipt_cannot_be_read_waits_and_the_others_go_on(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.node.too_large = {"hit much"}
    stuck = world.issue("hit much")
    others = [world.issue(f"hit {number}", sender) for number, sender in enumerate([ALICE, BOB] * 3)]
    world.run_until(lambda: all(world.status(job_id) is Status.SUCCEEDED for job_id in others), minutes=3)
    world.run(300)
    assert world.status(stuck) is Status.STARTED
    assert [record.message for record in caplog.records].count("a receipt is too large to be read") == 1
    assert "a settled nonce without a receipt" not in caplog.text
    world.node.too_large = set()
    world.run_until_settled(minutes=3)
    world.assert_exactly_once()


def test_a_job_whose_receipt_cannot_be_read_is_polled_with_growing_patience(world: World) -> None:
    world.node.too_large = {"hit much"}
    job_id = world.issue("hit much")
    polls = []
    until = world.now + timedelta(minutes=15)
    while world.now < until:
        asked = len(world.node.bodies)
        world.step()
        if any("eth_getTransactionReceipt" in body for body in world.node.bodies[asked:]):
            polls.append(world.now)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(polls)]
    assert world.status(job_id) is Status.STARTED
    assert min(gaps[-5:]) >= 55
    assert len(polls) < 40


def test_nobody_asks_what_used_a_nonce_whose_receipt_is_only_too_large(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.node.too_large = {"hit much"}
    job_id = world.issue("hit much")
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(world.ports.chain, "user_of_nonce", lambda *call: asked.append(call))
    world.run(120)
    confirm_jobs([job_id], world.ports)
    assert world.chain.hits("much") == 1
    assert asked == []


def test_nobody_asks_what_used_a_nonce_after_the_run_is_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = world.issue("hit late")
    world.run_until(lambda: world.status(job_id) is Status.STARTED)
    world.chain.lies.hides_receipts = True
    world.chain.mine(8)
    asked: list[int] = []
    monkeypatch.setattr(world.ports.chain, "user_of_nonce", lambda *call: asked.append(call[1]))
    over = world.now + timedelta(seconds=20)
    transactions_view = world.ports.chain.transactions_view

    def slow(*call):
        world.now = over
        return transactions_view(*call)

    monkeypatch.setattr(world.ports.chain, "transactions_view", slow)
    confirm_jobs([job_id], world.ports, over)
    assert asked == []
    confirm_jobs([job_id], world.ports, over + timedelta(seconds=1))
    assert asked == [0]


def test_a_job_that_a_reorg_has_taken_back_is_not_sent_again_while_its_receipt_cannot_be_read(world: World) -> None:
    job_id = world.issue("hit much")
    world.run_until_settled(minutes=3)
    signed = world.job(job_id).attempt.hashes
    world.chain.reorg(world.chain.blocks[-1].number - world.job(job_id).attempt.receipt.block_number + 1)
    watch_nonces(world.ports)
    assert is_reorged(world.job(job_id))
    world.node.too_large = {"hit much"}
    world.run_until(lambda: world.chain.hits("much") == 1, minutes=1)
    world.node.bodies.clear()
    world.run(180)
    assert sum("eth_getTransactionReceipt" in body for body in world.node.bodies) > 1
    assert not any("eth_sendRawTransaction" in body for body in world.node.bodies)
    assert is_reorged(world.job(job_id))
    assert world.job(job_id).attempt.hashes == signed
    world.node.too_large = set()
    world.run_until(lambda: not is_reorged(world.job(job_id)), minutes=3)
    world.assert_exactly_once()
