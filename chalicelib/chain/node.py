"""The chain as the domain sees it, over JSON-RPC: `chalicelib.jobs.ports.Chain`."""

from collections.abc import Sequence
from typing import Any

from chalicelib.chain.classify import INVALID_PARAMS, classify_broadcast, classify_estimate, is_throttled, message_of
from chalicelib.chain.nonces import user_of_nonce
from chalicelib.chain.quantities import block_tag, quantity, quantity_or_none
from chalicelib.chain.receipts import read_receipt
from chalicelib.chain.rpc import Answer, RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Fees, Receipt, SignedTransaction
from chalicelib.jobs.ports import Broadcast, BroadcastStatus, Call, Estimate, GasEstimate, Head, Revert, Unavailable, Unfunded
from chalicelib.networks import Network

FEE_HISTORY_BLOCKS = 5
REWARD_PERCENTILE = 50
METHOD_NOT_FOUND = -32601

_REFUSALS = frozenset(
    {
        BroadcastStatus.NONCE_TOO_HIGH,
        BroadcastStatus.UNDERPRICED,
        BroadcastStatus.REPLACEMENT_UNDERPRICED,
        BroadcastStatus.UNFUNDED,
        BroadcastStatus.POOL_FULL,
        BroadcastStatus.NEVER_VALID,
        BroadcastStatus.THROTTLED,
    }
)
"""What says that a transaction is in no pool. After an endpoint that may have taken it, another's refusal does not say so."""


class Node:
    """Nothing is remembered between calls but which block tag the nodes simulate on: heads, nonces and fees are read anew."""

    def __init__(self, network: Network, rpc: RpcClient) -> None:
        self._network = network
        self._rpc = rpc
        self._simulation_tag = "pending"

    # --- blocks and accounts -------------------------------------------------------------------------------------------

    def head(self) -> Head:
        block = self._rpc.newest_block()
        base_fee = block.get("baseFeePerGas")
        return Head(quantity(block.get("number"), "block number"), None if base_fee is None else quantity(base_fee, "base fee"))

    def block_hash(self, number: int) -> str | None:
        """Of the block at this height on the chain the node follows now; None where it has none yet."""
        block = self._rpc.call("eth_getBlockByNumber", hex(number), False)
        return str(block["hash"]).lower() if isinstance(block, dict) and block.get("hash") else None

    def transaction_count(self, address: str, block_number: int | None = None) -> int:
        """Mined transactions of `address` up to the block (the newest when None): the lowest unused nonce there."""
        return quantity(self._rpc.call("eth_getTransactionCount", address, block_tag(block_number)), "transaction count")

    def user_of_nonce(self, address: str, nonce: int, block_number: int) -> str | None:
        """Hash of the transaction that used this nonce, mined at or before the block; None when it is not found there."""
        return user_of_nonce(self._rpc, address, nonce, block_number)

    def balance(self, address: str) -> int:
        """Wei at the newest block."""
        return quantity(self._rpc.call("eth_getBalance", address, "latest"), "balance")

    def code(self, address: str) -> bytes:
        """The contract's code at the newest block; empty where there is no contract."""
        code = self._rpc.call("eth_getCode", address, "latest")
        try:
            return bytes.fromhex(code.removeprefix("0x"))
        except (AttributeError, ValueError):
            raise ChainUnavailable("The chain's node gave no code that can be read.") from None

    # --- fees ----------------------------------------------------------------------------------------------------------

    def fees(self, head: Head) -> Fees:
        """EIP-1559 where the head has a base fee, else a legacy gas price; within the network's floor and cap."""
        network = self._network
        if head.base_fee is None:
            floor = network.min_base_fee + network.min_priority_fee
            price = quantity(self._rpc.call("eth_gasPrice"), "gas price")
            return Fees(min(max(price, floor), network.max_fee_cap))
        next_base_fee, suggested_tip = self._fee_history()
        base_fee = max(head.base_fee, next_base_fee, network.min_base_fee)
        tip = min(max(suggested_tip, network.min_priority_fee), network.max_priority_fee)
        max_fee = min(_times(base_fee, network.base_fee_multiplier) + tip, network.max_fee_cap)
        return Fees(max_fee, min(tip, max_fee))

    def _fee_history(self) -> tuple[int, int]:
        """The next block's base fee, and the median over recent blocks that held anything of their median tip.

        Both 0 on a node without eth_feeHistory: the head's base fee and the network's floor then stand alone.
        """
        answer = self._rpc.request("eth_feeHistory", hex(FEE_HISTORY_BLOCKS), "latest", [REWARD_PERCENTILE])
        if isinstance(answer.error, dict) and answer.error.get("code") == METHOD_NOT_FOUND:
            return 0, 0
        history = _result(answer, "eth_feeHistory")
        try:
            next_base_fee = quantity(history["baseFeePerGas"][-1], "base fee")
            used = history.get("gasUsedRatio") or []
            tips = sorted(
                quantity(rewards[0], "tip")
                for rewards, share in zip(history.get("reward") or [], used, strict=False)
                if share and rewards
            )
        except (TypeError, LookupError, AttributeError):
            raise ChainUnavailable("The chain's node gave no fee history that can be read.") from None
        return next_base_fee, tips[len(tips) // 2] if tips else 0

    # --- simulation ----------------------------------------------------------------------------------------------------

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        """Simulate each against the pending state, in one batch. One answer a call, in order.

        The senders' balances and the block's gas limit come with it: not every node checks the one (anvil does not), and an
        estimate with head-room must not pass the other.
        """
        if not calls:
            return []
        answers = self._simulate(calls)
        if self._simulation_tag == "pending" and any(_refuses_tag(answer.error) for answer in answers):
            on_latest = self._simulate(calls, "latest")
            if not any(_refuses_tag(answer.error) for answer in on_latest):
                self._simulation_tag, answers = "latest", on_latest
        senders = list(dict.fromkeys(call.sender for call in calls))
        estimates, (block, *balances) = answers[: len(calls)], answers[len(calls) :]
        block_limit = _field(block.result, "gasLimit")
        funds = {sender: quantity_or_none(answer.result) for sender, answer in zip(senders, balances, strict=True)}
        return [
            self._estimated(call, answer, funds[call.sender], block_limit)
            for call, answer in zip(calls, estimates, strict=True)
        ]

    def _simulate(self, calls: Sequence[Call], tag: str | None = None) -> list[Answer]:
        """Answers to the calls' eth_estimateGas, then the newest block, then each distinct sender's balance."""
        tag = tag or self._simulation_tag
        return self._rpc.batch(
            [
                *(("eth_estimateGas", [_fields(call), tag]) for call in calls),
                ("eth_getBlockByNumber", ["latest", False]),
                *(("eth_getBalance", [sender, tag]) for sender in dict.fromkeys(call.sender for call in calls)),
            ]
        )

    def _estimated(self, call: Call, answer: Answer, funds: int | None, block_limit: int | None) -> Estimate:
        if not answer.answered:
            return Unavailable(f"no RPC endpoint answered: {answer.error}")
        if answer.error is not None:
            return classify_estimate(answer.error, call.gas)
        used = quantity_or_none(answer.result)
        if used is None:
            return Unavailable("the node's gas estimate cannot be read")
        if call.gas is not None and used > call.gas:  # geth simulates with more than a limit below 21000
            return Revert(f"out of gas: the gas limit is {call.gas}, the transaction needs {used}")
        gas = call.gas or max(used, min(_times(used, self._network.gas_multiplier), block_limit or used))
        least = call.value + gas * (self._network.min_base_fee + self._network.min_priority_fee)
        if funds is not None and funds < least:
            return Unfunded(f"the sender has {funds} wei; value and gas take at least {least}")
        return GasEstimate(gas)

    def revert_reason(self, call: Call, block_number: int) -> str:
        """Replay a mined revert and decode why; a sentence saying so when it cannot be told.

        On the state of the parent block; then on that of its own block, as what stood before it there may have made it revert.
        Each at a gas price, and without one in case the sender could not pay it. Raises ChainUnavailable when nobody answers.
        """
        network, fields = self._network, _fields(call)
        price = _times(network.min_base_fee, network.base_fee_multiplier) + network.min_priority_fee
        parent, own = hex(max(block_number - 1, 0)), hex(block_number)
        replays = [[shape, tag] for tag in (parent, own) for shape in (fields | {"gasPrice": hex(price)}, fields)]
        answers = self._rpc.batch([("eth_call", replay) for replay in replays])
        errors = [answer.error for answer in answers if answer.answered and answer.error is not None]
        if any(is_throttled(error) for error in errors) or not any(answer.answered for answer in answers):
            raise ChainUnavailable("The chain's node did not replay the transaction.")
        outcomes = [classify_estimate(error, call.gas) for error in errors]
        for outcome in outcomes:
            if isinstance(outcome, Revert):
                return outcome.reason
        if outcomes:
            return f"reverted; the reason cannot be told: {outcomes[0].reason}"
        return "reverted; it passes when replayed before and after its block, so the reason cannot be told"

    # --- transactions --------------------------------------------------------------------------------------------------

    def broadcast(self, transactions: Sequence[SignedTransaction]) -> list[Broadcast]:
        """Send the raw bytes in one JSON-RPC batch. One answer a transaction, in order: UNKNOWN when nobody answers.

        Raises ConfigurationError when an endpoint is of another chain.
        """
        try:
            answers = self._rpc.batch(
                [("eth_sendRawTransaction", [f"0x{transaction.raw.hex()}"]) for transaction in transactions]
            )
        except ChainUnavailable as error:
            return [Broadcast(BroadcastStatus.UNKNOWN, error.message)] * len(transactions)
        return [_outcome(transaction, answer) for transaction, answer in zip(transactions, answers, strict=True)]

    def receipts(self, hashes: Sequence[str]) -> dict[str, Receipt]:
        """Receipts of those that are mined. Absence from the result decides nothing (invariant 8)."""
        answers = self._rpc.batch([("eth_getTransactionReceipt", [hash_]) for hash_ in hashes])
        if answers and all(answer.error is not None for answer in answers):
            _result(answers[0], "eth_getTransactionReceipt")
        read = (read_receipt(hash_, answer.result) for hash_, answer in zip(hashes, answers, strict=True))
        return {receipt.hash: receipt for receipt in read if receipt is not None}


def _outcome(transaction: SignedTransaction, answer: Answer) -> Broadcast:
    if not answer.answered:
        return Broadcast(BroadcastStatus.UNKNOWN, str(answer.error))
    if answer.error is None:
        if str(answer.result).lower() == transaction.hash.lower():
            return Broadcast(BroadcastStatus.ACCEPTED)
        return Broadcast(
            BroadcastStatus.UNKNOWN, "the node answered with another hash"
        )  # Besu's empty hash, for an invalid one
    told = classify_broadcast(answer.error)
    if answer.doubtful and told.status in _REFUSALS:
        return Broadcast(BroadcastStatus.UNKNOWN, told.message)
    return told


def _fields(call: Call) -> dict[str, str]:
    """The transaction object of eth_estimateGas and eth_call. Without `to` it creates a contract. Fees play no part."""
    fields = {"from": call.sender, "value": hex(call.value), "data": f"0x{call.data.hex()}"}
    if call.to is not None:
        fields["to"] = call.to
    if call.gas is not None:
        fields["gas"] = hex(call.gas)
    return fields


def _refuses_tag(error: object) -> bool:
    """The node will not simulate on the pending block."""
    if error is None or isinstance(error, str) or not isinstance(classify_estimate(error), Unavailable) or is_throttled(error):
        return False
    message = message_of(error).lower()
    code = error.get("code") if isinstance(error, dict) else None
    return code == INVALID_PARAMS or "pending" in message or "block tag" in message or "unsupported block" in message


def _result(answer: Answer, method: str) -> Any:
    if answer.error is not None:
        raise ChainUnavailable(f"The chain's node refused {method}: {message_of(answer.error)}.")
    return answer.result


def _times(amount: int, factor: float) -> int:
    """Rounded up, in integers: a float holds no more than 2**53 wei exactly."""
    return -(-amount * round(factor * 10_000) // 10_000)


def _field(value: Any, name: str) -> int | None:
    return quantity_or_none(value.get(name)) if isinstance(value, dict) else None
