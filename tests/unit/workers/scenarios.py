"""Runs that several tests repeat: with a fault in each of their calls, or with a protection taken away."""

from collections.abc import Callable
from contextlib import suppress

from chalicelib.errors import JobNotCancellable
from chalicelib.networks import GWEI
from tests.fakes.world import BOB, World

Scenario = Callable[[World], None]


def happy_path(world: World) -> None:
    """Three jobs over two accounts."""
    for sender in ("first", "second"):
        world.issue(f"hit {sender}")
    world.issue("hit third", BOB)
    world.run_until_settled()


def stuck_and_replaced(world: World) -> None:
    """The base fee rises above what was offered: the transactions are replaced with higher fees."""
    world.issue("hit first")
    world.issue("hit second")
    world.deliver()
    world.chain.base_fee = 30 * GWEI
    world.run_until_settled()


def cancelled_after_start(world: World) -> None:
    """Cancelled while its transaction is in the pool; another job of the account goes on."""
    first = world.issue("hit first")
    world.deliver()
    world.chain.base_fee = 23 * GWEI  # above what was offered
    world.run(1)
    with suppress(JobNotCancellable):  # a fault may have ended it already
        world.cancel(first)
    world.issue("hit second")
    world.run(20)
    world.chain.base_fee = 10 * GWEI
    world.run_until_settled()


def dependent_pair(world: World) -> None:
    """Approve and transferFrom, posted together."""
    world.issue("set allowance;hit approve")
    world.issue("need allowance;unset allowance;hit transferFrom")
    world.run_until_settled()


SCENARIOS: dict[str, Scenario] = {
    "happy path": happy_path,
    "stuck and replaced": stuck_and_replaced,
    "cancelled after start": cancelled_after_start,
    "dependent pair": dependent_pair,
}
