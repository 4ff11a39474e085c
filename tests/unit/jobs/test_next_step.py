"""From what the chain shows to the next step: the table of `chalicelib.jobs.next_step.next_step`."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.jobs.endings import confirmed
from chalicelib.jobs.model import Failure, Job, Outcome, Status
from chalicelib.jobs.next_step import (
    DISPLACED_ATTEMPTS,
    REVERT_NOT_READ,
    Close,
    NewTransaction,
    PollLater,
    ProveNonceUser,
    ReplayRevert,
    Resubmit,
    Step,
    after_proof,
    after_refusal,
    after_replay,
    next_step,
    transaction_to_send,
    without_replay,
)
from chalicelib.jobs.ports import Broadcast, BroadcastStatus
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.reorgs import reorged
from chalicelib.jobs.settlement import ChainView
from chalicelib.networks import GWEI
from tests.fakes.world import NETWORK
from tests.unit.jobs.a_job import NOW, SOON, attempt, receipt, started_job, transaction, with_cancel

DEEP = NETWORK.confirmations - 1
MINED, REVERTED = receipt("0xfirst", 100), receipt("0xfirst", 100, succeeded=False)
NOTHING = Resubmit(None, sends=False)
SEND = Resubmit(None, sends=True)
REPLACE = NewTransaction(7, cancels=False)
CANCEL = NewTransaction(7, cancels=True)
MADE = {"tokenAddress": "0xtoken", "blockNumber": 100}


def view(head: int = 100, mined: int = 7, settled: int = 7, *receipts: Receipt, **more: Any) -> ChainView:
    return ChainView(head, mined, settled, {one.hash: one for one in receipts}, **more)


def settled_by(mined: Receipt) -> ChainView:
    return view(100 + DEEP, 8, 8, mined)


def step(job: Job, seen: ChainView, seconds: float = 0) -> Step:
    return next_step(job, seen, NETWORK, NOW + timedelta(seconds=seconds))


def a_reorged_job(ended: Receipt = MINED, **changes: Any) -> Job:
    job = confirmed(started_job(**changes), ended, NOW, "no")
    return reorged(job, ended, "it was sent again", {}, NOW)


CANCELLING = with_cancel(started_job(status=Status.CANCEL_REQUESTED))


@pytest.mark.parametrize(
    ("job", "seen", "expected"),
    [
        (started_job(), settled_by(MINED), Close(MINED)),
        (started_job(), settled_by(REVERTED), ReplayRevert(REVERTED)),
        (CANCELLING, settled_by(receipt("0xcancel", 100)), Close(receipt("0xcancel", 100))),
        (CANCELLING, settled_by(receipt("0xcancel", 100, succeeded=False)), Close(receipt("0xcancel", 100, succeeded=False))),
        (CANCELLING, settled_by(MINED), Close(MINED)),
        (started_job(), view(103, 8, 8), ProveNonceUser(hides_result=False)),
        (started_job(result=MADE), view(103, 8, 8), ProveNonceUser(hides_result=True)),
        (started_job(), view(100, 8, 7, too_large=frozenset({"0xfirst"})), PollLater()),
        (started_job(), view(101, 8, 7, MINED), PollLater(2)),
        (started_job(result=MADE), view(101, 8, 7, MINED), PollLater(2, MINED)),
        (started_job(), view(101, 8, 7), PollLater(1)),
    ],
)
def test_a_used_nonce_of_a_job_in_flight(job: Job, seen: ChainView, expected: Step) -> None:
    assert step(job, seen) == expected


@pytest.mark.parametrize(
    ("job", "seen", "expected"),
    [
        (started_job(), view(100), NOTHING),
        (started_job(), view(101), SEND),
        (started_job(result=MADE), view(101), replace(SEND, hides_result=True)),
        (started_job(), view(100 + NETWORK.stuck_after_blocks), replace(SEND, new=REPLACE)),
        (started_job(), view(100 + NETWORK.stuck_after_blocks, 6, 6), SEND),
        (started_job(), view(101, base_fee=30 * GWEI), Resubmit(REPLACE, sends=True, is_too_cheap=True)),
        (started_job(), view(100, base_fee=30 * GWEI), NOTHING),
        (started_job(status=Status.CANCEL_REQUESTED), view(100), replace(NOTHING, new=CANCEL)),
        (CANCELLING, view(101), SEND),
        (CANCELLING, view(100 + NETWORK.stuck_after_blocks), replace(SEND, new=CANCEL)),
    ],
)
def test_nothing_is_mined_of_a_job_in_flight(job: Job, seen: ChainView, expected: Step) -> None:
    assert step(job, seen) == expected


def test_an_expired_job_is_given_up_and_cancelled_once() -> None:
    expired = started_job(request=replace(started_job().request, valid_until=NOW))
    resubmit = step(expired, view(100))
    assert isinstance(resubmit, Resubmit) and resubmit.new is not None
    assert (resubmit.new.cancels, resubmit.new.give_up and resubmit.new.give_up.code) == (True, "Expired")
    assert step(with_cancel(expired), view(100)) == NOTHING


def test_the_nonce_of_an_earlier_attempt_that_a_reorg_took_back_is_cancelled_first() -> None:
    earlier = replace(attempt(5, "0xearlier"), outcome=Outcome.REVERTED, receipt=receipt("0xearlier"))
    job = started_job(attempts=(earlier, attempt(7, "0xfirst")), status=Status.CANCEL_REQUESTED)
    assert step(job, view(101, 5, 5)) == replace(SEND, new=NewTransaction(5, cancels=True))
    assert step(job, view(101)) == replace(SEND, new=CANCEL)


@pytest.mark.parametrize(
    ("job", "seen", "expected"),
    [
        (a_reorged_job(), settled_by(MINED), Close(MINED)),
        (a_reorged_job(REVERTED), settled_by(REVERTED), Close(REVERTED, "no")),
        (a_reorged_job(), view(103, 8, 8), ProveNonceUser(hides_result=False)),
        (a_reorged_job(), view(101, 8, 7, MINED), PollLater(2)),
        (a_reorged_job(), view(100), SEND),
        (a_reorged_job(), view(100 + NETWORK.stuck_after_blocks), SEND),
        (a_reorged_job(), view(101, base_fee=30 * GWEI), replace(SEND, new=REPLACE)),
        (a_reorged_job(REVERTED), view(100), replace(SEND, new=replace(CANCEL, give_up=Failure("TransactionReverted", "no")))),
    ],
)
def test_a_reorged_job(job: Job, seen: ChainView, expected: Step) -> None:
    assert step(job, seen) == expected


def test_only_a_transaction_that_may_take_effect_is_sent_for_a_reorged_job() -> None:
    assert transaction_to_send(started_job()) == transaction("0xfirst")
    assert transaction_to_send(a_reorged_job()) == transaction("0xfirst")
    assert transaction_to_send(a_reorged_job(REVERTED)) is None


@pytest.mark.parametrize(
    ("job", "status", "cancels"),
    [
        (started_job(), BroadcastStatus.UNDERPRICED, False),
        (started_job(), BroadcastStatus.NEVER_VALID, True),
        (CANCELLING, BroadcastStatus.UNDERPRICED, True),
        (CANCELLING, BroadcastStatus.NEVER_VALID, None),
        (started_job(), BroadcastStatus.UNKNOWN, None),
        (a_reorged_job(), BroadcastStatus.NEVER_VALID, None),
    ],
)
def test_a_nodes_refusal(job: Job, status: BroadcastStatus, cancels: bool | None) -> None:
    new = after_refusal(job, Broadcast(status, "no"))
    assert (None if new is None else new.cancels) is cancels


def test_a_job_is_not_moved_before_another_transaction_is_known_to_have_used_its_nonce() -> None:
    assert after_proof(started_job(), None, NOW, next_check_at=SOON) is None
    assert after_proof(started_job(), "0xfirst", NOW, next_check_at=SOON) is None


def test_a_displaced_job_is_pending_again_and_fails_after_several_displaced_attempts() -> None:
    job = started_job()
    moved = after_proof(job, "0xforeign", NOW, next_check_at=SOON)
    assert moved is not None and moved.status is Status.PENDING
    lost = tuple(replace(attempt(nonce, f"0x{nonce}"), outcome=Outcome.DISPLACED) for nonce in range(DISPLACED_ATTEMPTS - 1))
    moved = after_proof(replace(job, attempts=(*lost, job.attempt)), "0xforeign", NOW, next_check_at=SOON)
    assert moved is not None and (moved.failure and moved.failure.code) == "NonceUsedElsewhere"


def test_a_displaced_reorged_job_that_had_succeeded_fails() -> None:
    moved = after_proof(a_reorged_job(), "0xforeign", NOW, next_check_at=SOON)
    assert moved is not None and (moved.failure and moved.failure.code) == "ReorgedAway"


def test_a_replay_closes_the_job_or_has_it_signed_anew_a_few_times() -> None:
    job = started_job()
    ended = after_replay(job, REVERTED, "no", NOW, next_check_at=SOON, gas_attempts=2)
    assert (ended.status, ended.failure) == (Status.FAILED, Failure("TransactionReverted", "no"))
    assert after_replay(job, REVERTED, None, NOW, next_check_at=SOON, gas_attempts=2).status is Status.PENDING
    last = after_replay(job, REVERTED, None, NOW, next_check_at=SOON, gas_attempts=1)
    assert last.failure is not None and last.failure.code == "OutOfGas"


@pytest.mark.parametrize(
    ("gas_used", "node_answers", "head", "expected"),
    [
        (10_000, True, 104, Close(replace(REVERTED, gas_used=10_000), REVERT_NOT_READ)),
        (10_000, False, 104, PollLater(1)),
        (50_000, True, 104, PollLater(1)),
        (50_000, False, 160, Close(replace(REVERTED, gas_used=50_000), REVERT_NOT_READ)),
    ],
)
def test_a_revert_without_a_replay(gas_used: int, node_answers: bool, head: int, expected: Step) -> None:
    reverted = replace(REVERTED, gas_used=gas_used)
    assert without_replay(started_job(), reverted, head, node_answers=node_answers, most_blocks=60) == expected
