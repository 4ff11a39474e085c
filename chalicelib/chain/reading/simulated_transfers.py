"""Simulates plain transfers together and in their order: one eth_simulateV1 instead of one eth_estimateGas each.

For each eth_estimateGas on the pending block, a node builds that block again. Here each transfer gets 21,000 gas, which is
enough unless its recipient runs code. A transfer that needs more, or fails, is estimated like any other call. The method is
specified in ethereum/execution-apis. A node that refuses it is not asked again.
"""

from collections.abc import Sequence
from typing import Any

from chalicelib.chain.rpc.answers import Answer, Request
from chalicelib.chain.rpc.classify import classify_estimate, is_throttled, is_unsupported
from chalicelib.chain.rpc.quantities import quantity_or_none
from chalicelib.jobs.ports import Call, Unavailable
from chalicelib.networks import TRANSFER_GAS


def is_plain(call: Call) -> bool:
    """Return whether the call only sends coins, with enough gas for that."""

    return call.to is not None and not call.data and (call.gas is None or call.gas >= TRANSFER_GAS)


def simulation(transfers: Sequence[Call], tag: str) -> Request:
    """Return the request: all transfers in one block on top of that of `tag`. Nonces and gas prices are not checked."""
    calls = [
        {"from": transfer.sender, "to": transfer.to, "value": hex(transfer.value), "gas": hex(TRANSFER_GAS)}
        for transfer in transfers
    ]
    return "eth_simulateV1", [{"blockStateCalls": [{"calls": calls}], "validation": False}, tag]


def pass_simulation(count: int, answer: Answer) -> list[bool]:
    """Return which of the `count` transfers passed: none where the answer cannot be read, or has another number of results."""
    none = [False] * count
    try:
        ((*results,),) = [block["calls"] for block in answer.result]
    except (TypeError, KeyError, ValueError):
        return none
    return [_has_passed(result) for result in results] if len(results) == count else none


def _has_passed(result: Any) -> bool:
    if not isinstance(result, dict) or result.get("error"):
        return False
    return (quantity_or_none(result.get("status")), quantity_or_none(result.get("gasUsed"))) == (1, TRANSFER_GAS)


def is_refused(answer: Answer) -> bool:
    """Return whether the node does not have the method, or cannot answer it in time.

    Other errors are about these transfers (the sender's funds), or temporary (a rate limit).
    """
    if answer.over_bound or is_unsupported(answer.error):
        return True
    if answer.error is None or is_throttled(answer.error):
        return False
    return isinstance(classify_estimate(answer.error), Unavailable)
