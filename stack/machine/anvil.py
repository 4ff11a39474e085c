"""The node as a process: anvil on loopback with a block each second, shaped like Fuse (chain id 122, Shanghai, 20 M gas)."""

import platform
import sys
from pathlib import Path

from stack import paths
from stack.errors import StackError
from stack.machine.processes import Process, chosen_port, clean_environment
from stack.rpc import RpcUnavailable, call

CHAIN_ID = 122
BLOCK_SECONDS = 1
HARDFORK = "shanghai"
GAS_LIMIT = 20_000_000
BASE_FEE_WEI = 10_000_000_000
FUNDER_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The well-known key of a development node's first account. It has 10,000 coins on such a node, and nothing elsewhere."""


def binary() -> Path:
    """Return the path of anvil itself, which npm's launcher would start. Raises StackError when this machine has none."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), platform.machine())
    found = paths.CONTRACTS / "node_modules" / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / "anvil"
    if not found.exists():
        raise StackError(
            f"There is no anvil for {system}-{machine}; start a node yourself and give its RPC_URL and FUNDER_KEY_FILE."
        )
    return found


def start(process: Process, directory: Path, asked_port: int | None = None, *, hardfork: str = HARDFORK) -> str:
    """Start anvil and wait until it answers. Returns its RPC URL.

    It sends no CORS headers and refuses a preflight request, so a page in a browser cannot use its unlocked accounts over HTTP.
    anvil has no such option for its WebSocket, which shares the port: the port is a random one unless RPC_PORT names it.
    """
    port = chosen_port("RPC_PORT", asked_port)
    command = [
        binary(),
        *("--host", "127.0.0.1", "--port", port, "--chain-id", CHAIN_ID, "--block-time", BLOCK_SECONDS),
        *("--hardfork", hardfork, "--gas-limit", GAS_LIMIT, "--block-base-fee-per-gas", BASE_FEE_WEI),
        *("--no-cors", "--silent"),
    ]
    process.start([str(word) for word in command], clean_environment({"TMPDIR": str(directory), "HOME": str(directory)}))
    url = f"http://127.0.0.1:{port}"
    process.wait_ready(lambda: answers(url))
    return url


def answers(url: str) -> bool:
    """Return true when a node answers at the URL."""
    try:
        call(url, "eth_chainId")
    except RpcUnavailable:
        return False
    return True
