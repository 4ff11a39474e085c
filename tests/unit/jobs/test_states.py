"""The state machine: invariants 3 and 4 after any sequence of transitions, and which of them are legal where."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.jobs.endings import confirmed, displaced, out_of_gas
from chalicelib.jobs.model import FINAL, IN_FLIGHT, RETRYABLE, Failure, Job, Outcome, Purpose, Status, WaitCode
from chalicelib.jobs.receipts import ContractEvent, Receipt
from chalicelib.jobs.states import (
    ATTEMPTS_KEPT,
    HISTORY_LIMIT,
    IllegalTransition,
    cancel_requested,
    cancelled,
    failed,
    is_resting,
    retried,
    seen_mined,
    seen_unmined,
    started,
    unsigned_since,
    waiting,
    with_event,
    with_next_check,
    with_transaction,
)
from tests.unit.jobs.a_job import (
    ISSUER,
    NOW,
    OTHER,
    SOON,
    TARGET,
    attempt,
    pending_job,
    receipt,
    started_job,
    transaction,
    with_cancel,
)

FAILURE = Failure("EstimateReverted", "not enough tokens")
OPEN = frozenset(Status) - FINAL
PENDING = frozenset({Status.PENDING})

Transition = Callable[[Job, datetime], Job]


def _of_last(job: Job, purpose: Purpose | None = None) -> str:
    """The hash of a transaction of the last attempt: with this purpose, else the first one."""
    if not job.attempts:
        return "0xnone"
    found = [one.hash for one in job.attempt.transactions if purpose in (None, one.purpose)]
    return (found or [job.attempt.transactions[0].hash])[0]


TRANSITIONS: dict[str, tuple[Transition, frozenset[Status]]] = {
    "started": (lambda job, now: started(job, attempt(job.attempt_count, f"0x{job.attempt_count}"), now, SOON), PENDING),
    "waiting": (lambda job, now: waiting(job, now, SOON, "no funds", next_check_at=SOON, waits_for_nonce=3), PENDING),
    "checked": (lambda job, now: with_next_check(job, SOON), OPEN),
    "replaced": (lambda job, now: with_transaction(job, transaction(f"0xr{now:%f}", Purpose.REPLACEMENT), now), IN_FLIGHT),
    "cancel signed": (lambda job, now: with_transaction(job, transaction(f"0xc{now:%f}", Purpose.CANCEL), now), IN_FLIGHT),
    "given up": (
        lambda job, now: with_transaction(job, transaction(f"0xg{now:%f}", Purpose.CANCEL), now, FAILURE),
        IN_FLIGHT,
    ),
    "mined": (lambda job, now: seen_mined(job, made_by(_of_last(job)), now), IN_FLIGHT),
    "unmined": (seen_unmined, IN_FLIGHT),
    "settled by what it made": (lambda job, now: confirmed(job, made_by(_of_last(job)), now), IN_FLIGHT),
    "settled": (lambda job, now: confirmed(job, receipt(_of_last(job)), now), IN_FLIGHT),
    "settled by a cancel": (lambda job, now: confirmed(job, receipt(_of_last(job, Purpose.CANCEL)), now), IN_FLIGHT),
    "reverted": (lambda job, now: confirmed(job, receipt(_of_last(job), succeeded=False), now, "no"), IN_FLIGHT),
    "out of gas": (lambda job, now: out_of_gas(job, receipt(_of_last(job), succeeded=False), now, SOON), IN_FLIGHT),
    "displaced": (lambda job, now: displaced(job, now, SOON), IN_FLIGHT),
    "failed": (lambda job, now: failed(job, FAILURE, now), PENDING),
    "cancel requested": (cancel_requested, frozenset({Status.STARTED})),
    "cancelled": (cancelled, PENDING),
    "retried": (lambda job, now: retried(job, now, SOON), RETRYABLE),
}


def made_by(hash_: str) -> Receipt:
    """The receipt of a transaction that has made a token for the job's account."""
    event = ContractEvent(TARGET, "TokenCreated", {"token": OTHER, "owner": ISSUER})
    return replace(receipt(hash_), events=(event,))


def assert_invariants(job: Job, version: int) -> None:
    unsettled = [one for one in job.attempts if one.outcome is None]
    assert unsettled == [one for one in job.attempts[-1:] if job.status in IN_FLIGHT]  # 3, and 4
    assert len(job.attempts) <= ATTEMPTS_KEPT
    assert len(job.attempts) == min(job.attempt_count, ATTEMPTS_KEPT)
    assert len(job.history) <= HISTORY_LIMIT
    assert job.history[0].event == "issued"
    assert job.version == version
    assert job.next_check_at is None or job.is_open  # what is over costs nothing in the index of open jobs
    assert (job.pending_since is not None) == (job.status is Status.PENDING)
    assert (job.waits_because, job.waits_code, job.waits_since) == (None, None, None) or job.status is Status.PENDING
    assert not job.result or job.status in IN_FLIGHT or job.status is Status.SUCCEEDED
    for done in (one for one in job.attempts if one.outcome is not None):
        mined = done.receipt and done.receipt.hash
        assert all(not one.raw for one in done.transactions if one.hash != mined)
    assert all(open_.latest.raw for open_ in unsettled)  # what is sent again
    assert job.status is not Status.SUCCEEDED or job.attempt.outcome is Outcome.CONFIRMED  # 5


def assert_found_by_reconcile(before: Job, job: Job) -> None:
    """6: an open job has a next check, or is fresh: then it never had one, and was never closed. The sweep passes it once."""
    if job.is_open and job.next_check_at is None:
        assert before.is_fresh
        assert not {event.event for event in job.history} & FINAL


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(sorted(TRANSITIONS)), max_size=120))
def test_no_sequence_of_transitions_breaks_invariants_3_and_4(names: list[str]) -> None:
    job = pending_job(name="createToken", next_check_at=None)
    failures = 0
    for step, name in enumerate(names):
        transition, legal_from = TRANSITIONS[name]
        now = NOW + timedelta(milliseconds=step)
        if job.status in legal_from:
            before, job = job, transition(job, now)
            assert_found_by_reconcile(before, job)
            failures += job.history[-1].event == "failed" and job.history[-1].at == now
        else:
            with pytest.raises(IllegalTransition):
                transition(job, now)
        assert_invariants(job, version=7)
    assert job.fail_count == failures


@pytest.mark.parametrize("status", [Status.STARTED, Status.CANCEL_REQUESTED])
@pytest.mark.parametrize("close", [lambda job: failed(job, FAILURE, NOW), lambda job: cancelled(job, NOW)])
def test_a_job_in_flight_is_not_closed_over_its_unsettled_attempt(status: Status, close: Callable[[Job], Job]) -> None:
    with pytest.raises(IllegalTransition, match="nonce 7 is not settled"):
        close(started_job(status=status))


@pytest.mark.parametrize("next_check_at", [None, NOW])
def test_a_fresh_job_is_started_without_a_next_check_and_any_other_with_one(next_check_at: datetime | None) -> None:
    job = started(pending_job(next_check_at=next_check_at), attempt(7, "0x7"), NOW, SOON)

    assert job.next_check_at == (None if next_check_at is None else SOON)


def test_a_failed_job_with_an_unsettled_attempt_is_not_retried() -> None:
    with pytest.raises(IllegalTransition):
        retried(started_job(status=Status.FAILED), NOW, SOON)


def test_a_pending_job_with_an_unsettled_attempt_is_not_signed_anew() -> None:
    with pytest.raises(IllegalTransition):
        started(started_job(status=Status.PENDING), attempt(8, "0xsecond"), NOW, SOON)


def test_an_unsettled_attempt_below_a_settled_one_still_forbids_another() -> None:
    open_one = started_job().attempt
    job = started_job(status=Status.PENDING, attempts=(open_one, replace(open_one, nonce=8, outcome=Outcome.DISPLACED)))
    with pytest.raises(IllegalTransition):
        started(job, attempt(9, "0xthird"), NOW, SOON)


def test_a_receipt_settles_the_attempt_with_the_transaction_it_names() -> None:
    job = confirmed(started_job(hashes=("0xfirst", "0xsecond")), receipt("0xfirst"), NOW)
    assert job.status is Status.SUCCEEDED
    assert job.attempt.outcome is Outcome.CONFIRMED
    assert job.attempt.receipt == receipt("0xfirst")


def test_a_reverted_receipt_does_not_make_a_job_succeed() -> None:
    with pytest.raises(IllegalTransition):
        confirmed(started_job(), receipt("0xfirst", succeeded=False), NOW)


def test_a_mined_cancel_cancels() -> None:
    job = confirmed(with_cancel(started_job(status=Status.CANCEL_REQUESTED)), receipt("0xcancel"), NOW)
    assert (job.status, job.attempt.outcome) == (Status.CANCELLED, Outcome.CANCELLED)


def test_the_original_mined_although_its_cancel_was_signed_succeeds() -> None:
    job = confirmed(with_cancel(started_job(status=Status.CANCEL_REQUESTED)), receipt("0xfirst"), NOW)
    assert (job.status, job.attempt.outcome) == (Status.SUCCEEDED, Outcome.CONFIRMED)


def test_a_mined_cancel_of_a_transaction_given_up_fails_with_its_reason() -> None:
    given_up = with_transaction(started_job(), transaction("0xcancel", Purpose.CANCEL), NOW, FAILURE)
    job = confirmed(given_up, receipt("0xcancel"), NOW)
    assert (job.status, job.failure, job.attempt.outcome) == (Status.FAILED, FAILURE, Outcome.CANCELLED)


def test_a_transaction_given_up_keeps_its_reason_when_its_cancel_is_replaced() -> None:
    given_up = with_transaction(started_job(), transaction("0xcancel", Purpose.CANCEL), NOW, FAILURE)
    again = with_transaction(given_up, transaction("0xhigher", Purpose.CANCEL), NOW)
    assert confirmed(again, receipt("0xcancel"), NOW).failure == FAILURE


def test_a_displaced_job_is_pending_again() -> None:
    job = displaced(started_job(), NOW, SOON)
    assert (job.status, job.attempt.outcome, job.next_check_at) == (Status.PENDING, Outcome.DISPLACED, SOON)


def test_invariant_11_a_displaced_job_keeps_its_place_among_those_that_may_need_it() -> None:
    later = NOW + timedelta(minutes=5)
    assert displaced(started_job(), later, later).pending_since == NOW


def test_a_displaced_job_that_was_retried_keeps_the_place_it_was_given_then() -> None:
    retried_at, later = NOW + timedelta(minutes=3), NOW + timedelta(minutes=5)
    job = retried(failed(pending_job(), FAILURE, NOW), retried_at, SOON)
    job = started(job, attempt(3, "0xfirst"), later, SOON)
    assert displaced(job, later, later).pending_since == retried_at


def test_a_displaced_job_that_was_to_be_cancelled_is_cancelled() -> None:
    assert displaced(started_job(status=Status.CANCEL_REQUESTED), NOW, SOON).status is Status.CANCELLED


def test_a_displaced_job_that_was_given_up_fails() -> None:
    given_up = with_transaction(started_job(), transaction("0xcancel", Purpose.CANCEL), NOW, FAILURE)
    assert displaced(given_up, NOW, SOON).failure == FAILURE


def test_the_history_keeps_its_first_line_and_the_latest_ones() -> None:
    job = pending_job()
    for number in range(200):
        job = with_event(job, NOW, f"event {number}")
    assert [event.event for event in job.history] == ["issued", *[f"event {number}" for number in range(151, 200)]]


def put_off(job: Job, reason: str, code: WaitCode, now: datetime = NOW) -> Job:
    return waiting(job, now, SOON, reason, code=code, next_check_at=SOON)


def told(job: Job) -> list[str | None]:
    return [event.detail for event in job.history if event.event == "waiting"]


def test_a_wait_of_one_kind_is_told_once_however_its_sentence_changes() -> None:
    job = pending_job()
    for wei in range(25):
        job = put_off(job, f"the account has {wei} wei", WaitCode.FUNDS_TOO_LOW)
    assert told(job) == ["fundsTooLow: the account has 0 wei"]
    assert (job.waits_because, job.waits_code, job.checks) == ("the account has 24 wei", WaitCode.FUNDS_TOO_LOW, 25)


def test_kinds_that_alternate_are_each_told_once_and_do_not_reset_the_back_off() -> None:
    job = pending_job()
    for number in range(10):
        job = put_off(job, f"funds {number}", WaitCode.FUNDS_TOO_LOW)
        job = put_off(job, f"fee {number}", WaitCode.FEE_LIMIT_TOO_LOW)
    assert told(job) == ["fundsTooLow: funds 0", "feeLimitTooLow: fee 0"]
    assert job.checks == 20


def test_a_job_remembers_since_when_it_waits_for_reasons_of_one_kind() -> None:
    job = put_off(put_off(pending_job(), "one", WaitCode.FUNDS_TOO_LOW), "two", WaitCode.FUNDS_TOO_LOW, SOON)
    assert job.waits_since == NOW
    assert put_off(job, "three", WaitCode.FEE_LIMIT_TOO_LOW, SOON).waits_since == SOON


def test_a_retried_job_tells_its_waits_anew() -> None:
    job = failed(put_off(pending_job(), "no funds", WaitCode.FUNDS_TOO_LOW), FAILURE, NOW)
    assert (job.waits_because, job.waits_code, job.waits_since) == (None, None, None)
    again = put_off(retried(job, NOW, SOON), "still none", WaitCode.FUNDS_TOO_LOW)
    assert told(again) == ["fundsTooLow: no funds", "fundsTooLow: still none"]
    assert again.checks == 1


def test_the_age_of_a_job_counts_anew_once_an_operator_has_resumed_its_account() -> None:
    job = put_off(pending_job(), "paused", WaitCode.ACCOUNT_PAUSED)
    assert unsigned_since(job) == NOW
    assert unsigned_since(put_off(job, "no funds", WaitCode.FUNDS_TOO_LOW, SOON)) == SOON


def test_a_job_rests_until_the_time_it_waits_for() -> None:
    job = waiting(pending_job(), NOW, SOON, "no funds", next_check_at=SOON)
    assert is_resting(job, NOW)
    assert not is_resting(job, SOON)
    assert not is_resting(pending_job(), NOW)


def test_a_retried_job_has_its_failures_and_attempts_still() -> None:
    job = retried(confirmed(started_job(), receipt("0xfirst", succeeded=False), NOW, "no"), NOW, SOON)
    assert (job.status, job.fail_count, len(job.attempts)) == (Status.PENDING, 1, 1)
    assert job.job_id == started_job().job_id


# --- what was made -----------------------------------------------------------------------------------------------------

MADE = {"tokenAddress": OTHER, "blockNumber": 100}
STALE = {"tokenAddress": ISSUER, "blockNumber": 99}


def started_creation(**changes: Any) -> Job:
    return started_job(name="createToken", **changes)


def test_a_mined_job_shows_what_it_made_and_is_open_still() -> None:
    job = seen_mined(started_creation(result=STALE), made_by("0xfirst"), NOW)
    assert (job.status, job.result, job.creation) == (Status.STARTED, MADE, OTHER)
    assert seen_unmined(job, NOW).result == {}


def test_the_receipt_that_settles_a_job_says_what_it_made_whatever_was_shown_before() -> None:
    assert confirmed(started_creation(result=STALE), made_by("0xfirst"), NOW).result == MADE
    assert confirmed(started_creation(result=STALE), receipt("0xfirst"), NOW).result == {}


@pytest.mark.parametrize(
    "end",
    [
        lambda job: confirmed(job, receipt("0xfirst", succeeded=False), NOW, "no"),
        lambda job: displaced(job, NOW, SOON),
        lambda job: confirmed(with_cancel(job), receipt("0xcancel"), NOW),
        lambda job: retried(confirmed(job, receipt("0xfirst", succeeded=False), NOW, "no"), NOW, SOON),
    ],
    ids=["reverted", "displaced", "cancelled", "retried"],
)
def test_a_job_that_does_not_succeed_has_no_result(end: Callable[[Job], Job]) -> None:
    assert end(started_creation(result=STALE)).result == {}


def test_a_retried_job_has_no_result_whatever_its_row_says() -> None:
    stale = failed(pending_job(), FAILURE, NOW)
    assert retried(replace(stale, result=STALE), NOW, SOON).result == {}
