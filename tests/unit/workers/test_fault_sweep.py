"""Invariants 2, 3 and 6: whichever call fails, and however, every scenario ends the same way, later."""

import pytest

from tests.fakes.calls import Fault, Mode
from tests.fakes.world import World
from tests.unit.workers.scenarios import SCENARIOS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.name)
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_job_takes_effect_exactly_once_whichever_call_fails(name: str, mode: Mode) -> None:
    undisturbed = World()
    SCENARIOS[name](undisturbed)
    undisturbed.assert_exactly_once()
    cases = len(undisturbed.calls.log)
    for index in range(cases):
        world = World()
        world.calls.fault = Fault(index, mode)
        try:
            SCENARIOS[name](world)
            world.assert_exactly_once()
        except AssertionError as error:
            call = world.calls.log[index].name
            raise AssertionError(f"{name}: call {index}, {call}, {mode}: {error}") from error
    print(f"{name}, {mode}: {cases} cases")
