"""Transfer events among a receipt's logs: whoever writes them, and whatever else is among them."""

from typing import Any

import pytest
from eth_utils.crypto import keccak

from chalicelib.chain.contracts.transfer_events import TRANSFER, transfers_of
from chalicelib.jobs.receipts import TokenTransfer

TOKEN, ALICE, BOB = "0x" + "cd" * 20, "0x" + "a1" * 20, "0x" + "b0" * 20
MOVED = TokenTransfer(TOKEN, ALICE, BOB, 255)


def word(value: str | int) -> str:
    return f"{int(value, 16) if isinstance(value, str) else value:064x}"


def log(*topics: str, data: str = "0x", **more: Any) -> dict[str, Any]:
    return {"address": TOKEN, "topics": [TRANSFER, *(f"0x{topic}" for topic in topics)], "data": data, **more}


USUAL = log(word(ALICE), word(BOB), data=f"0x{word(255)}")


def test_the_topic_is_the_hash_of_the_events_signature() -> None:
    assert f"0x{keccak(text='Transfer(address,address,uint256)').hex()}" == TRANSFER


@pytest.mark.parametrize(
    "written",
    [
        USUAL,
        log(word(ALICE), word(BOB), word(255)),
        log(word(ALICE), data=f"0x{word(BOB)}{word(255)}"),
        log(data=f"0x{word(ALICE)}{word(BOB)}{word(255)}"),
        {
            **USUAL,
            "address": TOKEN.upper().replace("0X", "0x"),
            "topics": [topic.upper().replace("0X", "0x") for topic in USUAL["topics"]],
        },
    ],
    ids=["as ERC-20 has it", "all in topics", "one in a topic", "none in topics", "in upper case"],
)
def test_a_transfer_is_read_wherever_its_values_stand(written: dict[str, Any]) -> None:
    assert transfers_of([written]) == (MOVED,)


@pytest.mark.parametrize(
    "written",
    [
        None,
        {},
        "log",
        {**USUAL, "topics": []},
        {**USUAL, "topics": ["0x" + "0" * 64, *USUAL["topics"][1:]]},
        {**USUAL, "data": "0x"},
        {**USUAL, "data": "0x12"},
        {**USUAL, "data": None},
        {**USUAL, "address": "0x12"},
    ],
    ids=str,
)
def test_what_is_no_transfer_is_left_out(written: Any) -> None:
    assert transfers_of([written, USUAL]) == (MOVED,)


@pytest.mark.parametrize("logs", [None, "0x", 7, {}])
def test_without_logs_nothing_is_known(logs: Any) -> None:
    assert transfers_of(logs) is None
    assert transfers_of([]) == ()
