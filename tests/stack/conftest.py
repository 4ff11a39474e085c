"""The whole stack, started once for the session on ports and in a directory of its own, and ended with it."""

from collections.abc import Iterator

import pytest
from web3 import Web3
from web3.contract import Contract

from stack.machine.local import LocalStack
from tests.stack.client import Client, chain_of
from tests.stack.node_control import AnvilControl, NodeControl, restored
from tests.stack.scene import Scene
from tests.stack.sink import deployed_sink


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Emulator, chain, the deployed template and zip, two funded accounts, an ERC-20."""
    with LocalStack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture(scope="session")
def env(stack: LocalStack) -> dict[str, str]:
    """What stack.env says."""
    return stack.env


@pytest.fixture(scope="session")
def issuer(env: dict[str, str]) -> Client:
    """Signs with a KMS key."""
    return Client(env, env["ISSUER_TOKEN"])


@pytest.fixture(scope="session")
def other(env: dict[str, str]) -> Client:
    """Signs with a key in Secrets Manager."""
    return Client(env, env["OTHER_ISSUER_TOKEN"])


@pytest.fixture(scope="session")
def admin(env: dict[str, str]) -> Client:
    return Client(env, env["ADMIN_TOKEN"])


@pytest.fixture(scope="session")
def chain(env: dict[str, str]) -> Web3:
    return chain_of(env)


@pytest.fixture(scope="session")
def sink(issuer: Client, chain: Web3) -> Contract:
    return deployed_sink(issuer, chain)


@pytest.fixture
def control(env: dict[str, str]) -> Iterator[NodeControl]:
    """The node, for what the service does not do to it. Afterwards it mines as before, and the accounts are funded."""
    with restored(AnvilControl(env["RPC_URL"]), env) as found:
        yield found


@pytest.fixture(scope="session")
def scene(stack: LocalStack) -> Scene:
    """A second stack beside it, of which nothing runs by itself."""
    return Scene(stack)
