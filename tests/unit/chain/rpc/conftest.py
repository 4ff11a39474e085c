"""The RPC client under test, and its clock."""

import pytest

from chalicelib.chain.rpc.client import RpcClient
from tests.unit.chain.rpc.faults import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(clock):
    def build(*stubs, answer_seconds=5.0, suffix=""):
        urls = [stub if isinstance(stub, str) else stub.url for stub in stubs]
        return RpcClient([url + suffix for url in urls], chain_id=122, answer_seconds=answer_seconds, monotonic=clock)

    return build
