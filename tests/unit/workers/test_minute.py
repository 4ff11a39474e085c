"""The scheduled function: its parts, each on its own."""

from typing import Any

import pytest

import app
from chalicelib.workers import every_minute

PARTS = ["reconcile_jobs", "measure_gauges", "watch_chain", "watch_nonces"]


class Flushing:
    """The ports, as far as they are used between the parts."""

    def __init__(self, ran: list[str]) -> None:
        self.flushed_after: list[int] = []
        self._ran = ran

    def flush_metrics(self) -> None:
        self.flushed_after.append(len(self._ran))


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The parts that ran, in order."""
    ran: list[str] = []
    for name in PARTS:
        monkeypatch.setattr(every_minute, name, lambda _, name=name: ran.append(name))
    return ran


@pytest.fixture
def ports(ran: list[str]) -> Any:
    return Flushing(ran)


def fail(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def failing(_: Any) -> None:
        raise ConnectionError(name)

    monkeypatch.setattr(every_minute, name, failing)


@pytest.mark.parametrize("failing", PARTS)
def test_a_part_that_fails_is_told_after_the_others_are_done(
    failing: str, ran: list[str], ports: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, failing)
    with pytest.raises(ConnectionError, match=failing):
        every_minute.handle_minute(ports)
    assert ran == [name for name in PARTS if name != failing]


def test_of_several_that_fail_the_first_is_raised_and_the_others_are_logged(
    ran: list[str], ports: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in PARTS[:2]:
        fail(monkeypatch, name)
    with pytest.raises(ConnectionError, match=PARTS[0]):
        every_minute.handle_minute(ports)
    assert ran == PARTS[2:]
    assert [str(record.exc_info[1]) for record in caplog.records if record.exc_info] == [PARTS[1]]


def test_what_a_part_has_measured_is_written_before_the_next_may_run_out_of_time(ports: Any) -> None:
    every_minute.handle_minute(ports)
    assert ports.flushed_after == [1, 2, 3, 4]


@pytest.mark.parametrize("event", [{}, {"source": "aws.events", "detail-type": "Scheduled Event"}])
def test_the_function_may_be_invoked_by_hand_with_whatever_event(event: dict[str, Any], ran: list[str]) -> None:
    app.reconcile_jobs(event, None)
    assert ran == PARTS
