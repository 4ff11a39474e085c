"""The runtime that a packaged template names."""

from typing import Any

from stack.build.package import Package
from stack.build.runtime import Runtime, of_this_machine
from tests.deploy.reading import functions


def test_every_function_runs_on_what_its_stage_names(built: Package, resources: dict[str, Any], runtime: Runtime) -> None:
    expected = of_this_machine().name if built.stage == "local" else runtime.name
    assert {one["Properties"]["Runtime"] for one in functions(resources).values()} == {expected}
