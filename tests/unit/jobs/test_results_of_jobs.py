"""What a job has made or moved: by the events of the right contract, and by nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.jobs.endings import confirmed
from chalicelib.jobs.model import Status, TransactionRequest
from chalicelib.jobs.receipts import ContractEvent, Receipt, TokenTransfer
from chalicelib.jobs.results import effect_missing, makes_something, result_of
from tests.unit.jobs.a_job import ISSUER, NOW, OTHER, TARGET, pending_job, receipt, started_job

TOKEN, WALLET = "0x" + "D" * 40, "0x" + "E" * 40


def event(name: str, contract: str = TARGET, owner: str = ISSUER, **args: Any) -> ContractEvent:
    return ContractEvent(contract, name, {"owner": owner, **args})


def of(*events: ContractEvent, succeeded: bool = True) -> Receipt:
    return replace(receipt("0xfirst", 123, succeeded=succeeded), events=events)


@pytest.mark.parametrize(
    ("name", "told", "result"),
    [
        ("createToken", event("TokenCreated", token=TOKEN), {"tokenAddress": TOKEN, "blockNumber": 123}),
        ("createWallet", event("WalletCreated", wallet=WALLET), {"walletAddress": WALLET, "blockNumber": 123}),
        ("createWallet", event("WalletExisted", wallet=WALLET), {"walletAddress": WALLET, "blockNumber": 123}),
        ("createWallet", event("TokenCreated", token=TOKEN), {}),
        ("createToken", event("WalletCreated", wallet=WALLET), {}),
        ("createToken", event("TokenCreated", contract=OTHER, token=TOKEN), {}),
        ("createToken", event("TokenCreated", owner=OTHER, token=TOKEN), {}),
        ("mint", event("TokenCreated", token=TOKEN), {}),
        ("job", event("TokenCreated", token=TOKEN), {}),
    ],
)
def test_the_event_of_the_called_contract_for_the_jobs_account_counts(name: str, told: ContractEvent, result: dict) -> None:
    assert result_of(pending_job(name=name), of(told)) == result


def test_events_of_others_in_the_same_transaction_do_not_hide_it() -> None:
    theirs = [event("TokenCreated", contract=OTHER, token=OTHER), event("TokenCreated", owner=OTHER, token=OTHER)]
    made = result_of(pending_job(name="createToken"), of(*theirs, event("TokenCreated", token=TOKEN)))
    assert made == {"tokenAddress": TOKEN, "blockNumber": 123}


def test_a_revert_and_a_receipt_without_events_make_nothing() -> None:
    job = pending_job(name="createToken")
    assert result_of(job, of()) == {}
    assert result_of(job, of(event("TokenCreated", token=TOKEN), succeeded=False)) == {}


def test_a_deployment_made_the_contract_that_its_receipt_names() -> None:
    job = pending_job(request=TransactionRequest(None, data=b"code"))
    mined = replace(receipt("0xfirst", 123), contract_address=TOKEN)
    assert makes_something(job)
    assert result_of(job, mined) == {"contractAddress": TOKEN, "blockNumber": 123}
    assert replace(job, result=result_of(job, mined)).creation == TOKEN
    assert result_of(job, replace(mined, succeeded=False)) == {}
    assert result_of(pending_job(), mined) == {}, "a call deploys nothing, whatever a receipt says"


# --- what moved --------------------------------------------------------------------------------------------------------

NOBODY = "0x" + "0" * 40
AMOUNT = {"tokenAddress": TOKEN, "amount": "100"}
MINT = pending_job(name="mint", data={**AMOUNT, "toAddress": OTHER})
BURN = pending_job(name="burn", data={**AMOUNT, "from": WALLET})
TRANSFER = pending_job(name="adminTransfer", data={**AMOUNT, "wallet": WALLET, "to": OTHER})


def moved(sender: str, receiver: str, amount: int = 100, token: str = TOKEN) -> TokenTransfer:
    return TokenTransfer(token.lower(), sender.lower(), receiver.lower(), amount)


def with_transfers(*transfers: TokenTransfer, succeeded: bool = True) -> Receipt:
    return replace(receipt("0xfirst", succeeded=succeeded), transfers=transfers)


DONE = [(MINT, moved(NOBODY, OTHER)), (BURN, moved(WALLET, NOBODY)), (TRANSFER, moved(WALLET, OTHER))]


@pytest.mark.parametrize(("job", "transfer"), DONE, ids=["mint", "burn", "adminTransfer"])
def test_the_tokens_own_transfer_between_the_right_parties_is_the_effect(job: Any, transfer: TokenTransfer) -> None:
    others = [
        replace(transfer, token=OTHER.lower()),
        replace(transfer, sender=TARGET.lower()),
        replace(transfer, receiver=TARGET.lower()),
        replace(transfer, amount=0),
    ]
    assert effect_missing(job, with_transfers(*others, transfer)) is None
    for wrong in ([], others):
        failure = effect_missing(job, with_transfers(*wrong))
        assert failure is not None and failure.code == "TransferNotMade"
        assert TOKEN in failure.reason and "100 units" in failure.reason


@pytest.mark.parametrize(("job", "transfer"), DONE, ids=["mint", "burn", "adminTransfer"])
def test_a_job_whose_transaction_did_nothing_fails_and_can_be_retried(job: Any, transfer: TokenTransfer) -> None:
    started = replace(started_job(name=job.name, data=job.data))
    failed = confirmed(started, with_transfers(), NOW)
    assert (failed.status, failed.failure and failed.failure.code, failed.result) == (Status.FAILED, "TransferNotMade", {})
    assert (failed.attempt.outcome, failed.fail_count) == ("confirmed", 1)
    assert confirmed(started, with_transfers(transfer), NOW).status is Status.SUCCEEDED


def test_a_fee_on_the_transfer_is_told_by_what_arrived() -> None:
    mined = with_transfers(moved(WALLET, TARGET, 3), moved(WALLET, OTHER, 97))
    job = confirmed(started_job(name=TRANSFER.name, data=TRANSFER.data), mined, NOW)
    assert (job.status, job.result) == (Status.SUCCEEDED, {"amountReceived": "97"})
    assert result_of(TRANSFER, with_transfers(moved(WALLET, OTHER, 100))) == {}, "the whole amount is not told twice"


def test_what_cannot_be_told_is_decided_by_the_status_as_before() -> None:
    unknown = receipt("0xfirst")
    assert unknown.transfers is None
    assert effect_missing(MINT, unknown) is None
    assert effect_missing(replace(MINT, data={"tokenAddress": TOKEN}), with_transfers()) is None
    assert effect_missing(replace(MINT, name="job"), with_transfers()) is None


def test_a_revert_is_not_judged_by_its_events() -> None:
    assert effect_missing(MINT, with_transfers(succeeded=False)) is None
