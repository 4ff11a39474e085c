"""One node for the session with the two factories on it; every test makes tokens and wallets of its own."""

from collections.abc import Callable, Iterator

import pytest
from web3.contract import Contract

from stack.contracts import compile_contracts
from stack.machine.processes import Process
from tests.contracts.ground import Ground, compile_test_contracts, fresh_salt, start_node


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    compile_contracts(print, update_service=False)  # what is committed is looked at as it is
    test_artifacts = compile_test_contracts(tmp_path_factory.mktemp("artifacts"))
    directory = tmp_path_factory.mktemp("node")
    process = Process("chain", directory)
    try:
        yield Ground.at(start_node(process, directory), test_artifacts)
    finally:
        process.stop()


@pytest.fixture(scope="session")
def token_factory(ground: Ground) -> Contract:
    return ground.deploy("TokenFactory")


@pytest.fixture(scope="session")
def wallet_factory(ground: Ground) -> Contract:
    return ground.deploy("WalletFactory")


@pytest.fixture(scope="session")
def new_token(ground: Ground, token_factory: Contract) -> Callable[..., Contract]:
    """A community token of the issuer's, with an initial supply."""

    def create(supply: int = 0, uri: str = "") -> Contract:
        receipt = ground.send(token_factory.functions.createToken("Solar", "SOL", supply, uri), ground.issuer)
        (created,) = ground.events(token_factory, "TokenCreated", receipt)
        return ground.contract("CommunityToken", created["token"])

    return create


@pytest.fixture
def wallet(ground: Ground, wallet_factory: Contract) -> Contract:
    """A new wallet of the issuer's."""
    salt = fresh_salt()
    ground.send(wallet_factory.functions.createWallet(ground.issuer, salt), ground.issuer)
    return ground.contract("Wallet", wallet_factory.functions.walletAddress(ground.issuer, salt).call())
