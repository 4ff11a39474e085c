"""Issuing: idempotent by the owner's correlationId, and only for accounts the principal may sign with."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import CorrelationIdReused, Forbidden, InvalidRequest, ServiceUnavailable
from chalicelib.jobs.model import Status
from chalicelib.jobs.principal import Principal
from tests.unit.jobs.a_job import ISSUER, NOW, OTHER, TARGET
from tests.unit.jobs.use_cases import ADMIN, ME, POOL, SOMEBODY, UseCases

CHANGES = [
    {"to": OTHER},
    {"to": None},
    {"value": 2},
    {"data": b"other"},
    {"gas": 50_000},
    {"valid_until": NOW + timedelta(hours=1)},
    {"name": "mint"},
    {"external_id": "x"},
    {"data": b"", "value": 1},
    {"sender": TARGET},
]


def test_an_issued_job_is_stored_nudged_and_pending() -> None:
    cases = UseCases()
    issued = cases.issue()
    assert not issued.replayed
    assert cases.jobs.rows == {issued.job.job_id: issued.job}
    assert issued.job.status is Status.PENDING
    assert issued.job.account == ISSUER
    assert cases.queue.executed == [issued.job.job_id]


def test_invariant_6_an_issued_job_whose_nudge_was_lost_stands_among_its_accounts_jobs_for_the_sweep() -> None:
    cases = UseCases()
    job = cases.issue().job
    assert job.is_fresh
    assert cases.jobs.due(NOW + timedelta(days=1), 10) == [], "it costs nothing in the index of those that are looked after"
    before = job.created_at + timedelta(seconds=1)
    assert [job_id for _, job_id in cases.jobs.issued_on(f"122:{ISSUER}", None, 10, before=before)] == [job.job_id]


def test_the_same_request_again_gives_the_same_job_and_nothing_more() -> None:
    cases = UseCases()
    first = cases.issue(correlation_id="order-1")
    cases.now += timedelta(hours=5)
    second = cases.issue(correlation_id="order-1")
    assert (second.replayed, second.job) == (True, first.job)
    assert len(cases.jobs.rows) == 1


def test_without_a_correlation_id_every_request_is_another_job() -> None:
    cases = UseCases()
    assert cases.issue().job.job_id != cases.issue().job.job_id


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_another_request_with_a_used_correlation_id_conflicts(change: dict[str, Any]) -> None:
    cases = UseCases()
    first = cases.issue(correlation_id="order-1").job
    with pytest.raises(CorrelationIdReused):
        cases.issue(correlation_id="order-1", **change)
    assert cases.jobs.rows == {first.job_id: first}


def test_the_same_correlation_id_of_another_owner_is_another_job() -> None:
    cases = UseCases()
    mine, theirs = cases.issue(correlation_id="order-1").job, cases.issue(SOMEBODY, correlation_id="order-1").job
    assert mine.job_id != theirs.job_id
    assert (mine.owner, theirs.owner) == (ISSUER, OTHER)


def test_the_replay_of_a_pending_job_nudges_it_again() -> None:
    cases = UseCases()
    job = cases.issue(correlation_id="order-1").job
    cases.issue(correlation_id="order-1")
    assert cases.queue.executed == [job.job_id, job.job_id]


@pytest.mark.parametrize("status", [Status.STARTED, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED])
def test_the_replay_of_a_job_past_pending_changes_nothing(status: Status) -> None:
    cases = UseCases()
    job = cases.issue(correlation_id="order-1").job
    changed = cases.change(job.job_id, status=status)
    cases.queue.executed.clear()
    replay = cases.issue(correlation_id="order-1")
    assert (replay.replayed, replay.job) == (True, changed)
    assert cases.queue.is_empty


@pytest.mark.parametrize("trouble", [ServiceUnavailable("no queue"), ConnectionError("no network")])
def test_a_nudge_that_fails_does_not_fail_the_request(trouble: Exception) -> None:
    cases = UseCases(queue=type(UseCases().queue)(broken=trouble))
    issued = cases.issue()
    assert cases.jobs.rows[issued.job.job_id].status is Status.PENDING


@pytest.mark.parametrize(
    ("principal", "sender"),
    [
        (ME, None),
        (ME, ISSUER),
        (ME, TARGET),  # an account of its own
        (Principal(ISSUER, ISSUER, role="minters"), POOL),
        (ADMIN, ISSUER),
    ],
)
def test_who_may_sign_with_an_account_gets_its_job(principal: Principal, sender: str | None) -> None:
    assert UseCases().issue(principal, sender=sender).job.account == (sender or principal.account_address)


@pytest.mark.parametrize(
    ("principal", "sender"),
    [
        (ME, OTHER),
        (ME, POOL),
        (Principal(ISSUER, ISSUER, role="burners"), POOL),
        (Principal(ISSUER, ISSUER, is_community_admin=True), OTHER),
        (ME, "0x" + "E" * 40),  # unknown looks like another's
    ],
)
def test_an_account_the_principal_may_not_sign_with_is_refused_and_nothing_is_stored(principal: Principal, sender: str) -> None:
    cases = UseCases()
    with pytest.raises(Forbidden):
        cases.issue(principal, sender=sender)
    assert not cases.jobs.rows
    assert cases.queue.is_empty


def test_a_token_whose_own_account_is_not_set_up_is_told_so() -> None:
    nobody = Principal("x", "0x" + "E" * 40)
    with pytest.raises(InvalidRequest, match="not set up on fuse"):
        UseCases().issue(nobody)


def test_no_account_without_a_role_matches_a_principal_without_one() -> None:
    with pytest.raises(Forbidden):
        UseCases().issue(Principal(ISSUER, ISSUER, role=None), sender=OTHER)
