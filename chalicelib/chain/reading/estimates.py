"""Estimates what transactions would do, over JSON-RPC, and reads the account that will sign them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from chalicelib.chain.reading.fees import FEE_HISTORY, dynamic_fees, legacy_fees, next_base_fee
from chalicelib.chain.reading.gas import above_the_blocks, gas_limit, ran_out, too_low
from chalicelib.chain.reading.requests import count_at, head_of, result_of
from chalicelib.chain.reading.simulated_transfers import is_plain, is_refused, pass_simulation, simulation
from chalicelib.chain.rpc.classify import (
    INVALID_PARAMS,
    classify_estimate,
    is_out_of_gas,
    is_throttled,
    is_unsupported,
    message_of,
    needed_gas,
)
from chalicelib.chain.rpc.client import Answer, Request, RpcClient
from chalicelib.chain.rpc.quantities import quantity, quantity_or_none
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.model import Fees
from chalicelib.jobs.ports import AccountView, Call, Estimate, GasEstimate, Head, Unavailable, Unfunded
from chalicelib.networks import TRANSFER_GAS, Network

T = TypeVar("T")

NEED_SECONDS = 2.0
NEEDS_AT_ONCE = 10
"""A transaction whose own gas limit is too low is estimated again without it, to tell how much gas it needs: for so many
transactions of a round, within so many seconds.
"""


@dataclass(frozen=True, slots=True)
class _Read:
    """The newest block, and the answers of one endpoint that came with it."""

    block: Mapping[str, Any]
    of_account: Sequence[Answer]
    of_calls: Sequence[Answer]
    simulated: Answer
    """The answer to the transfers that were simulated together."""


class Estimates:
    """Remembers, between calls, only what the nodes refuse: the `pending` block, and transfers simulated together."""

    def __init__(self, network: Network, rpc: RpcClient) -> None:
        self._network = network
        self._rpc = rpc
        self._tag = "pending"
        self._simulates = True
        """Transfers are simulated together until a node refuses that."""

    def account_view(self, address: str, calls: Sequence[Call]) -> AccountView:
        """Read the account at the newest block, and estimate each call on the pending one.

        All is one HTTP request to one endpoint, for up to 95 calls. There is one more for each of these: the gas price, on a
        chain without base fees; the estimates of transfers that do not pass their simulation; and what transactions need whose
        own gas limit is too low.

        Raises ChainUnavailable when something that is needed is not answered.
        """
        until = self._rpc.until()
        read = self._read_simulating(address, calls, until)
        history, mined, newest, pending = read.of_account
        balance = quantity(result_of(newest, "eth_getBalance"), "balance")
        spendable = quantity_or_none(pending.result)
        head = head_of(read.block)
        block_limit = _field(read.block, "gasLimit")
        gas_price = None if head.base_fee is not None else quantity(self._rpc.call("eth_gasPrice"), "gas price")
        return AccountView(
            head=head,
            fees=self._fees(head, history, gas_price),
            mined_count=quantity(result_of(mined, "eth_getTransactionCount"), "transaction count"),
            balance=balance,
            spendable=balance if spendable is None else min(balance, spendable),
            next_base_fee=None if head.base_fee is None else next_base_fee(head.base_fee, history),
            gas_price=gas_price,
            block_gas_limit=block_limit,
            estimates=tuple(self._estimated(calls, read.of_calls, lambda _: spendable, block_limit, until)),
        )

    def _read_simulating(self, address: str, calls: Sequence[Call], until: float) -> _Read:
        """Simulate two or more transfers together. Those that do not pass are estimated like the other calls."""
        transfers = [call for call in calls if is_plain(call)]
        if not self._simulates or len(transfers) < 2:
            return self._read(until, address, calls)
        try:
            read = self._read(until, address, [call for call in calls if not is_plain(call)], transfers)
        except ChainUnavailable:
            self._simulates = False  # perhaps the simulation was too much for the node
            raise
        self._simulates = not is_refused(read.simulated)
        passed = pass_simulation(len(transfers), read.simulated)
        rest = [transfer for transfer, has_passed in zip(transfers, passed, strict=True) if not has_passed]
        again = iter(self._read(until, address, rest).of_calls if rest else ())
        of_transfers = (Answer(result=hex(TRANSFER_GAS)) if has_passed else next(again) for has_passed in passed)
        of_others = iter(read.of_calls)
        return replace(read, of_calls=[next(of_transfers if is_plain(call) else of_others) for call in calls])

    def _read(self, until: float, address: str, calls: Sequence[Call], transfers: Sequence[Call] = ()) -> _Read:
        return self._on_tag(lambda tag: self._read_on(tag, until, address, calls, transfers), lambda read: read.of_calls)

    def _on_tag(self, ask: Callable[[str], T], answers_of: Callable[[T], Sequence[Answer]]) -> T:
        """Ask on the pending block. Where a node refuses that, ask on the newest block, from then on."""
        found = ask(self._tag)
        if self._tag == "pending" and any(_refuses_tag(answer.error) for answer in answers_of(found)):
            on_latest = ask("latest")
            if not any(_refuses_tag(answer.error) for answer in answers_of(on_latest)):
                self._tag = "latest"
                return on_latest
        return found

    def _read_on(self, tag: str, until: float, address: str, calls: Sequence[Call], transfers: Sequence[Call]) -> _Read:
        """Send one batch: `calls` are estimated one by one, `transfers` simulated together, on the block of `tag`."""
        of_account: list[Request] = [
            FEE_HISTORY,
            count_at(address, "latest"),
            ("eth_getBalance", [address, "latest"]),
            ("eth_getBalance", [address, tag]),
        ]
        of_calls: list[Request] = [("eth_estimateGas", [call_fields(call), tag]) for call in calls]
        simulations = [simulation(transfers, tag)] if transfers else []
        block, answers = self._rpc.read_newest([*of_account, *of_calls, *simulations], until)
        calls_end = len(of_account) + len(of_calls)
        simulated = answers[calls_end] if transfers else Answer()
        return _Read(block, answers[: len(of_account)], answers[len(of_account) : calls_end], simulated)

    def _fees(self, head: Head, history: Answer, gas_price: int | None) -> Fees:
        if head.base_fee is not None:
            return dynamic_fees(self._network, head.base_fee, history)
        return legacy_fees(self._network, gas_price or 0)

    def of(self, calls: Sequence[Call]) -> list[Estimate]:
        """Simulate each call on the pending block, in one batch. Return one estimate a call, in order.

        The batch also reads the senders' balances and the block's gas limit. Not every node checks the balance (anvil does
        not), and a gas limit with head-room must not be above the block's.
        """
        if not calls:
            return []
        until = self._rpc.until()
        answers = self._on_tag(lambda tag: self._simulate(tag, calls, until), lambda answers: answers)
        senders = list(dict.fromkeys(call.sender for call in calls))
        estimates, (block, *balances) = answers[: len(calls)], answers[len(calls) :]
        block_limit = _field(block.result, "gasLimit")
        funds = {sender: quantity_or_none(answer.result) for sender, answer in zip(senders, balances, strict=True)}
        return self._estimated(calls, estimates, funds.get, block_limit, until)

    def _simulate(self, tag: str, calls: Sequence[Call], until: float) -> list[Answer]:
        """Return the answers to the calls' eth_estimateGas, then the newest block, then each distinct sender's balance."""
        return self._rpc.batch(
            [
                *(("eth_estimateGas", [call_fields(call), tag]) for call in calls),
                ("eth_getBlockByNumber", ["latest", False]),
                *(("eth_getBalance", [sender, tag]) for sender in dict.fromkeys(call.sender for call in calls)),
            ],
            until,
        )

    def _estimated(
        self,
        calls: Sequence[Call],
        answers: Sequence[Answer],
        funds_of: Callable[[str], int | None],
        block_limit: int | None,
        until: float,
    ) -> list[Estimate]:
        estimates = [
            self._one_estimated(call, answer, funds_of(call.sender), block_limit)
            for call, answer in zip(calls, answers, strict=True)
        ]
        lacking = [index for index, answer in enumerate(answers) if _lacks_gas(calls[index], answer)][:NEEDS_AT_ONCE]
        if lacking and until > self._rpc.until(NEED_SECONDS):
            needs = self._needs([calls[index] for index in lacking])
            for index, needed in zip(lacking, needs, strict=True):
                estimates[index] = too_low(calls[index].gas or 0, needed)
        return estimates

    def _needs(self, calls: Sequence[Call]) -> list[int | None]:
        """Return how much gas each needs without its own limit; None where the node does not answer in NEED_SECONDS."""
        requests: list[Request] = [("eth_estimateGas", [call_fields(replace(call, gas=None)), self._tag]) for call in calls]
        try:
            answers = self._rpc.batch(requests, self._rpc.until(NEED_SECONDS))
        except ChainUnavailable:
            return [None] * len(calls)
        return [quantity_or_none(answer.result) for answer in answers]

    def _one_estimated(self, call: Call, answer: Answer, funds: int | None, block_limit: int | None) -> Estimate:  # noqa: PLR0911
        if call.gas is not None and block_limit is not None and call.gas > block_limit:
            return above_the_blocks(call.gas, block_limit)
        if answer.over_bound:
            return Unavailable(f"it is too much for the node by itself: {message_of(answer.error)}", alone=True)
        if not answer.answered:
            return Unavailable(f"no RPC endpoint answered: {answer.error}", answered=False)
        if answer.error is not None:
            return ran_out(answer.error, call.gas, block_limit) or classify_estimate(answer.error, call.gas)
        used = quantity_or_none(answer.result)
        if used is None:
            return Unavailable("the node's gas estimate cannot be read")
        if call.gas is not None and used > call.gas:  # geth raises a limit below 21000 for the simulation
            return too_low(call.gas, used)
        gas = call.gas or gas_limit(used, self._network.gas_multiplier, block_limit)
        least = call.value + gas * (self._network.min_base_fee + self._network.min_priority_fee)
        if funds is not None and funds < least:
            return Unfunded(f"the sender has {funds} wei; value and gas take at least {least}")
        return GasEstimate(gas)


def call_fields(call: Call) -> dict[str, str]:
    """Return the transaction object of eth_estimateGas and eth_call, without fees. Without `to` it creates a contract."""
    fields = {"from": call.sender, "value": hex(call.value), "data": f"0x{call.data.hex()}"}
    if call.to is not None:
        fields["to"] = call.to
    if call.gas is not None:
        fields["gas"] = hex(call.gas)
    return fields


def _lacks_gas(call: Call, answer: Answer) -> bool:
    """Return True when the issuer's own gas limit is too low, and the node does not say how much is needed."""
    if call.gas is None or not answer.answered or answer.error is None:
        return False
    return needed_gas(answer.error) is None and is_out_of_gas(answer.error, call.gas)


def _refuses_tag(error: object) -> bool:
    """Return True when the node refuses to simulate on the pending block."""
    if error is None or isinstance(error, str) or not isinstance(classify_estimate(error), Unavailable) or is_throttled(error):
        return False
    message = message_of(error).lower()
    code = error.get("code") if isinstance(error, dict) else None
    if is_unsupported(error):
        return True
    return code == INVALID_PARAMS or "pending" in message or "block tag" in message or "unsupported block" in message


def _field(value: Any, name: str) -> int | None:
    return quantity_or_none(value.get(name)) if isinstance(value, dict) else None
