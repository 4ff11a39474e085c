"""Invariant 7: another worker does the whole of every step between any two calls of this one; whoever loses yields."""

import pytest

from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, encode
from chalicelib.workers.events import handle_confirm, handle_execute
from chalicelib.workers.reconcile import reconcile_jobs
from tests.fakes.calls import Made
from tests.fakes.world import World
from tests.unit.workers.scenarios import SCENARIOS

pytestmark = pytest.mark.slow


class Overtaker:
    """At one call of the run, before it is applied, another worker does all there is to do: as when a timeout was too short."""

    def __init__(self, world: World, index: int, *, blocks: int) -> None:
        self._world, self._index, self._blocks = world, index, blocks
        self._watch = world.calls.watch
        self._busy = False
        world.calls.watch = self

    def __call__(self, call: Made) -> None:
        self._watch(call)
        if self._busy or len(self._world.calls.log) <= self._index:
            return
        self._busy = True
        self._world.calls.watch = self._watch
        self._overtake()

    def _overtake(self) -> None:
        world = self._world
        job_ids = tuple(world.jobs.rows)
        accounts = [encode(ExecuteJobs(account_id, job_ids)) for account_id in world.accounts.rows]
        for _ in range(self._blocks + 1):
            handle_execute(_event(*accounts), world.ports)
            handle_confirm(_event(encode(ConfirmJobs(job_ids))), world.ports)
            reconcile_jobs(world.ports)
            if self._blocks:
                world.chain.mine()


def _event(*bodies: str) -> dict[str, list[dict[str, str]]]:
    return {"Records": [{"messageId": str(number), "body": body} for number, body in enumerate(bodies)]}


@pytest.mark.parametrize("blocks", [0, 2, 8], ids=["at once", "over two blocks", "over so many that all is settled"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_worker_overtaken_at_any_call_does_no_harm(name: str, blocks: int) -> None:
    undisturbed = World()
    SCENARIOS[name](undisturbed)
    undisturbed.assert_exactly_once()
    cases = len(undisturbed.calls.log)
    for index in range(cases):
        world = World()
        Overtaker(world, index, blocks=blocks)
        try:
            SCENARIOS[name](world)
            world.assert_exactly_once()
        except AssertionError as error:
            call = world.calls.log[index].name
            raise AssertionError(f"{name}: overtaken at call {index}, {call}: {error}") from error
    print(f"{name}, overtaken: {cases} cases")
