"""What a burst of jobs costs from execute to its end, counted: requests to the node, rows read, messages sent.

The real client of the node, over a simulated one; counts do not depend on the machine.
"""

from collections import Counter
from dataclasses import dataclass, replace

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc import endpoint
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.jobs.model import Status
from tests.fakes.calls import Made
from tests.fakes.json_rpc import CountedNode
from tests.fakes.world import NETWORK, World

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Cost:
    """Of a whole burst. A row read strongly consistently counts twice as much as one that is not."""

    jobs: int
    requests: list[Counter[str]]
    calls: list[Made]

    @property
    def read_units(self) -> float:
        return sum(_units(call) for call in self.calls)

    def count(self, name: str) -> int:
        return sum(call.name == name for call in self.calls)


def _units(call: Made) -> float:
    """Rows of up to 4 KB."""
    match call.name:
        case "jobs.load":
            job_ids, *consistent = call.arguments
            return len(job_ids) * (0.5 if False in consistent else 1)
        case "jobs.get" | "accounts.get":
            return 0.5 if False in call.arguments[1:] else 1
        case "jobs.issued_on" | "jobs.earliest_waiting":
            return 0.5
    return 0


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """On a node that is asked over HTTP, as far as its client knows."""
    world = World()
    node = CountedNode(world.chain)
    monkeypatch.setattr(endpoint, "Transport", node.transport)
    world.node = node  # type: ignore[attr-defined]
    world.ports = replace(world.ports, chain=Node(NETWORK, RpcClient(["http://node"], chain_id=NETWORK.chain_id)))
    world.issue("hit warm")  # whatever is asked once a process has been asked
    world.run_until_settled()
    return world


def burst(world: World, jobs: int, *, delivered_every: int | None = None) -> Cost:
    """Issue so many and see them to their end; messages are delivered when all are issued, or after every so many."""
    job_ids = []
    world.node.bodies.clear()  # type: ignore[attr-defined]
    for number in range(jobs):
        job_ids.append(world.issue(f"hit {number}"))
        if number == 0:
            world.calls.log.clear()  # the API's own reads are another's
        if delivered_every and number % delivered_every == 0:
            world.deliver()
    issuing = {"jobs.issue", "queue.execute"}
    world.run_until_settled(minutes=3)
    calls = [call for call in world.calls.log if call.name not in issuing]
    cost = Cost(jobs, list(world.node.bodies), calls)  # type: ignore[attr-defined]
    assert {world.status(job_id) for job_id in job_ids} == {Status.SUCCEEDED}
    world.assert_exactly_once()
    return cost


@pytest.mark.parametrize(("jobs", "requests"), [(1, 3), (10, 3), (90, 3), (100, 6)])
def test_requests_to_the_node_do_not_grow_with_the_jobs_of_a_burst(world: World, jobs: int, requests: int) -> None:
    """What is known of account and chain, with the estimates; the broadcasts; the receipts, with the blocks they are in."""
    assert len(burst(world, jobs).requests) == requests


def test_a_burst_of_1000_takes_a_twentieth_of_a_request_a_job(world: World) -> None:
    assert len(burst(world, 1_000).requests) <= 50


def test_jobs_that_come_while_others_are_signed_are_signed_with_those_that_come_after_them(world: World) -> None:
    assert len(burst(world, 100, delivered_every=20).requests) <= 20


def test_each_job_is_asked_for_once_in_each_step(world: World) -> None:
    methods = sum(burst(world, 100).requests, Counter[str]())
    for method in ("eth_estimateGas", "eth_sendRawTransaction", "eth_getTransactionReceipt"):
        assert methods[method] == 100
    assert methods.total() - 300 <= 20, methods


@pytest.mark.parametrize(("jobs", "units"), [(1, 3.0), (10, 1.5), (100, 1.6)])
def test_rows_are_read_once_a_step_at_half_the_price(world: World, jobs: int, units: float) -> None:
    """The message's row, or the index's where it was signed with others, and the poll's; the account's once a run."""
    cost = burst(world, jobs)
    strongly = [call for call in cost.calls if call.name == "jobs.load" and False not in call.arguments[1:]]
    assert strongly == []
    assert cost.read_units / jobs <= units + 0.5  # the POST's own look at the account


def test_a_burst_is_watched_by_as_many_messages_as_it_had_rounds(world: World) -> None:
    cost = burst(world, 100)
    assert cost.count("queue.confirm") == 2
    assert cost.count("queue.execute_later") == 0
    assert cost.count("jobs.start") == 2


def test_a_job_is_written_once_when_it_starts_and_once_when_it_ends(world: World) -> None:
    cost = burst(world, 100)
    started = sum(len(call.arguments[2]) for call in cost.calls if call.name == "jobs.start")
    assert (started, cost.count("jobs.save")) == (100, 100)
