"""The call data and the events of the service's own contracts, by the interfaces (ABI) that the compiler wrote to `artifacts`.

Cheap to import: an interface is read, and eth_abi imported (0.1 s), when something is encoded or decoded.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.jobs.receipts import ContractEvent

ARTIFACTS = Path(__file__).parent / "artifacts"
"""`<Name>.json` with `abi` and `bytecode`, for each contract in contracts/service.json. Written by the build, committed."""

EVENTS = (("TokenFactory", "TokenCreated"), ("WalletFactory", "WalletCreated"), ("WalletFactory", "WalletExisted"))


class ServiceContracts:
    """Encodes call data: `chalicelib.admin.ports.CallEncoder`. Raises InvalidRequest for a value that does not fit."""

    def create_token(self, name: str, symbol: str, initial_supply: int, uri: str) -> bytes:
        return _call_data("TokenFactory", "createToken", name, symbol, initial_supply, uri)

    def create_wallet(self, owner: str, salt: bytes) -> bytes:
        return _call_data("WalletFactory", "createWallet", owner, _hex(salt))

    def mint(self, to: str, amount: int) -> bytes:
        return _call_data("CommunityToken", "mint", to, amount)

    def burn(self, amount: int) -> bytes:
        return _call_data("CommunityToken", "burn", amount)

    def transfer(self, to: str, amount: int) -> bytes:
        return _call_data("CommunityToken", "transfer", to, amount)

    def wallet_execute(self, to: str, value: int, data: bytes) -> bytes:
        """Make the wallet call `to` with `data` and `value` wei of its own balance."""
        return _call_data("Wallet", "execute", to, value, _hex(data))


def events_of(logs: Any) -> tuple[ContractEvent, ...]:
    """Return the events TokenCreated, WalletCreated and WalletExisted among a receipt's logs, in their order.

    Every other log is left out, and so is one that cannot be decoded. Any contract may write a log under these names: the
    caller has to check the event's `contract`. Addresses are checksummed, amounts int, a bytes32 is bytes. Never raises.
    """
    if not isinstance(logs, Sequence) or isinstance(logs, str) or not logs:
        return ()
    shapes = _shapes()
    found = []
    for log in logs:
        topics = log.get("topics") if isinstance(log, Mapping) else None
        first = topics[0] if isinstance(topics, Sequence) and topics else None
        shape = shapes.get(first.lower()) if isinstance(first, str) else None
        event = None if shape is None else _decoded(shape, log)
        if event is not None:
            found.append(event)
    return tuple(found)


# --- interfaces --------------------------------------------------------------------------------------------------------


@cache
def _interface(contract: str) -> list[dict[str, Any]]:
    abi: list[dict[str, Any]] = json.loads((ARTIFACTS / f"{contract}.json").read_text())["abi"]
    return abi


def _entry(contract: str, kind: str, name: str) -> dict[str, Any]:
    (entry,) = (entry for entry in _interface(contract) if entry["type"] == kind and entry["name"] == name)
    return entry


def _signature(entry: Mapping[str, Any]) -> str:
    """Return the signature, such as `mint(address,uint256)`. No function or event used here has a struct as a parameter."""
    return f"{entry['name']}({','.join(parameter['type'] for parameter in entry['inputs'])})"


@cache
def _function(contract: str, name: str) -> str:
    return _signature(_entry(contract, "function", name))


def _call_data(contract: str, function: str, *values: str | int) -> bytes:
    from chalicelib.chain.contracts.abi import encode_call  # noqa: PLC0415  # brings eth_abi

    return encode_call(_function(contract, function), values)


def _hex(data: bytes) -> str:
    return f"0x{data.hex()}"


# --- events ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shape:
    """An event's parameters as (name, type): the indexed ones, each in a topic, and those in the data."""

    name: str
    indexed: tuple[tuple[str, str], ...]
    in_data: tuple[tuple[str, str], ...]


@cache
def _shapes() -> Mapping[str, _Shape]:
    """Return the events by their first topic, the hash of their signature."""
    from eth_hash.auto import keccak  # noqa: PLC0415  # eth_utils takes 0.1 s more, and most logs are none of these events

    shapes = {}
    for contract, name in EVENTS:
        entry = _entry(contract, "event", name)
        indexed = tuple((one["name"], one["type"]) for one in entry["inputs"] if one["indexed"])
        in_data = tuple((one["name"], one["type"]) for one in entry["inputs"] if not one["indexed"])
        shapes[_hex(keccak(_signature(entry).encode()))] = _Shape(name, indexed, in_data)
    return shapes


def _decoded(shape: _Shape, log: Mapping[str, Any]) -> ContractEvent | None:
    """Return the event in a log; None where it cannot be decoded."""

    from eth_abi.abi import decode  # noqa: PLC0415
    from eth_utils.address import to_checksum_address  # noqa: PLC0415

    try:
        topics = [_bytes(topic) for topic in log["topics"][1:]]
        values = [decode([type_], topic)[0] for (_, type_), topic in zip(shape.indexed, topics, strict=True)]
        values += decode([type_ for _, type_ in shape.in_data], _bytes(log["data"]))
        args = {
            name: to_checksum_address(value) if type_ == "address" else value
            for (name, type_), value in zip((*shape.indexed, *shape.in_data), values, strict=True)
        }
        return ContractEvent(to_checksum_address(log["address"]), shape.name, args)
    except Exception:  # noqa: BLE001  # any contract may write this log: whatever the decoder raises, the log is not an event of ours
        return None


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))
