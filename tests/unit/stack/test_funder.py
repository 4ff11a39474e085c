"""The funder's arithmetic. What it sends is tried by every start of the stack."""

import pytest

from stack.errors import StackError
from stack.funder import Funder, argument_types, coins, contract_address


@pytest.mark.parametrize(
    ("nonce", "address"),
    [
        (0, "0xcd234A471b72ba2F1Ccf0A70FCABA648a5eeCD8d"),
        (1, "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8"),
        (2, "0xf778B86FA74E846c4f0a1fBd1335FE81c00a0C91"),
        (3, "0xffFd933A0bC612844eaF0C6Fe3E5b8E9B6C1d19c"),
    ],
)
def test_a_contracts_address_follows_from_sender_and_nonce(nonce: int, address: str) -> None:
    """The example of the yellow paper's CREATE that clients test themselves with."""
    assert contract_address("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0", nonce) == address


def test_amounts_are_exact() -> None:
    assert coins("0.1") == 10**17
    assert coins("100") == 100 * 10**18
    with pytest.raises(StackError, match="FUND_AMOUNT must be a number"):
        coins("a lot")


def test_types_of_a_signature() -> None:
    assert argument_types("grantRole(bytes32,address)") == ["bytes32", "address"]
    assert argument_types("pause()") == []


def test_a_wrong_key_is_not_repeated() -> None:
    with pytest.raises(StackError) as refused:
        Funder("http://127.0.0.1:1", "0x1234secret")
    assert "1234" not in str(refused.value)
    assert refused.value.__cause__ is None
