"""What tests do to a node and the service does not: give coins, hold blocks back, make gas dearer.

Each node program has its own methods for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stack import rpc

COINS_AFTERWARDS = 100
AHEAD_OF_OTHERS = 200 * 10**9
"""Wei per gas: more than the service offers while gas is not dear."""


class NodeControl(ABC):
    """One running node."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, *params: Any) -> Any:
        """The result of one JSON-RPC request. Raises RpcRefused when the node answers with an error."""
        return rpc.call(self.url, method, *params)

    def send_ahead(self, to: str, data: str) -> str:
        """The hash of a transaction of an account that the node itself signs for. It pays so much that it is the first of its
        block.
        """
        (_, sender, *_) = self.ask("eth_accounts")
        fields = {"from": sender, "to": to, "data": data, "gas": hex(100_000), "gasPrice": hex(AHEAD_OF_OTHERS)}
        return str(self.ask("eth_sendTransaction", fields))

    def welcome(self, account: str) -> None:  # noqa: B027 -- most programs need nothing
        """What the node needs before an account sends its first transaction."""

    @abstractmethod
    def set_balance(self, account: str, wei: int) -> None: ...

    @abstractmethod
    def stop_mining(self) -> None:
        """No more blocks; transactions are still taken into the pool."""

    @abstractmethod
    def mine_again(self) -> None:
        """A block a second."""

    @abstractmethod
    def make_gas_dearer(self, price: int) -> None:
        """Hold back, for some blocks, what offers less than `price` wei per gas. Called while mining is stopped."""


class AnvilControl(NodeControl):
    def set_balance(self, account: str, wei: int) -> None:
        self.ask("anvil_setBalance", account, hex(wei))

    def stop_mining(self) -> None:
        self.ask("evm_setIntervalMining", 0)

    def mine_again(self) -> None:
        self.ask("evm_setIntervalMining", 1)

    def make_gas_dearer(self, price: int) -> None:
        self.ask("anvil_setNextBlockBaseFeePerGas", hex(price))


@contextmanager
def restored(control: NodeControl, env: Mapping[str, str]) -> Iterator[NodeControl]:
    """`control`; afterwards the node mines as before, and the stack's two accounts are funded."""
    yield control
    control.mine_again()
    for account in (env["ISSUER_ACCOUNT"], env["OTHER_ISSUER_ACCOUNT"]):
        control.set_balance(account, COINS_AFTERWARDS * 10**18)
