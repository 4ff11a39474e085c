"""What is measured each minute, and that what could not be read is not told as a figure (invariant 8)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.jobs.model import account_id
from chalicelib.jobs.states import retried, with_next_check
from chalicelib.telemetry.emf import EmfMetrics
from chalicelib.workers import gauges
from chalicelib.workers.gauges import measure_gauges
from tests.fakes.observing import Measured, Told
from tests.fakes.world import ALICE, BOB, START, World
from tests.unit.jobs.a_job import pending_job

AGES = ("under5Minutes", "under15Minutes", "under1Hour", "over1Hour")


class Measuring:
    """The gauges' ports of a simulated world."""

    def __init__(self) -> None:
        self.world = World()
        self.jobs: Any = self.world.ports.jobs
        self.accounts, self.chain = self.world.ports.accounts, self.world.ports.chain
        self.network, self.clock = self.world.network, self.world.clock
        self.told = Told()

    @property
    def metrics(self) -> EmfMetrics:
        return self.told.metrics

    def minute(self) -> Measured:
        measure_gauges(self)
        return self.told.measured()

    def left_open(self, minutes: float, **changes: Any) -> str:
        """A job that is open for so long, and has a next check."""
        at = self.world.now - timedelta(minutes=minutes)
        number = len(self.world.jobs.rows)
        job = pending_job(job_id=f"{number:024x}", created_at=at, pending_since=at, next_check_at=None, **changes)
        self.world.jobs.rows[job.job_id] = with_next_check(job, self.world.now)
        return job.job_id


@pytest.fixture
def measuring() -> Iterator[Measuring]:
    yield Measuring()


def by_age(measured: Measured) -> list[float]:
    return [value for age in AGES for value in measured.values("OpenJobs", age=age)]


def test_where_nothing_is_open_that_is_what_is_told(measuring: Measuring) -> None:
    measured = measuring.minute()
    assert by_age(measured) == [0, 0, 0, 0]
    assert measured.values("OldestOpenJob") == [0]


@pytest.mark.parametrize(
    ("minutes", "counted"),
    [(2, [1, 0, 0, 0]), (5, [0, 1, 0, 0]), (14.9, [0, 1, 0, 0]), (15, [0, 0, 1, 0]), (60, [0, 0, 0, 1]), (9_999, [0, 0, 0, 1])],
)
def test_an_open_job_is_counted_at_its_age_and_nowhere_else(measuring: Measuring, minutes: float, counted: list[int]) -> None:
    measuring.left_open(minutes)
    measured = measuring.minute()
    assert by_age(measured) == counted
    assert measured.values("OldestOpenJob") == [minutes * 60]


def test_a_job_that_is_final_or_fresh_is_not_counted(measuring: Measuring) -> None:
    measuring.world.issue("hit one")
    measuring.world.run_until_settled()
    measuring.world.issue("hit two")
    measured = measuring.minute()
    assert by_age(measured) == [0, 0, 0, 0]


def test_a_job_that_was_retried_is_as_old_as_its_retry(measuring: Measuring) -> None:
    job_id = measuring.world.issue("trap out of stock")
    measuring.world.run_until_settled()
    measuring.world.now += timedelta(days=7)
    failed = measuring.world.job(job_id)
    measuring.world.jobs.rows[job_id] = retried(failed, measuring.world.now, measuring.world.now)
    measuring.world.now += timedelta(minutes=6)
    assert measuring.minute().values("OldestOpenJob") == [360]


def test_of_very_many_open_jobs_some_are_looked_at_and_the_log_says_so(
    measuring: Measuring, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gauges, "JOBS_LOOKED_AT", 5)
    for _ in range(8):
        measuring.left_open(20)
    assert by_age(measuring.minute()) == [0, 0, 5, 0]
    assert [record.getMessage() for record in caplog.records] == [
        "more open jobs than are looked at: the gauges count some of them"
    ]


def test_balances_of_all_accounts_are_read_in_one_request(measuring: Measuring) -> None:
    measuring.world.chain.fund(BOB, -250 * 10**18)
    measured = measuring.minute()
    assert measured.values("AccountBalance", account=ALICE) == [1_000]
    assert measured.values("AccountBalance", account=BOB) == measured.values("LowestAccountBalance") == [750]
    assert [call.name for call in measuring.world.calls.log if call.name.startswith("chain.")] == ["chain.balances"]


def test_while_no_node_answers_no_balance_is_told_and_the_rest_is(
    measuring: Measuring, caplog: pytest.LogCaptureFixture
) -> None:
    measuring.world.chain.lies.silent = True
    measuring.world.pause(ALICE, "stopped by hand")
    measuring.left_open(2)
    measured = measuring.minute()
    names = {name for name, _ in measured.series()}
    assert names == {"OpenJobs", "OldestOpenJob", "PausedAccounts"}
    assert measured.values("PausedAccounts") == [1]
    assert caplog.messages == ["balances could not be read"]


def test_accounts_of_another_chain_are_not_this_stacks_to_measure(measuring: Measuring) -> None:
    stray = replace(measuring.world.account(ALICE), chain_id=1, paused="elsewhere")
    measuring.world.accounts.rows[account_id(1, ALICE)] = stray
    measured = measuring.minute()
    assert measured.values("PausedAccounts") == [0]
    assert len(measured.values("AccountBalance", account=ALICE)) == 1


def test_without_an_account_no_balance_is_told(measuring: Measuring) -> None:
    measuring.world.accounts.rows.clear()
    measured = measuring.minute()
    assert measured.values("LowestAccountBalance") == []
    assert measured.values("PausedAccounts") == [0]


def test_the_clock_of_another_machine_makes_no_job_younger_than_none(measuring: Measuring) -> None:
    measuring.left_open(-1)
    measured = measuring.minute()
    assert measuring.world.now == START
    assert by_age(measured) == [1, 0, 0, 0]
    assert measured.values("OldestOpenJob") == [0]
