"""Node programs beside anvil: how each is started and controlled. npm installs them the first time they are needed."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack import paths, tools
from stack.locks import exclusively
from stack.machine.anvil import CHAIN_ID, FUNDER_KEY, GAS_LIMIT, answers
from stack.machine.processes import Process, clean_environment, free_port
from stack.progress import say
from tests.stack.node_control import NodeControl

PACKAGES = Path(__file__).parent / "nodes"
MNEMONIC = "test test test test test test test test test test test junk"
"""Its first account is the one of `FUNDER_KEY`; Hardhat's node starts with the same one by itself."""
COINS = 10_000


class HardhatControl(NodeControl):
    def set_balance(self, account: str, wei: int) -> None:
        self.ask("hardhat_setBalance", account, hex(wei))

    def stop_mining(self) -> None:
        self.ask("evm_setIntervalMining", 0)

    def mine_again(self) -> None:
        self.ask("evm_setIntervalMining", 1_000)  # milliseconds; anvil's are seconds

    def make_gas_dearer(self, price: int) -> None:
        self.ask("hardhat_setNextBlockBaseFeePerGas", hex(price))


class GanacheControl(NodeControl):
    CROWDED_BLOCKS = 8

    def welcome(self, account: str) -> None:
        """Let the account begin at the nonce 1. Ganache takes a signed nonce of 0 for a missing one: it gives the
        transaction the account's next nonce, and runs it once for each time it is broadcast.
        """
        self.ask("evm_setAccountNonce", account, "0x1")

    def set_balance(self, account: str, wei: int) -> None:
        self.ask("evm_setAccountBalance", account, hex(wei))

    def stop_mining(self) -> None:
        self.ask("miner_stop")

    def mine_again(self) -> None:
        self.ask("miner_start")

    def make_gas_dearer(self, price: int) -> None:
        """There is no base fee to raise. Transactions that burn a whole block's gas and pay `price` take the next blocks."""
        (_, payer, *_) = self.ask("eth_accounts")
        for _ in range(self.CROWDED_BLOCKS):
            self.ask("eth_sendTransaction", {"from": payer, "data": "0xfe", "gas": hex(GAS_LIMIT), "gasPrice": hex(price)})


@dataclass(frozen=True, slots=True)
class Answers:
    """Where a node program answers otherwise than anvil does, or than other programs do."""

    has_base_fees: bool
    counts_pending: bool
    """Whether the block `pending` holds what is in the pool: transaction counts and simulations on it see that."""
    told_of_a_revert_at_a_price: tuple[str, str]
    """Code and reason of a job whose contract reverts only at a gas price above 0. It tells at which price the program
    simulates; anvil and geth take the price that is asked for, or 0.
    """


class NodeProgram(ABC):
    """A program that serves a chain like Fuse: chain id 122, 20 M gas and a second a block, the funder of the local stack."""

    name: str
    answers: Answers
    funder_key = FUNDER_KEY

    @abstractmethod
    def arguments(self, port: int) -> list[str]:
        """After Node itself."""

    @abstractmethod
    def control(self, url: str) -> NodeControl: ...

    @contextmanager
    def running(self, directory: Path) -> Iterator[str]:
        """The URL of a node on a loopback port, with its log in `directory`. It ends with the context, or with this process."""
        process, port = Process(self.name, directory), free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {"HOME": str(directory), "CI": "1", "NO_COLOR": "1"}
        try:
            process.start([*tools.node(say).node, *self.arguments(port)], clean_environment(environment))
            process.wait_ready(lambda: answers(url))
            yield url
        finally:
            process.stop()


class Hardhat(NodeProgram):
    name = "hardhat"
    answers = Answers(
        has_base_fees=True,
        counts_pending=True,
        # It simulates at a price of its own where none is asked for: such a job fails before it is signed.
        told_of_a_revert_at_a_price=("EstimateReverted", "Sink: not when it counts"),
    )

    def arguments(self, port: int) -> list[str]:
        return [str(PACKAGES / "hardhat.js"), "node", "--hostname", "127.0.0.1", "--port", str(port)]

    def control(self, url: str) -> NodeControl:
        return HardhatControl(url)


class Ganache(NodeProgram):
    """At Berlin, the last fork without base fees."""

    name = "ganache"
    answers = Answers(
        has_base_fees=False,
        counts_pending=False,  # its block `pending` is the newest one
        # Before London it simulates at a price of 0, whatever is asked for: so the replay of such a revert passes.
        told_of_a_revert_at_a_price=("TransactionReverted", "the reason cannot be told"),
    )

    def arguments(self, port: int) -> list[str]:
        program = str(PACKAGES / "node_modules" / "ganache" / "dist" / "node" / "cli.js")
        options = {
            "server.host": "127.0.0.1",
            "server.port": port,
            "chain.chainId": CHAIN_ID,
            "chain.networkId": CHAIN_ID,
            "chain.hardfork": "berlin",
            "miner.blockTime": 1,
            "miner.blockGasLimit": GAS_LIMIT,
            "wallet.mnemonic": MNEMONIC,
            "wallet.defaultBalance": COINS,
        }
        return [program, "--logging.quiet", *(word for name, value in options.items() for word in (f"--{name}", str(value)))]

    def control(self, url: str) -> NodeControl:
        return GanacheControl(url)


def install_node_programs() -> None:
    """Some 470 MB, the first time."""
    with exclusively(paths.LOCAL / "test-nodes.lock"):
        tools.npm_ci(PACKAGES, "Hardhat and Ganache for the tests", say)
