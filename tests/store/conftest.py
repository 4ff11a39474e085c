"""Where the stores' contract is held: memory, the AWS emulator, and Amazon's DynamoDB Local where Java and Maven are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack.machine import dynamodb_local, ministack
from stack.machine.processes import Process

pytest.register_assert_rewrite("tests.store.backends", "tests.store.walking")

from tests.store.backends import Stores, Tables, fresh_tables, memory_stores  # noqa: E402 -- after the line above

MEMORY = "memory"
ENDPOINTS = ("ministack", "dynamodb_local") if dynamodb_local.available() else ("ministack",)


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("ministack")
    process = Process("ministack", directory)
    try:
        yield ministack.start(process, directory)
    finally:
        process.stop()


@pytest.fixture(scope="session")
def dynamodb_local_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with dynamodb_local.dynamodb_local(tmp_path_factory.mktemp("dynamodb-local")) as url:
        yield url


@pytest.fixture(params=ENDPOINTS)
def tables(request: pytest.FixtureRequest) -> Iterator[Tables]:
    """For what only the adapter can show: fresh tables on each endpoint."""
    with fresh_tables(request.getfixturevalue(f"{request.param}_url")) as made:
        yield made


@contextmanager
def empty_stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    if request.param == MEMORY:
        yield memory_stores()
    else:
        with fresh_tables(request.getfixturevalue(f"{request.param}_url")) as made:
            yield made.stores


@pytest.fixture(params=(MEMORY, *ENDPOINTS))
def stores(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """For the contract itself: empty stores of every kind."""
    with empty_stores(request) as made:
        yield made


@pytest.fixture(scope="module", params=(MEMORY, *ENDPOINTS))
def library(request: pytest.FixtureRequest) -> Iterator[Stores]:
    """The same, one for all tests of a module: it is filled once, and then only read."""
    with empty_stores(request) as made:
        yield made


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not dynamodb_local.available():
        here = Path(__file__).parent.name
        terminalreporter.write_line(f"tests/{here}: no Java or no Maven, so the stores were NOT tested on DynamoDB Local.")
