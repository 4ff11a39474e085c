"""The packaged stages, and an emulator to deploy to."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.aws import Client, clients
from stack.build.package import Package, package, runtime_of
from stack.build.runtime import Runtime, of_this_machine
from stack.errors import StackError
from stack.machine import ministack
from stack.machine.processes import Process
from stack.progress import say

STAGES = ("local", "spark", "fuse")


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    """The one that the stages in AWS name, where this machine has a Python of that version; else that of this Python."""
    try:
        return runtime_of("spark")
    except StackError:
        return of_this_machine()


@pytest.fixture(scope="session")
def packages(runtime: Runtime) -> dict[str, Package]:
    """What `make package` makes of each stage."""
    return {stage: package(stage, say, runtime=None if stage == "local" else runtime) for stage in STAGES}


@pytest.fixture(params=STAGES)
def built(request: pytest.FixtureRequest, packages: dict[str, Package]) -> Package:
    return packages[request.param]


@pytest.fixture
def template(built: Package) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(built.template.read_text())
    return loaded


@pytest.fixture
def resources(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"]
    return found


@pytest.fixture(scope="session")
def unzipped(packages: dict[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as Lambda unpacks it."""
    directory = tmp_path_factory.mktemp("function")
    with zipfile.ZipFile(packages["spark"].archive) as archive:
        archive.extractall(directory)
    return directory


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """An empty account of the emulator."""
    directory = tmp_path_factory.mktemp("ministack")
    process = Process("ministack", directory)
    try:
        endpoint = ministack.start(process, directory)
        yield clients(endpoint, ministack.REGION, ministack.ACCESS_KEY_ID, ministack.SECRET_ACCESS_KEY)
    finally:
        process.stop()
