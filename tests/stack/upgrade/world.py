"""The world held still around a stack: no blocks but those asked for, and queues that nobody reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from web3 import Web3

from tests.stack.client import aws, wait_for

WORKED_ON = ("execute.fifo", "confirm")
QUEUES = (*WORKED_ON, "execute-dead-letters.fifo", "confirm-dead-letters")
HANDLED = "ApproximateNumberOfMessagesNotVisible"
TRANSFER = Web3.keccak(text="Transfer(address,address,uint256)")


class Node:
    """anvil, by its own methods, and what it says happened: asked past the service."""

    def __init__(self, chain: Web3) -> None:
        self._chain = chain

    def ask(self, method: str, *params: Any) -> Any:
        answer = self._chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    def stop_mining(self) -> None:
        self.ask("evm_setIntervalMining", 0)

    def mine_again(self) -> None:
        self.ask("evm_setIntervalMining", 1)

    def mine_one(self) -> None:
        self.ask("evm_mine")

    def depth(self, transaction_hash: str) -> int:
        """0 in the pool, 1 in the newest block. Fails the test when the node does not know it."""
        found = self._chain.eth.get_transaction(transaction_hash)  # type: ignore[arg-type]
        return 0 if found["blockNumber"] is None else self._chain.eth.block_number - found["blockNumber"] + 1

    def has(self, transaction_hash: str) -> bool:
        return self.ask("eth_getTransactionByHash", transaction_hash) is not None

    def transfers(self, token: str, to: str) -> list[int]:
        """The amounts of every transfer and mint to this address since the beginning."""
        topics = [TRANSFER, None, "0x" + to[2:].lower().rjust(64, "0")]
        logs = self._chain.eth.get_logs(
            {"fromBlock": 0, "toBlock": "latest", "address": Web3.to_checksum_address(token), "topics": topics}
        )
        return [int.from_bytes(log["data"], "big") for log in logs]

    def coins(self, account: str) -> int:
        return int(self._chain.eth.get_balance(Web3.to_checksum_address(account)))

    def fund(self, account: str, wei: int) -> None:
        self.ask("anvil_setBalance", account, hex(wei))

    def nonces_used(self, account: str) -> int:
        return int(self._chain.eth.get_transaction_count(Web3.to_checksum_address(account)))


class Queues:
    """The stack's queues and what reads them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._sqs, self._lambda = aws(dict(env), "sqs"), aws(dict(env), "lambda")
        self._stack = env["STACK_NAME"]

    def to_work_on(self) -> dict[str, int]:
        return {queue: sum(self._counts(queue).values()) for queue in WORKED_ON}

    def left(self) -> dict[str, int]:
        """What is in any queue: waiting, delayed, or just being handled."""
        return {queue: count for queue in QUEUES if (count := sum(self._counts(queue).values()))}

    @contextmanager
    def unread(self) -> Iterator[None]:
        """What arrives stays: their functions are not called until the end of the block, whatever code they then have."""
        self._read_by_functions(False)
        wait_for("the last batches", lambda: all(self._counts(queue)[HANDLED] == 0 for queue in WORKED_ON) or None)
        yield
        self._read_by_functions(True)

    def _counts(self, queue: str) -> dict[str, int]:
        url = self._sqs.get_queue_url(QueueName=f"{self._stack}-{queue}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return {name: int(value) for name, value in attributes.items() if name.startswith("ApproximateNumberOf")}

    def _read_by_functions(self, enabled: bool) -> None:
        for mapping in self._lambda.list_event_source_mappings()["EventSourceMappings"]:
            queue = mapping["EventSourceArn"].rpartition(":")[2].removeprefix(f"{self._stack}-")
            if queue in WORKED_ON:
                self._lambda.update_event_source_mapping(UUID=mapping["UUID"], Enabled=enabled)
