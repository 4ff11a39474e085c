"""Which event says what a job has made: of the contract it called, for its own account, and of its kind."""

from dataclasses import replace
from typing import Any

import pytest
from a_job import ISSUER, OTHER, TARGET, pending_job, receipt

from chalicelib.jobs.model import ContractEvent, Receipt
from chalicelib.jobs.results import result_of

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
