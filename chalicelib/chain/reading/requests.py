"""Requests to a node, and how to read the answers: the parts that several reads share."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chalicelib.chain.reading.receipts import read_receipt
from chalicelib.chain.rpc.answers import Answer, Request
from chalicelib.chain.rpc.classify import message_of
from chalicelib.chain.rpc.quantities import quantity, quantity_or_none
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import CanonicalBlock, Head
from chalicelib.jobs.receipts import Receipt

LAST_SECOND = 253_402_300_799
"""The last second of the year 9999: no datetime is later."""


def head_of(block: Mapping[str, Any]) -> Head:
    """Read a block's number and base fee. Raises ChainUnavailable when they cannot be read."""

    base_fee = block.get("baseFeePerGas")
    return Head(quantity(block.get("number"), "block number"), None if base_fee is None else quantity(base_fee, "base fee"))


def count_at(address: str, tag: str) -> Request:
    return "eth_getTransactionCount", [address, tag]


def block_and_count(number: int, address: str) -> tuple[Request, Request]:
    """Return requests for a block, and for the number of transactions of `address` up to it."""

    return ("eth_getBlockByNumber", [hex(number), False]), count_at(address, hex(number))


def blocks_of(numbers: Sequence[int], answers: Sequence[Answer]) -> dict[int, CanonicalBlock]:
    """Return the blocks that exist, by number, from the answers to `block_and_count` for each of `numbers`."""
    return {
        number: CanonicalBlock(str(block.result["hash"]).lower(), quantity_or_none(count.result), time_of(block.result))
        for number, block, count in zip(numbers, answers[::2], answers[1::2], strict=True)
        if isinstance(block.result, dict) and block.result.get("hash")
    }


def time_of(block: Mapping[str, Any]) -> datetime | None:
    """Return the block's timestamp; None where it cannot be read."""
    seconds = quantity_or_none(block.get("timestamp"))
    return None if seconds is None or seconds > LAST_SECOND else datetime.fromtimestamp(seconds, UTC)


def receipt_request(hash_: str) -> Request:
    return "eth_getTransactionReceipt", [hash_]


def receipts_of(hashes: Sequence[str], answers: Sequence[Answer]) -> dict[str, Receipt]:
    """Return the receipts of the mined transactions, by hash. Raises ChainUnavailable when every answer is an error."""
    if answers and all(answer.error is not None for answer in answers):
        result_of(answers[0], "eth_getTransactionReceipt")
    read = (read_receipt(hash_, answer.result) for hash_, answer in zip(hashes, answers, strict=True))
    return {receipt.hash: receipt for receipt in read if receipt is not None}


def result_of(answer: Answer, method: str) -> Any:
    """Return the result. Raises ChainUnavailable when the answer is an error; `method` names it in the message."""
    if answer.error is not None:
        raise ChainUnavailable(f"The chain's node refused {method}: {message_of(answer.error)}.")
    return answer.result
