"""Invariant 10: keys and raw transactions reach no log, no message and no history."""

import logging

import pytest

from tests.fakes.observing import observing
from tests.fakes.world import ALICE, BOB, World
from tests.unit.workers.scenarios import SCENARIOS
from tests.unit.workers.storm import Storm


def everything_logged(caplog: pytest.LogCaptureFixture) -> str:
    """Every record with all its fields and its traceback, as the JSON formatter would have them."""
    form = logging.Formatter()
    lines = []
    for record in caplog.records:
        trace = form.formatException(record.exc_info) if record.exc_info else ""
        lines.append(f"{record.getMessage()} {vars(record)} {trace}")
    return "\n".join(lines)


def assert_nothing_secret(text: str, world: World) -> None:
    sent = [transaction for call in world.calls.log if call.name == "chain.broadcast" for transaction in call.arguments[0]]
    assert sent
    for transaction in sent:
        for secret in (transaction.raw.hex(), transaction.raw.decode(), repr(transaction.raw)):
            assert secret not in text
        assert transaction.raw.decode().partition('"signature": ')[2][:40] not in text
    for address in (ALICE, BOB):
        assert world.signers.key(address) not in text


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_key_and_no_raw_transaction_is_logged_or_sent(name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    world = World()
    with observing(world) as told:
        SCENARIOS[name](world)
    logged = everything_logged(caplog)
    assert "broadcast" in logged
    assert "signed" in logged
    assert_nothing_secret(told.written.getvalue(), world)
    assert_nothing_secret(str(told.marks), world)
    assert_nothing_secret(str(told.measured().documents), world)
    assert_nothing_secret(logged, world)
    assert_nothing_secret("\n".join(world.queues.sent), world)
    assert_nothing_secret(str([job.history for job in world.jobs.rows.values()]), world)


def test_nor_when_everything_goes_wrong(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    storm = Storm(4)
    storm.fault_rate = 0.05
    storm.world.signers.poison |= {f"hit {number}".encode() for number in range(0, 60, 4)}
    world = storm.run_whatever_comes()
    logged = everything_logged(caplog)
    assert "could not be signed" in logged
    assert_nothing_secret(logged, world)
    assert_nothing_secret("\n".join(world.queues.sent), world)


def test_the_repr_of_a_stored_job_shows_no_raw_transaction() -> None:
    world = World()
    job_id = world.issue("hit one")
    world.deliver()
    assert world.job(job_id).attempt.latest.raw
    assert_nothing_secret(repr(world.job(job_id)), world)
