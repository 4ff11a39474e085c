"""Which contracts a transaction calls, however its author has written that down."""

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from chalicelib.chain.contracts.called_contracts import EXECUTE, EXECUTE_BATCH, MOST_CALLS, callees_of
from chalicelib.errors import NotYourContract
from chalicelib.jobs.model import TransactionRequest

WALLET, INNER, TOKEN, OTHER = (to_checksum_address("0x" + f"{number:02x}" * 20) for number in (0xA1, 0xB2, 0xC3, 0xD4))
CALL = "(address,uint256,bytes)"


def execute(to: str, data: bytes = b"", value: int = 0) -> bytes:
    return EXECUTE + encode(["address", "uint256", "bytes"], [to, value, data])


def execute_batch(*calls: tuple[str, int, bytes]) -> bytes:
    return EXECUTE_BATCH + encode([f"{CALL}[]"], [calls])


def called(data: bytes, to: str | None = WALLET) -> set[str]:
    return set(callees_of(TransactionRequest(to, data=data)))


def word(value: int | str) -> bytes:
    return (int(value, 16) if isinstance(value, str) else value % 2**256).to_bytes(32, "big")


def test_the_selectors_are_the_hashes_of_the_wallets_signatures() -> None:
    assert keccak(text=f"execute{CALL}")[:4] == EXECUTE
    assert keccak(text=f"executeBatch({CALL}[])")[:4] == EXECUTE_BATCH


def test_a_plain_call_calls_its_recipient_and_a_deployment_nobody() -> None:
    assert called(b"") == called(b"\x01\x02\x03\x04" + word(TOKEN)) == {WALLET}
    assert called(execute(TOKEN), to=None) == set()


def test_what_a_wallet_is_told_to_call_counts_however_deep() -> None:
    assert called(execute(TOKEN, b"\x12\x34\x56\x78")) == {WALLET, TOKEN}
    assert called(execute(INNER, execute(TOKEN))) == {WALLET, INNER, TOKEN}
    assert called(
        execute_batch(
            (
                INNER,
                1,
                execute_batch((TOKEN, 0, b"")),
            ),
            (OTHER, 0, b"x"),
        )
    ) == {WALLET, INNER, TOKEN, OTHER}


@pytest.mark.parametrize(
    "data",
    [
        EXECUTE + word(TOKEN),
        EXECUTE + word(TOKEN) + word(0) + word(2**255),
        EXECUTE + word(int(TOKEN, 16) + 2**200) + word(0) + word(96) + word(0),
        execute(TOKEN)[:-20],
        execute(TOKEN) + b"more behind it",
        EXECUTE + word(TOKEN) + word(0) + word(96) + word(3) + b"abc" + b"\xff" * 29,
        EXECUTE_BATCH + word(64) + word("0xdead") + word(1) + word(32) + word(TOKEN) + word(0) + word(96) + word(0),
        # Solidity compares these offsets as signed numbers: the element stands before the array that names it.
        EXECUTE_BATCH + word(128) + word(TOKEN) + word(0) + word(96) + word(1) + word(-128),
    ],
    ids=[
        "cut off",
        "an offset beyond the end",
        "dirty upper bytes",
        "a cut tail",
        "trailing bytes",
        "padding that is not zero",
        "an offset that leaves a gap",
        "an offset that points back",
    ],
)
def test_an_encoding_that_a_strict_decoder_refuses_hides_nothing(data: bytes) -> None:
    assert TOKEN in called(data)


def test_a_call_whose_data_points_back_is_followed() -> None:
    inner = EXECUTE + word(TOKEN)
    data = EXECUTE_BATCH + word(5 * 32)  # the array stands behind the inner call
    data += word(len(inner)) + inner.ljust(96, b"\0") + word(1) + word(32)
    element, inner_at = len(data), 4 + 32
    assert called(data + word(OTHER) + word(0) + word(inner_at - element)) == {WALLET, OTHER, TOKEN}


def test_few_bytes_that_describe_endless_calls_are_refused() -> None:
    """Every element of a batch is the same one, whose data is such a batch again."""
    shared = execute_batch((TOKEN, 0, b""))
    for _ in range(4):
        elements = 12
        element = word(OTHER) + word(0) + word(96) + word(len(shared)) + shared
        shared = EXECUTE_BATCH + word(32) + word(elements) + word(32 * elements) * elements + element
    assert len(shared) < 8_000
    with pytest.raises(NotYourContract, match=f"{MOST_CALLS:,}"):
        called(shared)
