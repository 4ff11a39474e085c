"""Restored rows against the chain: whatever was signed after the moment they show is found, and nothing is signed twice."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from chalicelib.jobs.model import Account, Failure, Fees, Job, Purpose, Status, TransactionRequest
from chalicelib.jobs.settlement import ChainView, Confirmed, judge
from chalicelib.jobs.states import IllegalTransition, started
from chalicelib.workers.funds import UNFUNDED
from stack.errors import StackError
from stack.operation.restore import UNCHECKED, moment, paused_before, reason, restored_to
from stack.operation.restore_check import Match, Mined, compare, lost_nonces, repaired
from tests.unit.jobs.a_job import ISSUER, NOW, OTHER, TARGET, attempt, pending_job, receipt, started_job

LATER = NOW + timedelta(hours=1)


def mined(nonce: int, hash_: str = "", **changes: Any) -> Mined:
    fields: dict[str, Any] = {
        "hash": hash_ or f"0xunknown{nonce}",
        "sender": ISSUER,
        "nonce": nonce,
        "to": TARGET,
        "value": 0,
        "data": b"data",
        "gas": 50_000,
        "fees": Fees(21, 1),
        "block": 100 + nonce,
    }
    return Mined(**(fields | changes))


def plain(nonce: int) -> Mined:
    return mined(nonce, to=ISSUER, data=b"")


def job(number: int, **changes: Any) -> Job:
    at = NOW + timedelta(seconds=number)
    return pending_job(job_id=f"{number:024x}", created_at=at, **changes)


def ids(matches: Any) -> list[tuple[str, int]]:
    return [(match.job.job_id[-1], match.transaction.nonce) for match in matches]


def closed_by(repaired_job: Job, transaction: Mined) -> bool:
    """What the confirm worker makes of it: settled by this very transaction."""
    found = receipt(transaction.hash, transaction.block)
    sight = ChainView(transaction.block + 10, transaction.nonce + 1, transaction.nonce + 1, {transaction.hash: found})
    return judge(repaired_job, sight, 3) == Confirmed(found)


def test_a_pending_job_that_was_signed_since_is_in_flight_and_closed_by_its_receipt() -> None:
    waiting = job(1)
    findings = compare([mined(7)], [waiting])
    assert ids(findings.matches) == [("1", 7)]
    after = repaired(findings.matches[0], LATER)
    assert (after.status, after.attempt_count, after.next_check_at) == (Status.STARTED, 1, LATER)
    assert closed_by(after, mined(7))
    with pytest.raises(IllegalTransition):
        started(after, attempt(8, "0xtwice"), LATER, LATER)


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_job_that_had_ended_and_was_retried_since_is_in_flight(status: Status) -> None:
    ended = job(1, status=status, failure=Failure("EstimateReverted", "no"), pending_since=None, next_check_at=None)
    findings = compare([mined(7)], [ended])
    after = repaired(findings.matches[0], LATER)
    assert after.status is Status.STARTED
    assert closed_by(after, mined(7))


def test_a_replacement_that_was_signed_since_is_one_of_its_attempt() -> None:
    in_flight = started_job(7, ("0xfirst",))
    findings = compare([mined(7, "0xsecond")], [in_flight])
    after = repaired(findings.matches[0], LATER)
    assert after.attempt.hashes == ("0xfirst", "0xsecond")
    assert (len(after.attempts), after.attempt.latest.purpose) == (1, Purpose.ORIGINAL)
    assert closed_by(after, mined(7, "0xsecond"))


def test_a_cancel_transaction_that_was_signed_since_cancels() -> None:
    in_flight = replace(started_job(7), status=Status.CANCEL_REQUESTED)
    findings = compare([plain(7)], [in_flight])
    after = repaired(findings.matches[0], LATER)
    assert after.attempt.latest.purpose is Purpose.CANCEL
    assert closed_by(after, plain(7))


def test_what_the_rows_know_is_nobodys_business() -> None:
    in_flight = started_job(7, ("0xfirst", "0xsecond"))
    other = job(2)
    findings = compare([mined(7, "0xfirst")], [in_flight, other])
    assert (findings.matches, findings.unmatched, findings.undecided) == ([], [], [])


def test_a_job_that_has_succeeded_is_given_no_other_transaction() -> None:
    done = replace(started_job(7), status=Status.SUCCEEDED)
    findings = compare([mined(8)], [done])
    assert (findings.matches, [one.nonce for one in findings.unmatched]) == ([], [8])


@pytest.mark.parametrize(
    "other", [{"to": OTHER}, {"value": 1}, {"data": b"else"}, {"to": None}], ids=["to", "value", "data", "deploys"]
)
def test_another_transaction_is_of_no_job(other: dict[str, Any]) -> None:
    findings = compare([mined(7, **other)], [job(1)])
    assert (findings.matches, len(findings.unmatched)) == ([], 1)


def test_of_jobs_that_say_the_same_the_oldest_takes_the_first_and_none_takes_two() -> None:
    jobs = [job(number) for number in (1, 2, 3)]
    for order in permutations(jobs):
        assert ids(compare([mined(8), mined(7)], order).matches) == [("1", 7), ("2", 8)]
    assert len(compare([mined(nonce) for nonce in range(4)], jobs).unmatched) == 1


def test_who_waits_takes_it_before_one_that_had_ended() -> None:
    ended = job(1, status=Status.FAILED, failure=Failure("Expired", "late"), pending_since=None, next_check_at=None)
    assert ids(compare([mined(7)], [ended, job(2)]).matches) == [("2", 7)]


def test_a_job_in_flight_at_another_nonce_is_left_to_its_worker() -> None:
    findings = compare([mined(7, to=OTHER), mined(9)], [started_job(7)])
    assert [match.transaction.nonce for match in findings.undecided] == [9]
    assert (findings.matches, [one.nonce for one in findings.unmatched]) == ([], [7])


def test_a_job_without_call_data_and_one_that_deploys_are_known_again() -> None:
    transfer = job(1, request=TransactionRequest(OTHER, value=5))
    deploys = job(2, request=TransactionRequest(None, data=b"code"))
    findings = compare([mined(7, to=OTHER, value=5, data=b""), mined(8, to=None, data=b"code")], [deploys, transfer])
    assert ids(findings.matches) == [("1", 7), ("2", 8)]
    for match in findings.matches:
        assert closed_by(repaired(Match(match.job, match.transaction), LATER), match.transaction)


def test_nonces_that_are_taken_and_whose_transactions_are_lost_are_found() -> None:
    account = Account(122, ISSUER, "kms:1", next_nonce=9)
    assert lost_nonces(account, [started_job(5), started_job(7), job(1)], 5) == [6, 8]
    assert lost_nonces(replace(account, next_nonce=5), [started_job(5)], 5) == []
    assert lost_nonces(replace(account, next_nonce=None), [], 5) == []


# --- the pause that keeps everything from being signed meanwhile ---------------------------------------------------------


def test_a_pause_tells_the_moment_and_what_was_before_it() -> None:
    at = moment("2026-03-01T13:00:00+01:00")
    assert at == NOW
    for before in (None, UNFUNDED):
        text = reason(at, before)
        assert (restored_to(text), paused_before(text)) == (NOW, None)
    text = reason(at, "its key is being replaced")
    assert (restored_to(text), paused_before(text)) == (NOW, "its key is being replaced")
    for other in (None, UNFUNDED, "an operator paused it", UNCHECKED):
        assert restored_to(other) is None


@pytest.mark.parametrize("wrong", ["", "now", "2026-03-01", "2026-03-01T12:00:00", "2999-01-01T00:00:00Z"])
def test_a_moment_that_is_none_is_one_sentence(wrong: str) -> None:
    with pytest.raises(StackError, match=re.escape(repr(wrong))):
        moment(wrong)


def test_now_is_not_yet_a_moment_of_the_past() -> None:
    with pytest.raises(StackError):
        moment((datetime.now(UTC) + timedelta(seconds=5)).isoformat())
