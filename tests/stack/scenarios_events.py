"""What the workers need their rights for: events, and what comes of them when they are handled."""

from dataclasses import replace
from datetime import UTC, datetime

from chalicelib.jobs.model import Job, Purpose, Status, TransactionRequest
from chalicelib.queues.messages import Message
from tests.scheduled import SCHEDULED
from tests.stack.quiet import CONFIRMATIONS
from tests.stack.scene import DONE, LONG_AGO, Issuer, Scene


def _handled(scene: Scene, function: str, *messages: Message) -> None:
    answer = scene.stack.invoke(function, scene.event(*messages))
    assert answer == DONE, answer


# --- execute -----------------------------------------------------------------------------------------------------------------


def sign_with_a_kms_key(scene: Scene) -> None:
    _sign(scene, scene.issuer())


def sign_with_a_secret(scene: Scene) -> None:
    _sign(scene, scene.issuer(kms=False))


def _sign(scene: Scene, issuer: Issuer) -> None:
    """One that was named, and one that only the index shows."""
    named, other, polls = scene.pending(issuer), scene.pending(issuer), scene.messages("ConfirmQueue")
    _handled(scene, "ExecuteJobs", scene.to_execute(issuer, named))
    assert {scene.job(job).status for job in (named, other)} == {Status.STARTED}
    assert scene.messages("ConfirmQueue") == polls + 1


def fail_a_job_that_reverts(scene: Scene) -> None:
    """It is believed only where no earlier job of the account waits."""
    issuer = scene.issuer()
    nothing = TransactionRequest(to=scene.stack.env["TOKEN_FACTORY"], data=bytes.fromhex("deadbeef"))
    job = scene.pending(issuer, request=nothing)
    _handled(scene, "ExecuteJobs", scene.to_execute(issuer, job))
    assert scene.job(job).status is Status.FAILED


def put_jobs_off_together(scene: Scene) -> None:
    """Nobody signs for a paused account."""
    issuer = scene.issuer()
    scene.accounts.pause(issuer.account, "a test")
    jobs = [scene.pending(issuer), scene.pending(issuer)]
    _handled(scene, "ExecuteJobs", scene.to_execute(issuer, *jobs))
    assert all(scene.job(job).waits_because is not None for job in jobs)


# --- confirm -----------------------------------------------------------------------------------------------------------------


def close_a_job(scene: Scene) -> None:
    job = scene.started(scene.issuer())
    scene.node("anvil_mine", hex(CONFIRMATIONS + 1))
    _handled(scene, "ConfirmJobs", scene.to_confirm(job))
    assert scene.job(job).status is Status.SUCCEEDED


def close_jobs_together(scene: Scene) -> None:
    issuer = scene.issuer()
    jobs = [scene.started(issuer), scene.started(issuer)]
    scene.node("anvil_mine", hex(CONFIRMATIONS + 1))
    _handled(scene, "ConfirmJobs", scene.to_confirm(*jobs))
    assert {scene.job(job).status for job in jobs} == {Status.SUCCEEDED}


def poll_a_job_again(scene: Scene) -> None:
    job, polls = scene.stuck(scene.issuer()), scene.messages("ConfirmQueue")
    _handled(scene, "ConfirmJobs", scene.to_confirm(job))
    assert scene.messages("ConfirmQueue") == polls + 1


def pass_on_a_nudge(scene: Scene) -> None:
    issuer, nudges = scene.issuer(), scene.messages("ExecuteQueue")
    _handled(scene, "ConfirmJobs", scene.to_execute(issuer, scene.pending(issuer)))
    assert scene.messages("ExecuteQueue") == nudges + 1


def sign_a_cancel_with_a_kms_key(scene: Scene) -> None:
    _cancel(scene, scene.issuer())


def sign_a_cancel_with_a_secret(scene: Scene) -> None:
    _cancel(scene, scene.issuer(kms=False))


def _cancel(scene: Scene, issuer: Issuer) -> None:
    job = scene.stuck(issuer)
    asked = scene.stack.request("POST", f"/api/v2/jobs/cancel/{job.job_id}", issuer.token, as_root=True)
    assert asked.result["statusCode"] == 200, asked
    _handled(scene, "ConfirmJobs", scene.to_confirm(job))
    assert scene.job(job).attempt.latest.purpose is Purpose.CANCEL


def replace_all_that_offer_too_little(scene: Scene) -> None:
    """One of the account's jobs is polled; the index shows the other."""
    issuer = scene.issuer()
    polled, other = scene.stuck(issuer), scene.started(issuer)
    usual = scene.node("eth_getBlockByNumber", "latest", False)["baseFeePerGas"]
    scene.node("anvil_setNextBlockBaseFeePerGas", hex(2 * polled.attempt.latest.fees.max_fee_per_gas))
    scene.node("evm_mine")
    try:
        _handled(scene, "ConfirmJobs", scene.to_confirm(polled))
    finally:
        scene.node("anvil_setNextBlockBaseFeePerGas", usual)
        scene.node("evm_mine")
    assert {scene.job(job).attempt.latest.purpose for job in (polled, other)} == {Purpose.REPLACEMENT}


# --- reconcile ---------------------------------------------------------------------------------------------------------------


def _reconciled(scene: Scene) -> None:
    answer = scene.stack.invoke("ReconcileJobs", SCHEDULED)
    assert answer.error is None, answer


def nudge_what_was_left_behind(scene: Scene) -> None:
    """A job that was not signed, and one that nobody polls."""
    issuer = scene.issuer()
    jobs = [_forgotten(scene, scene.stuck(issuer)), _forgotten(scene, scene.pending(issuer))]
    nudges, polls = scene.messages("ExecuteQueue"), scene.messages("ConfirmQueue")
    _reconciled(scene)
    now = datetime.now(UTC)
    assert all((due := scene.job(job).next_check_at) is not None and due > now for job in jobs)
    assert scene.messages("ExecuteQueue") > nudges
    assert scene.messages("ConfirmQueue") > polls


def _forgotten(scene: Scene, job: Job) -> Job:
    """Its next look is overdue."""
    return scene.jobs.save(replace(job, next_check_at=datetime.now(UTC) - LONG_AGO))


def sweep_up_a_job_that_nobody_looks_after(scene: Scene) -> None:
    issuer = scene.issuer()
    job = scene.pending(issuer, age=LONG_AGO)
    _reconciled(scene)
    assert scene.job(job).next_check_at is not None
    account = scene.accounts.get(issuer.account.account_id)
    assert account is not None
    assert account.swept_to == job.issued_order


def write_down_a_final_block(scene: Scene) -> None:
    scene.node("anvil_mine", hex(CONFIRMATIONS))
    head = int(scene.node("eth_blockNumber"), 16)
    _reconciled(scene)
    assert scene.checkpoints.read(scene.chain_id)[-1].number >= head - CONFIRMATIONS


# --- dead letters ------------------------------------------------------------------------------------------------------------


def note_a_dead_letter(scene: Scene) -> None:
    issuer = scene.issuer()
    job = scene.pending(issuer)
    _handled(scene, "RecordDeadLetters", scene.to_execute(issuer, job))
    assert scene.job(job).history[-1].event == "deadLettered"
