"""Invariants 1 to 7 on real processes and real endpoints, with faults at their boundaries: the share of `make faults` that is
run before every release. FAULTS_SEED chooses another sample.
"""

import os
import random
from collections.abc import Iterator

import pytest

from tests.faults.boundaries import faults_at
from tests.faults.ground import Ground
from tests.faults.soak import soak
from tests.faults.stories import SCENARIOS
from tests.faults.sweep import Spec, boundaries, specs, sweep

SEED = int(os.environ.get("FAULTS_SEED", "1"))
SAMPLE = 30
SOAK_JOBS = 120
DANGEROUS = {
    "issued and confirmed": (
        "execute:dynamodb.TransactWriteItems#1",
        "execute:node.eth_sendRawTransaction#1",
        "confirm:dynamodb.PutItem#1",
        "confirm:dynamodb.BatchExecuteStatement#1",
    ),
    "cancelled when started": ("confirm:dynamodb.PutItem#1", "confirm:node.eth_sendRawTransaction#1"),
    "dead-lettered": ("dead letters:dynamodb.PutItem#1",),
}
"""Where something is about to become true, or has just become true."""


@pytest.fixture(scope="module")
def known() -> Iterator[dict[str, list[str]]]:
    """The external calls of every scenario, as an undisturbed run makes them."""
    with Ground() as ground:
        yield {scenario: boundaries(ground, scenario) for scenario in SCENARIOS}


def assert_all_end_well(cases: list[Spec]) -> None:
    report = sweep(cases, print)
    assert not report.violations, "\n\n".join(str(result.violation) for result in report.violations)
    assert sum(result.struck for result in report.results) >= len(cases) * 0.9, "the faults were not met: this says nothing"


def test_whatever_befalls_a_write_each_effect_happens_exactly_once(known: dict[str, list[str]]) -> None:
    cases = [
        Spec(scenario, fault)
        for scenario, dangerous in DANGEROUS.items()
        for boundary in dangerous
        for fault in faults_at(boundary)
    ]
    assert all(spec.fault.boundary in known[spec.scenario] for spec in cases), "a call has another name now"
    assert_all_end_well(cases)


def test_whatever_befalls_any_call_every_job_ends_and_no_nonce_is_missing(known: dict[str, list[str]]) -> None:
    cases = random.Random(SEED).sample(specs(known), SAMPLE)  # noqa: S311 -- a sample
    assert {spec.scenario for spec in cases} <= set(SCENARIOS)
    assert_all_end_well(cases)


def test_nothing_is_lost_doubled_or_stuck_while_everything_goes_wrong_at_once() -> None:
    figures = soak(SEED, SOAK_JOBS, print)
    assert figures.jobs >= SOAK_JOBS
    assert len(figures.faults) >= 5, figures.faults
    assert (figures.lost, figures.doubled, figures.stuck) == (0, 0, 0)
