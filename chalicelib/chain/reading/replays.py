"""Replays a mined transaction that reverted, with as much gas as the node gives."""

from chalicelib.chain.rpc.answers import Answer
from chalicelib.chain.rpc.classify import classify_estimate, is_throttled
from chalicelib.chain.rpc.client import RpcClient
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Revert


def passes_with_more_gas(rpc: RpcClient, fields: dict[str, str], price: int, block_number: int) -> bool:
    """Return whether the transaction passes without a gas limit, on the state before its block or on that after it.

    `fields` is the transaction object of eth_call, `price` a gas price in wei. Each replay is made at this price, and without
    one in case the sender cannot pay for so much gas. Raises ChainUnavailable when no endpoint answers.
    """
    free = {name: value for name, value in fields.items() if name != "gas"}
    priced = free | {"gasPrice": hex(price)}
    tags = [hex(max(block_number - 1, 0)), hex(block_number)]
    answers = rpc.batch([("eth_call", [shape, tag]) for tag in tags for shape in (priced, free)])
    if any(is_throttled(answer.error) for answer in answers) or not any(
        answer.answered or answer.over_bound for answer in answers
    ):
        raise ChainUnavailable("The chain's node did not replay the transaction.")
    return any(_passes(answers[first : first + 2]) for first in (0, 2))


def _passes(answers: list[Answer]) -> bool:
    """Return whether the transaction passes, by the first answer that says something about the transaction itself."""
    for answer in answers:
        if answer.answered and answer.error is None:
            return True
        if answer.answered and isinstance(classify_estimate(answer.error), Revert):
            return False
    return False
