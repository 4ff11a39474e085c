"""The state of each node of a stage, asked one by one."""

import time
from dataclasses import dataclass

from chalicelib.chain.rpc.node_texts import host_of
from stack.rpc import RpcRefused, RpcUnavailable, call

TIMEOUT_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class NodeState:
    """What one node answers. `problem` says in capitals what is wrong with it."""

    host: str
    problem: str | None = None
    chain_id: int | None = None
    block: int | None = None
    age_seconds: float | None = None
    answered_ms: float | None = None

    @property
    def is_well(self) -> bool:
        return self.problem is None

    def __str__(self) -> str:
        if self.block is None:
            return f"{self.host}  {self.problem}"
        wrong = "" if self.problem is None else f"  {self.problem}"
        return (
            f"{self.host}  chain {self.chain_id}  block {self.block}, {self.age_seconds:.0f} s old  "
            f"answered in {self.answered_ms:.0f} ms{wrong}"
        )


def look(url: str, chain_id: int) -> NodeState:
    """Ask a node for its chain and its newest block. Only the host of the URL is shown: the rest may be a provider's key."""
    host = host_of(url)
    began = time.monotonic()
    try:
        found = int(call(url, "eth_chainId", timeout=TIMEOUT_SECONDS), 16)
        block = call(url, "eth_getBlockByNumber", "latest", False, timeout=TIMEOUT_SECONDS)
        number, at = int(block["number"], 16), int(block["timestamp"], 16)
    except RpcUnavailable:
        return NodeState(host, "DOES NOT ANSWER")
    except (RpcRefused, TypeError, KeyError, ValueError):
        return NodeState(host, "ANSWERS, BUT NOT AS A NODE DOES")
    problem = None if found == chain_id else f"IS ON ANOTHER CHAIN, NOT {chain_id}"
    milliseconds = (time.monotonic() - began) * 1_000 / 2  # of each of the two requests
    return NodeState(host, problem, found, number, max(0.0, time.time() - at), milliseconds)
