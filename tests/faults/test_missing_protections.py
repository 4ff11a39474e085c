"""A test of the tests: each protection taken out of the code in turn, and the harness has to see what comes of it.

The same case with the protection in place has to end well: it is the protection that makes the difference.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.faults.boundaries import Fault, Kind, no_fault
from tests.faults.breakages import BREAKAGES
from tests.faults.case import Case
from tests.faults.ground import Ground
from tests.faults.stories import HIGH_BASE_FEE, Tell, issued_and_confirmed, play_out, replaced, retried_after_a_mined_revert
from tests.faults.wanted import Violation

PATIENCE_SECONDS = 3_600.0
"""Of the case's own time: what is not at an end by then is stuck."""


@dataclass(frozen=True)
class Trial:
    """What has to happen so that the missing protection is missed."""

    tell: Tell
    fault: Fault | None = None


def slow_block(case: Case) -> Iterator[None]:
    """The base fee is too high for a while, and then it is not: nothing was ever wrong with the transaction."""
    job = case.issue(case.issuers[0])
    while (row := case.row(job)) is None or not row.attempts:
        yield
    case.node.base_fee = HIGH_BASE_FEE
    began = case.elapsed
    while case.elapsed - began < 5 * case.block_seconds:
        yield
    case.node.base_fee = HIGH_BASE_FEE // 3
    yield


def retried_too_early(case: Case) -> Iterator[None]:
    """A retry is asked for while the transaction is in the pool."""
    job = case.issue(case.issuers[0])
    while (row := case.row(job)) is None or not row.attempts:
        yield
    case.retry(job)
    yield


FIRST_WRITE = "execute:dynamodb.TransactWriteItems#1"
LAST_READ = "execute:node.eth_getBlockByNumber+eth_feeHistory+eth_getTransactionCount+eth_getBalance+eth_estimateGas#1"
TRIALS: dict[str, Trial] = {
    "broadcast_before_it_is_stored": Trial(issued_and_confirmed, Fault(FIRST_WRITE, Kind.KILLED_BEFORE)),
    "replacement_broadcast_before_it_is_stored": Trial(replaced, Fault("confirm:dynamodb.PutItem#1", Kind.KILLED_BEFORE)),
    "nonce_taken_before_its_transaction_is_stored": Trial(issued_and_confirmed, Fault(FIRST_WRITE, Kind.KILLED_BEFORE)),
    "signed_anew_without_proof": Trial(slow_block),
    "retried_while_it_may_still_be_mined": Trial(retried_too_early),
    "receipt_status_never_read": Trial(retried_after_a_mined_revert),
    "nobody_looks_for_what_was_left_behind": Trial(issued_and_confirmed, Fault("api:sqs.SendMessageBatch#3", Kind.REFUSED, 10)),
    "repeated_request_makes_another_job": Trial(issued_and_confirmed, Fault("api:dynamodb.PutItem#1", Kind.KILLED_AFTER)),
    "written_without_a_condition": Trial(issued_and_confirmed, Fault(LAST_READ, Kind.FROZEN_BEFORE)),
}


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground() as ground:
        yield ground


def outcome(ground: Ground, trial: Trial, breakage: str | None) -> Violation | None:
    choose = trial.fault.strikes if trial.fault else no_fault
    case = Case(ground, choose=choose, breakage=breakage, patience_seconds=PATIENCE_SECONDS)
    try:
        play_out(case, trial.tell)
        case.check()
    except Violation as violation:
        return violation
    finally:
        with suppress(RuntimeError):
            case.node.close_sink(ground.sink, False)
            case.node.mine()
        case.close()
    return None


@pytest.mark.parametrize("name", BREAKAGES)
def test_the_harness_sees_what_comes_of_a_missing_protection(ground: Ground, name: str) -> None:
    intact = outcome(ground, TRIALS[name], None)
    assert intact is None, intact
    violation = outcome(ground, TRIALS[name], name)
    assert violation is not None, f"invariant {BREAKAGES[name].invariant} is broken, and nothing was noticed"
    print(f"{name}: {str(violation).splitlines()[0][:160]}")
