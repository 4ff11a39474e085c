"""The gas limits that estimates give, on a node with the cap of one transaction (EIP-7825): they are mined with it."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.chain.reading.gas import TRANSACTION_GAS_CAP
from chalicelib.chain.reading.node import Node
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.jobs.ports import Call, Estimate, GasEstimate, Revert
from chalicelib.networks import FUSE
from stack import rpc
from stack.machine import anvil
from stack.machine.processes import Process, chosen_port, clean_environment

NEEDS_MOST_OF_THE_CAP = bytes.fromhex("630008b2905b600190038060055700")
"""Counts down from 569,872 while it is created: 14.9 million gas, of the cap's 16.8."""
BLOCK_GAS_LIMIT = 60_000_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("osaka")
    process = Process("osaka", directory)
    port = chosen_port("OSAKA_PORT", None)
    command = [
        str(anvil.binary()),
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(anvil.CHAIN_ID), "--silent"),
        *("--hardfork", "osaka", "--enable-tx-gas-limit", "--gas-limit", str(BLOCK_GAS_LIMIT)),
    ]
    process.start(command, clean_environment({"TMPDIR": str(directory), "HOME": str(directory)}))
    address = f"http://127.0.0.1:{port}"
    try:
        process.wait_ready(lambda: anvil.answers(address))
        yield address
    finally:
        process.stop()


def accounts(url: str) -> list[str]:
    return list(rpc.call(url, "eth_accounts"))


def estimated(url: str, **fields: Any) -> Estimate:
    sender, other, *_ = accounts(url)
    call = Call(**{"sender": sender, "to": other, "value": 0, "data": b"", **fields})
    (estimate,) = Node(FUSE, RpcClient([url], chain_id=anvil.CHAIN_ID)).account_view(sender, [call]).estimates
    return estimate


def sent(url: str, gas: int, data: bytes) -> Any:
    fields = {"from": accounts(url)[0], "gas": hex(gas), "data": f"0x{data.hex()}"}
    transaction_hash = rpc.call(url, "eth_sendTransaction", fields)
    rpc.call(url, "evm_mine")
    return rpc.call(url, "eth_getTransactionReceipt", transaction_hash)


def test_a_transaction_that_needs_most_of_the_cap_is_mined_with_the_limit_it_gets(url: str) -> None:
    estimate = estimated(url, to=None, data=NEEDS_MOST_OF_THE_CAP)
    assert isinstance(estimate, GasEstimate)
    assert 14_000_000 < estimate.gas <= TRANSACTION_GAS_CAP
    assert sent(url, estimate.gas, NEEDS_MOST_OF_THE_CAP)["status"] == "0x1"


def test_a_gas_limit_above_the_blocks_is_refused_by_the_estimate(url: str) -> None:
    estimate = estimated(url, gas=BLOCK_GAS_LIMIT + 1)
    assert estimate == Revert(f"the gas limit {BLOCK_GAS_LIMIT + 1} is above the block's {BLOCK_GAS_LIMIT}")


def test_a_gas_limit_that_is_too_low_is_told_with_what_is_needed(url: str) -> None:
    estimate = estimated(url, to=None, data=NEEDS_MOST_OF_THE_CAP, gas=1_000_000)
    assert isinstance(estimate, Revert)
    assert estimate.reason.startswith("out of gas: the gas limit is 1000000, the transaction needs 14")
