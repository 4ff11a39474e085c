"""Plain transfers, simulated together and in their order: one eth_simulateV1 in place of an eth_estimateGas each.

On the pending block a node works out what is pending anew for each request. Here each transfer gets the 21,000 gas of one whose
recipient runs no code: what needs more, or fails, is not judged but estimated like any other call. The method is one of the
execution APIs' specification; a node that refuses it is not asked again.
"""

from collections.abc import Sequence
from typing import Any

from chalicelib.chain.rpc.classify import classify_estimate, is_throttled, is_unsupported
from chalicelib.chain.rpc.exchanges import Answer, Request
from chalicelib.chain.rpc.quantities import quantity_or_none
from chalicelib.jobs.ports import Call, Unavailable
from chalicelib.networks import TRANSFER_GAS


def is_plain(call: Call) -> bool:
    return call.to is not None and not call.data and (call.gas is None or call.gas >= TRANSFER_GAS)


def simulation(transfers: Sequence[Call], tag: str) -> Request:
    """All in one block on top of the one of `tag`; neither nonces nor gas prices are looked at."""
    calls = [
        {"from": transfer.sender, "to": transfer.to, "value": hex(transfer.value), "gas": hex(TRANSFER_GAS)}
        for transfer in transfers
    ]
    return "eth_simulateV1", [{"blockStateCalls": [{"calls": calls}], "validation": False}, tag]


def pass_simulation(count: int, answer: Answer) -> list[bool]:
    """Which of the `count` transfers have passed: none, where the answer cannot be read or holds another number of them."""
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
    """The node does not do this, or cannot do it in time. Other errors are about these transfers (their sender's funds), or of
    the moment (a limit).
    """
    if answer.alone or is_unsupported(answer.error):
        return True
    if answer.error is None or is_throttled(answer.error):
        return False
    return isinstance(classify_estimate(answer.error), Unavailable)
