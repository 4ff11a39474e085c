"""The key that pays for the local stack: it sends native coins, deploys contracts and calls them, many in one block."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.abi import function_signature_to_4byte_selector
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chalicelib.networks import TRANSFER_GAS
from stack import rpc
from stack.contracts import Contract
from stack.errors import StackError
from stack.progress import Say

WEI = 10**18
TIP_WEI = 10**9  # Fuse takes none below 1 gwei
CALL_GAS = 200_000
RECEIPT_SECONDS = 120.0
PROGRESS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    what: str
    hash: str


class Funder:
    """Signs with one key on one node. Every method sends at once; `wait` waits for all that was sent."""

    def __init__(self, rpc_url: str, key: str) -> None:
        try:
            self._account: LocalAccount = Account.from_key(key)
        except Exception:  # noqa: BLE001 — whatever it says may contain the key
            raise StackError("The funder's key is not a private key: 0x and 64 hex digits.") from None
        self._url = rpc_url
        self._chain_id = rpc.chain_id(rpc_url)
        self._nonce = int(rpc.call(rpc_url, "eth_getTransactionCount", self.address, "pending"), 16)
        self._sent: list[Sent] = []

    @property
    def address(self) -> str:
        return str(self._account.address)

    def balance(self) -> int:
        """Wei."""
        return int(rpc.call(self._url, "eth_getBalance", self.address, "latest"), 16)

    def require(self, amount_wei: int) -> None:
        """Raises StackError when the funder cannot pay `amount_wei` and some gas."""
        if self.balance() <= amount_wei:
            have, need = Decimal(self.balance()) / WEI, Decimal(amount_wei) / WEI
            raise StackError(
                f"The funder {self.address} has {have} coins; the accounts need {need} and gas. "
                "Fund it, or give a smaller FUND_AMOUNT."
            )

    def transfer(self, to: str, amount_wei: int) -> None:
        self._send(f"funding {to}", {"to": to, "value": amount_wei, "data": "0x"}, TRANSFER_GAS)

    def deploy(self, name: str, contract: Contract, types: Sequence[str] = (), values: Sequence[Any] = ()) -> str:
        """The address the contract will have."""
        address = contract_address(self.address, self._nonce)
        data = contract.bytecode + encode(types, values).hex()
        transaction = {"value": 0, "data": data}
        estimate = rpc.call(self._url, "eth_estimateGas", {"from": self.address, "data": data})
        self._send(f"deploying {name}", transaction, int(estimate, 16) * 6 // 5)
        return address

    def call(self, what: str, to: str, signature: str, values: Sequence[Any], gas: int = CALL_GAS) -> None:
        """Call `signature`, such as `grantRole(bytes32,address)`. The gas is given, for `to` may still be on its way."""
        data = function_signature_to_4byte_selector(signature) + encode(argument_types(signature), values)
        self._send(what, {"to": to, "value": 0, "data": "0x" + data.hex()}, gas)

    def wait(self, say: Say) -> None:
        """Raises StackError naming what reverted, or was not mined in time."""
        deadline, spoke = time.monotonic() + RECEIPT_SECONDS, time.monotonic()
        while self._sent:
            first = self._sent[0]
            receipt = rpc.call(self._url, "eth_getTransactionReceipt", first.hash)
            if receipt is not None:
                if int(receipt["status"], 16) != 1:
                    raise StackError(f"{first.what} reverted on chain ({first.hash}).")
                self._sent.pop(0)
                continue
            if time.monotonic() > deadline:
                raise StackError(f"{first.what} is not mined after {RECEIPT_SECONDS:.0f} s ({first.hash}).")
            if time.monotonic() - spoke > PROGRESS_SECONDS:
                spoke = time.monotonic()
                say(f"Waiting for a block: {first.what}")
            time.sleep(0.1)

    def _send(self, what: str, transaction: dict[str, Any], gas: int) -> None:
        signed = self._account.sign_transaction(
            {**transaction, **self._fees(), "nonce": self._nonce, "gas": gas, "chainId": self._chain_id}
        )
        sent = rpc.call(self._url, "eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
        self._nonce += 1
        self._sent.append(Sent(what, str(sent)))

    def _fees(self) -> dict[str, int]:
        base_fee = rpc.call(self._url, "eth_getBlockByNumber", "latest", False).get("baseFeePerGas")
        if base_fee is None:
            return {"gasPrice": int(rpc.call(self._url, "eth_gasPrice"), 16)}
        return {"maxFeePerGas": 2 * int(base_fee, 16) + TIP_WEI, "maxPriorityFeePerGas": TIP_WEI}


def argument_types(signature: str) -> list[str]:
    """Of a signature without tuples."""
    inside = signature[signature.index("(") + 1 : -1]
    return inside.split(",") if inside else []


def contract_address(sender: str, nonce: int) -> str:
    """Of a contract that `sender` deploys at `nonce`: the end of keccak(rlp([sender, nonce]))."""
    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    encoded = number if len(number) == 1 and number[0] < 0x80 else bytes([0x80 + len(number)]) + number
    payload = bytes([0x94]) + bytes.fromhex(sender[2:]) + encoded
    return str(to_checksum_address(keccak(bytes([0xC0 + len(payload)]) + payload)[12:]))


def coins(amount: str) -> int:
    """Wei of a decimal number of native coins. Raises StackError when it is none."""
    try:
        return int(Decimal(amount) * WEI)
    except ArithmeticError:
        raise StackError(f"FUND_AMOUNT must be a number of coins, not {amount!r}.") from None
