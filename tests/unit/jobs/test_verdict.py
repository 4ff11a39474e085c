"""What is read of the chain, and what follows: one table."""

from dataclasses import replace

import pytest

from chalicelib.jobs.model import Failure, Status
from chalicelib.jobs.settlement import (
    ChainView,
    Confirmed,
    Mined,
    NotMined,
    ReceiptTooLarge,
    SettledWithoutReceipt,
    Verdict,
    is_being_cancelled,
    is_to_be_cancelled,
    judge,
)
from chalicelib.jobs.states import with_transaction
from tests.unit.jobs.a_job import receipt, started_job, transaction, with_cancel

CONFIRMATIONS = 4
FIRST, SECOND = receipt("0xfirst", 100), receipt("0xsecond", 100)


@pytest.mark.parametrize(
    ("head", "mined", "settled", "receipts", "verdict"),
    [
        # nonce 7; its transactions are 0xfirst and 0xsecond
        (99, 7, 7, [], NotMined()),
        (99, 3, 3, [], NotMined()),
        (100, 8, 7, [FIRST], Mined(3, FIRST)),
        (102, 8, 7, [FIRST], Mined(1, FIRST)),
        (103, 8, 8, [FIRST], Confirmed(FIRST)),
        (103, 8, 8, [SECOND], Confirmed(SECOND)),
        (900, 80, 80, [FIRST], Confirmed(FIRST)),
        (100, 8, 7, [], Mined(1)),  # by whom, depth will tell
        (103, 8, 8, [], SettledWithoutReceipt()),  # a receipt that lags, or another's: proof decides
        (99, 7, 7, [FIRST], Mined(4)),  # the head is of a node that lags, or the receipt of one
        (99, 8, 7, [FIRST], Mined(4, FIRST)),  # the head is of a node that lags
        (103, 7, 7, [FIRST], NotMined()),  # the receipt is of a block that a reorg has removed
        (103, 8, 7, [FIRST], Mined(1)),  # it was removed, and the nonce is used again, not deep enough
        (103, 8, 8, [receipt("0xstranger", 100)], SettledWithoutReceipt()),
    ],
)
def test_what_is_seen_decides(head: int, mined: int, settled: int, receipts: list, verdict: Verdict) -> None:
    job = started_job(7, ("0xfirst", "0xsecond"))
    assert judge(job, ChainView(head, mined, settled, {one.hash: one for one in receipts}), CONFIRMATIONS) == verdict


@pytest.mark.parametrize(
    ("mined", "settled", "receipts", "too_large", "verdict"),
    [
        (8, 8, [], {"0xsecond"}, ReceiptTooLarge()),
        (8, 7, [], {"0xsecond"}, ReceiptTooLarge()),
        (8, 8, [FIRST], {"0xsecond"}, Confirmed(FIRST)),
        (7, 7, [], {"0xsecond"}, NotMined()),  # a reorg has removed its block
        (8, 8, [], {"0xstranger"}, SettledWithoutReceipt()),
    ],
)
def test_a_receipt_too_large_to_be_read_says_whose_the_nonce_is(mined, settled, receipts, too_large, verdict) -> None:
    sight = ChainView(103, mined, settled, {one.hash: one for one in receipts}, too_large=frozenset(too_large))
    assert judge(started_job(7, ("0xfirst", "0xsecond")), sight, CONFIRMATIONS) == verdict


@pytest.mark.parametrize("confirmations", [1, 2, 12])
def test_a_transaction_is_settled_from_its_last_missing_block_on(confirmations: int) -> None:
    job = started_job(0)
    for head in range(100, 120):
        deep = head >= 100 + confirmations - 1
        verdict = judge(job, ChainView(head, 1, 1 if deep else 0, {"0xfirst": FIRST}), confirmations)
        assert verdict == (Confirmed(FIRST) if deep else Mined(100 + confirmations - 1 - head, FIRST))


def test_a_nonce_is_to_be_freed_when_the_issuer_or_we_have_given_it_up() -> None:
    given_up = with_transaction(started_job(), transaction("0xnext"), started_job().created_at, Failure("Expired", "late"))
    assert [is_to_be_cancelled(job) for job in (started_job(), started_job(status=Status.CANCEL_REQUESTED), given_up)] == [
        False,
        True,
        True,
    ]


def test_it_is_being_cancelled_while_its_latest_transaction_is_a_cancel() -> None:
    assert not is_being_cancelled(replace(started_job(), status=Status.CANCEL_REQUESTED))
    assert is_being_cancelled(with_cancel(started_job()))
