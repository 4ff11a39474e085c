"""Final jobs that a reorg took back: what is told, and what they are once their nonce is settled again."""

from dataclasses import replace

import pytest

from chalicelib.jobs.endings import confirmed
from chalicelib.jobs.model import Job, Outcome, Purpose, Status
from chalicelib.jobs.reorgs import (
    confirmed_again,
    displaced_after_reorg,
    is_told,
    reorged,
    reorged_attempts,
    stored_transaction,
)
from chalicelib.jobs.settlement import is_reorged
from chalicelib.jobs.states import IllegalTransition, with_transaction
from tests.unit.jobs.a_job import NOW, receipt, started_job, transaction, with_cancel

MINED = receipt("0xfirst", 100)
AGAIN = replace(MINED, block_number=107, block_hash="0xother")


def succeeded() -> Job:
    return confirmed(started_job(), MINED, NOW)


def failed() -> Job:
    return confirmed(started_job(), replace(MINED, succeeded=False), NOW, "no")


def taken_back(job: Job) -> Job:
    assert job.attempt.receipt is not None
    return reorged(job, job.attempt.receipt, "it was sent again", {}, NOW)


def test_a_job_is_taken_back_from_when_that_is_told_until_its_nonce_is_confirmed_again() -> None:
    job = taken_back(succeeded())
    assert [is_reorged(one) for one in (started_job(), succeeded(), job, confirmed_again(job, AGAIN, NOW))] == [
        False,
        False,
        True,
        False,
    ]
    assert is_reorged(with_transaction(job, transaction("0xnext", Purpose.REPLACEMENT), NOW))


def test_each_replaced_block_is_told_once() -> None:
    job = taken_back(succeeded())
    assert is_told(job, MINED)
    assert not is_told(job, AGAIN)
    assert not is_told(succeeded(), MINED)


@pytest.mark.parametrize(
    ("before", "again", "status", "outcome"),
    [
        (succeeded, AGAIN, Status.SUCCEEDED, Outcome.CONFIRMED),
        (succeeded, replace(AGAIN, succeeded=False), Status.FAILED, Outcome.REVERTED),
        (failed, replace(AGAIN, succeeded=False), Status.FAILED, Outcome.REVERTED),
        (failed, AGAIN, Status.SUCCEEDED, Outcome.CONFIRMED),
    ],
)
def test_what_is_mined_in_the_end_decides(before, again, status, outcome) -> None:  # type: ignore[no-untyped-def]
    job = confirmed_again(taken_back(before()), again, NOW)
    assert (job.status, job.attempt.outcome, job.attempt.receipt) == (status, outcome, again)
    assert job.fail_count == (1 if status is Status.FAILED or before is failed else 0)


def test_its_cancel_transaction_mined_in_its_place_cancels_it() -> None:
    job = with_cancel(started_job())
    job = taken_back(confirmed(job, receipt(job.attempt.hashes[0], 100), NOW))
    cancelled = confirmed_again(job, receipt(job.attempt.latest.hash, 107), NOW)
    assert (cancelled.status, cancelled.attempt.outcome) == (Status.CANCELLED, Outcome.CANCELLED)


@pytest.mark.parametrize(("before", "code"), [(succeeded, "ReorgedAway"), (failed, "TransactionReverted")])
def test_a_nonce_that_another_program_took_fails_what_had_succeeded_and_nothing_else(before, code) -> None:  # type: ignore[no-untyped-def]
    job = displaced_after_reorg(taken_back(before()), NOW)
    assert job.status is Status.FAILED
    assert job.failure is not None
    assert (job.failure.code, job.fail_count) == (code, 1)
    assert not is_reorged(job)


def test_attempts_are_taken_back_from_the_first_nonce_that_is_not_mined() -> None:
    job = succeeded()
    nonce = job.attempt.nonce
    assert reorged_attempts(job, nonce) == [job.attempt]
    assert reorged_attempts(job, nonce + 1) == []
    assert reorged_attempts(started_job(), nonce) == []


def test_the_bytes_that_are_sent_again_are_those_that_were_kept() -> None:
    assert stored_transaction(succeeded().attempt) == succeeded().attempt.transactions[0]
    bare = replace(succeeded().attempt, transactions=(replace(succeeded().attempt.latest, raw=b""),))
    assert stored_transaction(bare) is None


def test_a_final_job_that_was_not_taken_back_is_signed_for_no_more() -> None:
    with pytest.raises(IllegalTransition):
        with_transaction(succeeded(), transaction("0xnext", Purpose.REPLACEMENT), NOW)
    with pytest.raises(ValueError, match="was not reorged"):
        confirmed_again(succeeded(), AGAIN, NOW)
