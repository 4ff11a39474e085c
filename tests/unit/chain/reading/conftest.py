"""A `Node` that asks one stub."""

import pytest

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.networks import FUSE


@pytest.fixture
def node(stub):
    return Node(FUSE, RpcClient([stub.url], chain_id=122, answer_seconds=5))
