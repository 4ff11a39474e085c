from collections.abc import Callable, Iterator

import pytest

from tests.unit.chain.stub_node import StubNode


@pytest.fixture
def stubs() -> Iterator[Callable[[], StubNode]]:
    """Starts as many stub nodes as a test calls for."""
    started: list[StubNode] = []

    def start() -> StubNode:
        started.append(StubNode())
        return started[-1]

    yield start
    for stub in started:
        stub.close()


@pytest.fixture
def stub(stubs: Callable[[], StubNode]) -> StubNode:
    return stubs()
