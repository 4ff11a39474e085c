"""The contracts that make tokens and wallets: one of each on a network. Every stack on it gets their addresses."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from eth_utils.address import is_checksum_address, is_checksum_formatted_address, is_hex_address

from chalicelib.chain.contracts.service_contracts import ARTIFACTS
from chalicelib.networks import NETWORKS
from stack import rpc
from stack.build.package import LOCAL_STAGE, require_stage
from stack.build.runtime import CONFIG
from stack.contracts import Contract
from stack.errors import StackError
from stack.funder import Funder
from stack.progress import Say


@dataclass(frozen=True, slots=True)
class Factories:
    """The addresses of the two contracts, checksummed."""

    token: str
    wallet: str

    @property
    def parameters(self) -> dict[str, str]:
        """Return them by the names of the template's parameters."""
        return {"TokenFactory": self.token, "WalletFactory": self.wallet}

    @property
    def settings(self) -> dict[str, str]:
        """Return them by the names of the environment variables."""
        return {"TOKEN_FACTORY": self.token, "WALLET_FACTORY": self.wallet}


def send_factories(funder: Funder) -> Factories:
    """Send both deployments without waiting for them. Returns the addresses that the contracts will have."""
    token, wallet = (funder.deploy(name, _committed(name)) for name in ("TokenFactory", "WalletFactory"))
    return Factories(token, wallet)


def deploy_factories(stage: str, rpc_url: str, funder_key: str, say: Say) -> Factories:
    """Deploy both contracts on the chain of a stage, and wait until they are mined.

    Raises StackError when the node is on another chain, or the funder has no coins.
    """
    expected = _chain_id(stage)
    url = rpc.node_url(rpc_url)
    found = rpc.chain_id(url)
    if expected is not None and found != expected:
        raise StackError(f"The node at {rpc.shown(url)} is on chain {found}; stage {stage} is for chain {expected}.")
    funder = Funder(url, funder_key)
    if funder.balance() == 0:
        raise StackError(f"The funder {funder.address} has no coins on chain {found} to pay for gas; fund it.")
    say(f"Deploying TokenFactory and WalletFactory to chain {found} from {funder.address}")
    factories = send_factories(funder)
    funder.wait(say)
    for name, address in (("TokenFactory", factories.token), ("WalletFactory", factories.wallet)):
        if rpc.call(url, "eth_getCode", address, "latest") in {"0x", None}:
            raise StackError(f"{name} is mined, but there is no contract at {address}: ask the node's operator.")
    return factories


def address_parameter(name: str, value: str) -> str:
    """Return `value` when it is an address. In mixed case its checksum must be right (EIP-55). Raises StackError otherwise."""
    if not (value.startswith("0x") and is_hex_address(value)):
        raise StackError(f"{name} must be an address, 0x and 40 hex digits, not {value!r}.")
    if is_checksum_formatted_address(value) and not is_checksum_address(value):
        raise StackError(f"{name} is {value}, which fails its checksum: check it for a typing mistake.")
    return value


def _committed(name: str) -> Contract:
    """Return the contract from the file in the repository, which the zip has too: this needs no compiler."""
    artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
    return Contract(artifact["abi"], artifact["bytecode"])


def _chain_id(stage: str) -> int | None:
    """Return the chain id of a stage, or None for the local stage, which runs on any chain."""
    require_stage(stage)
    if stage == LOCAL_STAGE:
        return None
    config: Mapping[str, str] = json.loads(CONFIG.read_text())["stages"][stage]["environment_variables"]
    return NETWORKS[config["NETWORK"]].chain_id
