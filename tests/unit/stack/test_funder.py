"""The funder's amounts and its key. Every start of the stack tries the transactions that it sends."""

import pytest

from stack.errors import StackError
from stack.funder import Funder, coins


def test_amounts_are_exact() -> None:
    assert coins("0.1") == 10**17
    assert coins("100") == 100 * 10**18
    with pytest.raises(StackError, match="FUND_AMOUNT must be a number"):
        coins("a lot")


def test_a_wrong_key_is_not_repeated() -> None:
    with pytest.raises(StackError) as refused:
        Funder("http://127.0.0.1:1", "0x1234secret")
    assert "1234" not in str(refused.value)
    assert refused.value.__cause__ is None
