"""Nonces that another account's transaction uses up by authorizations (EIP-7702), on a real node with the Prague fork."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import HTTPProvider, Web3

from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.networks import FUSE
from stack.contracts import compile_contracts
from stack.machine import anvil
from stack.machine.processes import Process, chosen_port, clean_environment

DELEGATE = "0x00000000000000000000000000000000000000Fe"
GWEI = 10**9


@pytest.fixture(scope="module")
def prague(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web3]:
    compile_contracts(print, update_service=False)  # which installs the node
    directory = tmp_path_factory.mktemp("prague")
    process, port = Process("prague", directory), chosen_port("PRAGUE_PORT", None)
    command = [
        str(anvil.binary()),
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(anvil.CHAIN_ID), "--hardfork", "prague", "--silent"),
    ]
    process.start(command, clean_environment({"TMPDIR": str(directory), "HOME": str(directory)}))
    url = f"http://127.0.0.1:{port}"
    try:
        process.wait_ready(lambda: anvil.answers(url))
        yield Web3(HTTPProvider(url))
    finally:
        process.stop()


@pytest.fixture
def node(prague: Web3) -> Node:
    return Node(FUSE, RpcClient([prague.provider.endpoint_uri], chain_id=anvil.CHAIN_ID))  # type: ignore[attr-defined]


@pytest.fixture
def ours(prague: Web3) -> LocalAccount:
    """A new account with coins, whose key another program knows, too."""
    account: LocalAccount = Account.create()
    prague.provider.make_request("anvil_setBalance", [account.address, hex(10**18)])  # type: ignore[arg-type]
    return account


def raw(prague: Web3, account: LocalAccount, nonce: int, **fields: Any) -> bytes:
    """A signed transaction of the account to itself."""
    transaction = {
        "chainId": anvil.CHAIN_ID,
        "nonce": nonce,
        "to": account.address,
        "value": 0,
        "gas": 200_000,
        "maxFeePerGas": 100 * GWEI,
        "maxPriorityFeePerGas": GWEI,
        **fields,
    }
    return bytes(account.sign_transaction(transaction).raw_transaction)


def mine_together(prague: Web3, *transactions: bytes) -> str:
    """The hash of the one block that holds them all, in this order."""

    def ask(method: str, *params: Any) -> Any:
        return prague.provider.make_request(method, list(params))  # type: ignore[arg-type]

    ask("evm_setAutomine", False)
    hashes = [prague.eth.send_raw_transaction(one) for one in transactions]
    ask("evm_mine")
    ask("evm_setAutomine", True)
    blocks = {bytes(prague.eth.get_transaction_receipt(hash_)["blockHash"]).hex() for hash_ in hashes}
    assert len(blocks) == 1
    return "0x" + blocks.pop()


def authorized(account: LocalAccount, *nonces: int) -> list[Any]:
    return [account.sign_authorization({"chainId": anvil.CHAIN_ID, "address": DELEGATE, "nonce": nonce}) for nonce in nonces]


def sponsored(prague: Web3, account: LocalAccount, *nonces: int) -> bytes:
    """Another account's transaction that carries authorizations of `account` at these nonces."""
    sponsor: LocalAccount = Account.create()
    prague.provider.make_request("anvil_setBalance", [sponsor.address, hex(10**18)])  # type: ignore[arg-type]
    return raw(prague, sponsor, 0, authorizationList=authorized(account, *nonces))


def test_a_nonce_that_an_authorization_used_was_used_by_no_transaction_of_the_account(
    prague: Web3, node: Node, ours: LocalAccount
) -> None:
    block = mine_together(prague, sponsored(prague, ours, 0))
    assert prague.eth.get_transaction_count(ours.address) == 1
    head = node.head().number
    assert node.user_of_nonce(ours.address, 0, head) == block
    assert node.user_of_nonce(ours.address, 1, head) is None


def test_several_authorizations_in_one_transaction_use_as_many_nonces(prague: Web3, node: Node, ours: LocalAccount) -> None:
    block = mine_together(prague, sponsored(prague, ours, 0, 1, 2))
    assert prague.eth.get_transaction_count(ours.address) == 3
    assert {node.user_of_nonce(ours.address, nonce, node.head().number) for nonce in range(3)} == {block}


def test_a_transaction_of_the_account_in_the_same_block_is_told_from_its_authorizations(
    prague: Web3, node: Node, ours: LocalAccount
) -> None:
    own = raw(prague, ours, 0, maxPriorityFeePerGas=10 * GWEI)  # it comes first in the block
    block = mine_together(prague, own, sponsored(prague, ours, 1))
    assert prague.eth.get_transaction_count(ours.address) == 2
    head = node.head().number
    assert node.user_of_nonce(ours.address, 0, head) == Web3.to_hex(Web3.keccak(own))
    assert node.user_of_nonce(ours.address, 1, head) == block


def test_an_account_s_own_transaction_may_carry_an_authorization_at_its_next_nonce(
    prague: Web3, node: Node, ours: LocalAccount
) -> None:
    own = raw(prague, ours, 0, authorizationList=authorized(ours, 1))
    block = mine_together(prague, own)
    head = node.head().number
    assert node.user_of_nonce(ours.address, 0, head) == Web3.to_hex(Web3.keccak(own))
    assert node.user_of_nonce(ours.address, 1, head) == block
