"""The funder: the key that pays for a local stack. It sends coins, deploys contracts and calls them, many in one block."""

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import Nonce
from web3.utils.address import get_create_address

from chalicelib.networks import TRANSFER_GAS
from stack import rpc
from stack.contracts import Contract
from stack.errors import StackError
from stack.progress import Say

WEI = 10**18
"""Of one native coin."""
TIP_WEI = 10**9
"""The priority fee per gas. Fuse accepts none below 1 gwei."""
CALL_GAS = 200_000
RECEIPT_SECONDS = 120.0
POLL_SECONDS = 0.1
PROGRESS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    what: str
    """What the transaction does, for messages. Example: `deploying TokenFactory`."""
    hash: HexBytes


class Funder:
    """Signs with one key on one node. Every method sends a transaction at once; `wait` waits until all of them are mined."""

    def __init__(self, rpc_url: str, key: str) -> None:
        try:
            self._account: LocalAccount = Account.from_key(key)
        except Exception:  # noqa: BLE001 -- the text of any error may contain the key
            raise StackError("The funder's key is not a private key: 0x and 64 hex digits.") from None
        self._eth = rpc.connect(rpc_url).eth
        self._chain_id = self._eth.chain_id
        self._nonce = self._eth.get_transaction_count(self._account.address, "pending")
        self._sent: list[Sent] = []

    @property
    def address(self) -> str:
        return str(self._account.address)

    def balance(self) -> int:
        """Return the balance in wei."""
        return self._eth.get_balance(self._account.address)

    def require(self, amount_wei: int) -> None:
        """Raise StackError when the funder cannot pay `amount_wei` and some gas."""
        balance = self.balance()
        if balance <= amount_wei:
            have, need = Decimal(balance) / WEI, Decimal(amount_wei) / WEI
            raise StackError(
                f"The funder {self.address} has {have} coins; the accounts need {need} and gas. "
                "Fund it, or give a smaller FUND_AMOUNT."
            )

    def transfer(self, to: str, amount_wei: int) -> None:
        self._send(f"funding {to}", {"to": to, "value": amount_wei, "data": "0x"}, TRANSFER_GAS)

    def deploy(self, name: str, contract: Contract, *arguments: Any) -> str:
        """Deploy a contract with the arguments of its constructor. Returns the address that it will have."""
        address = get_create_address(self._account.address, self._nonce)
        made = self._eth.contract(abi=contract.abi, bytecode=contract.bytecode)
        data = made.constructor(*arguments).data_in_transaction
        gas = self._eth.estimate_gas({"from": self._account.address, "data": data})
        self._send(f"deploying {name}", {"value": 0, "data": data}, gas * 6 // 5)
        return str(address)

    def call(self, what: str, contract: Contract, to: str, function: str, *arguments: Any, gas: int = CALL_GAS) -> None:
        """Call a function of the contract at `to`. It needs a gas limit, because `to` may not be mined yet."""
        at = self._eth.contract(Web3.to_checksum_address(to), abi=contract.abi)
        self._send(what, {"to": to, "value": 0, "data": at.encode_abi(function, arguments)}, gas)

    def wait(self, say: Say) -> None:
        """Wait until everything that was sent is mined.

        Raises StackError naming the transaction that reverted or was not mined within RECEIPT_SECONDS.
        """
        deadline, spoke = time.monotonic() + RECEIPT_SECONDS, time.monotonic()
        while self._sent:
            first = self._sent[0]
            try:
                receipt = self._eth.get_transaction_receipt(first.hash)
            except TransactionNotFound:
                if time.monotonic() > deadline:
                    hash_ = first.hash.to_0x_hex()
                    raise StackError(f"{first.what} is not mined after {RECEIPT_SECONDS:.0f} s ({hash_}).") from None
                if time.monotonic() - spoke > PROGRESS_SECONDS:
                    spoke = time.monotonic()
                    say(f"Waiting for a block: {first.what}")
                time.sleep(POLL_SECONDS)
                continue
            if receipt["status"] != 1:
                raise StackError(f"{first.what} reverted on chain ({first.hash.to_0x_hex()}).")
            self._sent.pop(0)

    def _send(self, what: str, transaction: dict[str, Any], gas: int) -> None:
        signed = self._account.sign_transaction(
            {**transaction, **self._fees(), "nonce": self._nonce, "gas": gas, "chainId": self._chain_id}
        )
        self._sent.append(Sent(what, self._eth.send_raw_transaction(signed.raw_transaction)))
        self._nonce = Nonce(self._nonce + 1)

    def _fees(self) -> dict[str, int]:
        """Return the fee fields in wei per gas: those of EIP-1559, or `gasPrice` on a chain without a base fee."""
        base_fee = self._eth.get_block("latest").get("baseFeePerGas")
        if base_fee is None:
            return {"gasPrice": self._eth.gas_price}
        return {"maxFeePerGas": 2 * base_fee + TIP_WEI, "maxPriorityFeePerGas": TIP_WEI}


def coins(amount: str) -> int:
    """Return the wei of a decimal number of native coins. Raises StackError when `amount` is not a number."""
    try:
        return int(Decimal(amount) * WEI)
    except ArithmeticError:
        raise StackError(f"FUND_AMOUNT must be a number of coins, not {amount!r}.") from None
