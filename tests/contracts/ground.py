"""A node of its own and what tests do with it: deploy, send, look why a call is refused, read events."""

import itertools
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eth_abi.abi import encode
from eth_abi.grammar import parse
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from web3 import HTTPProvider, Web3
from web3.contract import Contract
from web3.logs import DISCARD
from web3.types import RPCEndpoint, Wei

from stack import contracts, paths, rpc, tools
from stack.machine import anvil
from stack.machine.processes import Process

COIN = 10**18
ZERO = "0x" + "00" * 20
MAX_UINT256 = 2**256 - 1

_salts = itertools.count(1)


def fresh_salt() -> bytes:
    """One that no test has used."""
    return next(_salts).to_bytes(32, "big")


def revert_of(signature: str, *values: Any) -> bytes:
    """The data a call reverts with for an error such as `OwnableUnauthorizedAccount(address)`."""
    selector = keccak(text=signature)[:4]
    if not values:  # eth_abi does not parse the type `()`
        return selector
    arguments = parse(signature[signature.index("(") :])
    return selector + encode([one.to_type_str() for one in arguments.components], values)


def compile_test_contracts(directory: Path) -> Path:
    """contracts/src/test, compiled into `directory`: contracts/out never holds them."""
    tools.run("Compiling the tests' contracts", [*tools.node(print).node, paths.CONTRACTS / "compile.js", "test", directory])
    return directory


def start_node(process: Process, directory: Path) -> str:
    """The node of the local stack, but a block for each transaction, at once. Returns its RPC URL."""
    url = anvil.start(process, directory)
    rpc.call(url, "evm_setIntervalMining", 0)
    rpc.call(url, "evm_setAutomine", True)
    return url


@dataclass(frozen=True, slots=True)
class Ground:
    """The chain, and the accounts that tests act as; the node signs for them."""

    w3: Web3
    test_artifacts: Path
    issuer: str
    other: str
    stranger: str

    @classmethod
    def at(cls, url: str, test_artifacts: Path) -> "Ground":
        w3 = Web3(HTTPProvider(url))
        _, issuer, other, stranger, *_ = list(w3.eth.accounts)
        return cls(w3, test_artifacts, issuer, other, stranger)

    def deploy(self, name: str, *arguments: Any) -> Contract:
        """A contract of the service's or of the tests', by name."""
        return self.contract(name, self.deployment(name, *arguments)["contractAddress"])

    def deployment(self, name: str, *arguments: Any) -> Any:
        """The receipt of a deployment."""
        return self._mined(self.start_deployment(name, *arguments))

    def start_deployment(self, name: str, *arguments: Any) -> HexBytes:
        """The hash of its transaction, which is sent."""
        artifact = self._artifact(name)
        factory = self.w3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        return factory.constructor(*arguments).transact({"from": self.issuer})

    def contract(self, name: str, address: str) -> Contract:
        return self.w3.eth.contract(address=Web3.to_checksum_address(address), abi=self._artifact(name)["abi"])

    def send(self, call: Any, sender: str) -> Any:
        """The receipt of a transaction that succeeded."""
        return self._mined(call.transact({"from": sender}))

    def pay(self, to: str, amount_wei: int, sender: str) -> Any:
        return self._mined(self.w3.eth.send_transaction({"from": sender, "to": to, "value": Wei(amount_wei)}))

    def refusal(self, call: Any, sender: str) -> bytes:
        """What `call` reverts with, byte for byte. Fails the test when it does not revert."""
        asked = {"from": sender, "to": call.address, "data": call_data(call)}
        answer = self.w3.provider.make_request(RPCEndpoint("eth_call"), [asked, "latest"])
        assert "error" in answer, f"{call.fn_name} was not refused"
        return bytes.fromhex(str(answer["error"]["data"]).removeprefix("0x"))

    def balance(self, address: str) -> int:
        """Wei."""
        return int(self.w3.eth.get_balance(Web3.to_checksum_address(address)))

    def events(self, contract: Contract, name: str, receipt: Any) -> list[dict[str, Any]]:
        """The arguments of this contract's events of that name."""
        found = contract.events[name]().process_receipt(receipt, errors=DISCARD)
        return [dict(event["args"]) for event in found if event["address"] == contract.address]

    def _artifact(self, name: str) -> dict[str, Any]:
        of_tests = self.test_artifacts / f"{name}.json"
        return dict(json.loads(of_tests.read_text())) if of_tests.exists() else asdict(contracts.contract(name))

    def _mined(self, transaction_hash: HexBytes) -> Any:
        receipt = self.w3.eth.wait_for_transaction_receipt(transaction_hash, poll_latency=0.01)
        assert receipt["status"] == 1
        return receipt


def call_data(call: Any) -> str:
    """The calldata of a contract function with its arguments, without asking the node."""
    fields = {"gas": 1, "gasPrice": 1, "nonce": 0, "chainId": anvil.CHAIN_ID, "value": 0}
    return str(call.build_transaction(fields)["data"])
