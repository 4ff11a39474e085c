"""What the local stack deploys runs on chains that stand before Fuse's Shanghai, by transactions that such a chain accepts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import HTTPProvider, Web3

from stack import rpc
from stack.contracts import compile_contracts, contract
from stack.deployment.factories import send_factories
from stack.funder import Funder
from stack.machine import anvil
from stack.machine.processes import Process
from stack.machine.seed import deploy_token
from stack.progress import silent

SALT = b"\x01" * 32
CREATION_GAS = 1_500_000


@pytest.fixture(params=["berlin", "london"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a node at that fork. Berlin has no base fee, so it accepts legacy transactions only."""
    compile_contracts(silent, update_service=False)
    process = Process("chain", tmp_path)
    try:
        found = anvil.start(process, tmp_path, hardfork=request.param)
        has_base_fee = "baseFeePerGas" in rpc.call(found, "eth_getBlockByNumber", "latest", False)
        assert has_base_fee == (request.param == "london")
        yield found
    finally:
        process.stop()


def test_factories_tokens_and_wallets_work_on_a_chain_before_shanghai(url: str) -> None:
    funder = Funder(url, anvil.FUNDER_KEY)
    factories = send_factories(funder)
    demo = deploy_token(funder, funder.address)
    solar = ("Solar", "SOL", 1, "")
    funder.call("creating a token", contract("TokenFactory"), factories.token, "createToken", *solar, gas=CREATION_GAS)
    funder.call("creating a wallet", contract("WalletFactory"), factories.wallet, "createWallet", funder.address, SALT)
    funder.wait(silent)
    wallet = at(url, "WalletFactory", factories.wallet).functions.walletAddress(funder.address, SALT).call()
    funder.call("minting to the wallet", contract("DemoToken"), demo, "mint", wallet, 5)
    transfer = at(url, "DemoToken", demo).encode_abi("transfer", [funder.address, 2])
    funder.call("transferring from it", contract("Wallet"), wallet, "execute", demo, 0, bytes.fromhex(transfer[2:]))
    funder.wait(silent)
    balances = at(url, "DemoToken", demo).functions
    assert (balances.balanceOf(wallet).call(), balances.balanceOf(funder.address).call()) == (3, 2)


def at(url: str, name: str, address: str) -> Any:
    return Web3(HTTPProvider(url)).eth.contract(address=Web3.to_checksum_address(address), abi=contract(name).abi)
