"""The chain under a test's control: blocks when the case says, base fees, drops, reorgs, transactions of other programs."""

import http.client
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from chalicelib.chain.contracts.abi import encode_call
from chalicelib.networks import GWEI
from stack.contracts import contract

BASE_FEE = 10 * GWEI
FOREIGN_GAS = 100_000
STRANGER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
"""A development account the node signs for; it deploys and switches the contract, and stands for everybody else."""


class Node:
    """A node that mines nothing by itself."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._host, timeout=30)
        self.base_fee = BASE_FEE
        self.call("evm_setAutomine", False)
        self.call("evm_setIntervalMining", 0)

    # --- requests ------------------------------------------------------------------------------------------------------

    def call(self, method: str, *params: Any) -> Any:
        """Raises RuntimeError for a node's refusal."""
        return self.batch([(method, params)])[0]

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        if not calls:
            return []
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        try:
            answers = self._post(body)
        except (http.client.HTTPException, ConnectionError):  # an idle connection was dropped
            self._connection.close()
            answers = self._post(body)
        answers.sort(key=lambda answer: int(answer["id"]))
        for (method, _), answer in zip(calls, answers, strict=True):
            if "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']}")
        return [answer["result"] for answer in answers]

    def _post(self, body: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answers: list[dict[str, Any]] = json.load(self._connection.getresponse())
        return answers

    # --- blocks --------------------------------------------------------------------------------------------------------

    def mine(self, blocks: int = 1) -> None:
        """So many blocks, each at the base fee that is set. One request after the other: anvil works on those of a batch at the
        same time, and a block may come before its fee.
        """
        for _ in range(blocks):
            self.call("anvil_setNextBlockBaseFeePerGas", hex(self.base_fee))
            self.call("evm_mine")

    def reorg(self, depth: int) -> None:
        """Replace the newest blocks by empty ones; what they held is pending again, or forgotten."""
        self.call("anvil_reorg", depth, [])

    @property
    def height(self) -> int:
        return int(self.call("eth_blockNumber"), 16)

    # --- accounts and transactions ---------------------------------------------------------------------------------------

    def fund(self, address: str, wei: int) -> None:
        self.call("anvil_setBalance", address, hex(wei))

    def count(self, address: str, tag: str = "latest") -> int:
        return int(self.call("eth_getTransactionCount", address, tag), 16)

    def drop(self, transaction_hash: str) -> None:
        """Out of the pool, if it is there."""
        self.call("anvil_dropTransaction", transaction_hash)

    def pooled(self) -> list[str]:
        """Hashes in the pool, whether they can be mined now or not."""
        return [str(transaction["hash"]) for transaction in self._pool()]

    def pooled_of(self, address: str, nonce: int) -> list[str]:
        """Hashes in the pool of the account's transactions with this nonce."""
        return [
            str(transaction["hash"])
            for transaction in self._pool()
            if transaction["from"].lower() == address.lower() and int(transaction["nonce"], 16) == nonce
        ]

    def _pool(self) -> list[dict[str, Any]]:
        content = self.call("txpool_content")
        parts = [of_account for part in ("pending", "queued") for of_account in content[part].values()]
        return [transaction for of_account in parts for transaction in of_account.values()]

    def send_as(
        self, sender: str, nonce: int | None = None, *, to: str | None = None, data: str = "0x", tip: int = 5 * GWEI
    ) -> str:
        """As another program with the same key would: it is in the pool, ahead of most."""
        transaction = {"from": sender, "to": to or sender, "data": data, "gas": hex(FOREIGN_GAS)}
        transaction |= {"maxFeePerGas": hex(self.base_fee * 20), "maxPriorityFeePerGas": hex(tip)}
        if nonce is not None:
            transaction["nonce"] = hex(nonce)
        self.call("anvil_impersonateAccount", sender)
        return str(self.call("eth_sendTransaction", transaction))

    def is_mined(self, transaction_hash: str) -> bool:
        return self.call("eth_getTransactionReceipt", transaction_hash) is not None

    # --- the contract ----------------------------------------------------------------------------------------------------

    def deploy_sink(self) -> str:
        data = contract("Sink").bytecode
        sent = self.call("eth_sendTransaction", {"from": STRANGER, "data": data, "gas": hex(3_000_000)})
        self.mine()
        sink = str(self.call("eth_getTransactionReceipt", sent)["contractAddress"])
        # The first hit of all pays for the counter's slot: what is estimated behind one that is cancelled would run out of gas.
        self.send_as(STRANGER, to=sink, data="0x" + encode_call("hit(bytes32)", ["0x" + "00" * 32]).hex())
        self.mine()
        return sink

    def close_sink(self, sink: str, closed: bool) -> None:
        """Sent with a tip that puts it first in the next block."""
        data = "0x" + encode_call("setClosed(bool)", [closed]).hex()
        self.send_as(STRANGER, to=sink, data=data, tip=50 * GWEI)

    def hits(self, sink: str, ids: Sequence[str]) -> list[int]:
        """How often each id took effect."""
        return self._numbers(
            [("eth_call", [{"to": sink, "data": "0x" + encode_call("hits(bytes32)", [id_]).hex()}, "latest"]) for id_ in ids]
        )

    def balances(self, addresses: Sequence[str]) -> list[int]:
        """Wei."""
        return self._numbers([("eth_getBalance", [address, "latest"]) for address in addresses])

    def _numbers(self, calls: Sequence[tuple[str, list[Any]]]) -> list[int]:
        found: list[str] = []
        for start in range(0, len(calls), 200):
            found += self.batch(calls[start : start + 200])
        return [int(number, 16) for number in found]
