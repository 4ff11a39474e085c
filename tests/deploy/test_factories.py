"""The contracts that make tokens and wallets, on a chain that runs already: `make factories`."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from web3 import HTTPProvider, Web3
from web3.logs import DISCARD

from stack import paths, rpc
from stack.contracts import contract
from stack.deployment.factories import deploy_factories
from stack.errors import StackError
from stack.machine import anvil
from stack.machine.processes import Process
from stack.progress import silent

POOR_KEY = "0x" + "11" * 32


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its chain id is Fuse's."""
    process = Process("anvil", tmp_path_factory.mktemp("node"))
    try:
        yield anvil.start(process, process.lock.parent)
    finally:
        process.stop()


def command(node: str, *arguments: str, key: str = anvil.FUNDER_KEY) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"RPC_URL": node, "FUNDER_KEY": key}
    words = [sys.executable, "-m", "stack", *arguments]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=paths.ROOT, env=environment)


def test_both_are_deployed_from_the_committed_artefacts_and_make_what_they_should(node: str) -> None:
    said: list[str] = []
    factories = deploy_factories("fuse", node, anvil.FUNDER_KEY, said.append)
    assert any("TokenFactory and WalletFactory to chain 122" in line for line in said)
    chain = Web3(HTTPProvider(node))
    funder = chain.eth.accounts[0]
    token = chain.eth.contract(address=Web3.to_checksum_address(factories.token), abi=contract("TokenFactory").abi)
    receipt = chain.eth.wait_for_transaction_receipt(token.functions.createToken("A", "B", 1, "").transact({"from": funder}))
    (created,) = token.events.TokenCreated().process_receipt(receipt, errors=DISCARD)
    assert created["args"]["owner"] == funder
    wallet = chain.eth.contract(address=Web3.to_checksum_address(factories.wallet), abi=contract("WalletFactory").abi)
    receipt = chain.eth.wait_for_transaction_receipt(
        wallet.functions.createWallet(funder, b"\x01" * 32).transact({"from": funder})
    )
    (created,) = wallet.events.WalletCreated().process_receipt(receipt, errors=DISCARD)
    assert created["args"]["wallet"] == wallet.functions.walletAddress(funder, b"\x01" * 32).call()


def test_the_command_prints_the_deployment_to_make_next_and_never_the_key(node: str) -> None:
    done = command(node, "factories", "--stage", "fuse")
    assert done.returncode == 0, done.stderr
    *_, last = done.stdout.splitlines()
    words = last.split()
    assert words[:3] == ["make", "deploy", "STAGE=fuse"]
    given = dict(word.split("=") for word in words[3:])
    assert set(given) == {"TOKEN_FACTORY", "WALLET_FACTORY"}
    for address in given.values():
        assert Web3.is_checksum_address(address)
        assert len(rpc.call(node, "eth_getCode", address, "latest")) > 2
    assert anvil.FUNDER_KEY[2:] not in done.stdout + done.stderr


def test_a_node_of_another_chain_is_refused_before_anything_is_paid_for(node: str) -> None:
    before = rpc.call(node, "eth_getTransactionCount", Web3(HTTPProvider(node)).eth.accounts[0], "pending")
    with pytest.raises(StackError, match="is on chain 122; stage spark is for chain 123"):
        deploy_factories("spark", node, anvil.FUNDER_KEY, silent)
    assert rpc.call(node, "eth_getTransactionCount", Web3(HTTPProvider(node)).eth.accounts[0], "pending") == before


def test_a_funder_without_money_and_one_without_a_key_are_one_sentence(node: str) -> None:
    poor = command(node, "factories", "--stage", "fuse", key=POOR_KEY)
    assert (poor.returncode, poor.stderr.count("\n")) == (1, 2)
    assert "has no coins on chain 122" in poor.stderr
    assert POOR_KEY[2:] not in poor.stdout + poor.stderr
    missing = command(node, "factories", "--stage", "fuse", key="")
    assert (missing.returncode, "FUNDER_KEY" in missing.stderr) == (1, True)


def test_make_hands_the_key_on_by_the_environment_alone() -> None:
    words = ["make", "--dry-run", "--old-file", ".venv/.ready", "factories", "STAGE=spark"]
    environment = os.environ | {"FUNDER_KEY": POOR_KEY}
    done = subprocess.run(words, capture_output=True, text=True, check=True, cwd=paths.ROOT, env=environment)
    assert "-m stack factories\n" in done.stdout
    assert POOR_KEY not in done.stdout
    without = subprocess.run(
        ["make", "-n", "-o", ".venv/.ready", "factories"], capture_output=True, text=True, check=False, cwd=paths.ROOT
    )
    assert "make factories STAGE=spark" in without.stderr
