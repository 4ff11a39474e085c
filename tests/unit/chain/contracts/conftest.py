"""Contracts of a stub node, and the reader that asks it."""

import pytest

from chalicelib.chain.contracts.contract_reader import (
    ContractReader,
)
from chalicelib.chain.rpc.client import RpcClient
from tests.unit.chain.contracts.stub_contracts import FACTORY, Contracts


@pytest.fixture
def contracts(stub):
    return Contracts(stub)


@pytest.fixture
def reader(stub, contracts):
    return ContractReader(RpcClient([stub.url], chain_id=122), FACTORY)
