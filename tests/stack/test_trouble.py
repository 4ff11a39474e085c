"""Trouble on the chain, made with the node's own test methods: no funds, no blocks, fees that rise.

Tests that take `control` run on other node programs, too (test_other_nodes.py). Those that take `node` use methods of anvil.
"""

import re
import secrets
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from eth_typing import HexStr
from web3 import Web3
from web3.contract import Contract

from tests.stack.client import PATIENCE_SECONDS, Client, wait_for
from tests.stack.node_control import NodeControl


@pytest.fixture
def node(control: NodeControl) -> Callable[..., Any]:
    """Asks anvil; afterwards it mines as before, and the accounts are funded."""
    return control.ask


def hit(sink: Contract) -> tuple[str, dict[str, Any]]:
    id_ = "0x" + secrets.token_hex(32)
    return id_, {"to": sink.address, "call": {"function": "hit(bytes32)", "args": [id_]}}


def test_an_account_without_funds_waits_and_goes_on_when_funded(
    control: NodeControl, sink: Contract, issuer: Client, env: dict[str, str]
) -> None:
    control.set_balance(env["ISSUER_ACCOUNT"], 10**9)
    id_, body = hit(sink)
    job_id = issuer.issue(**body)["_id"]
    events = wait_for(
        "waiting for funds", lambda: [e for e in issuer.job(job_id)["history"] if "funds" in e.get("detail", "")] or None
    )
    assert events[0]["event"] == "waiting"
    control.set_balance(env["ISSUER_ACCOUNT"], 10**20)
    assert issuer.await_job(job_id)["status"] == "succeeded"
    assert sink.functions.hits(id_).call() == 1


def test_a_started_job_is_cancelled_by_replacement_and_told_as_mined(
    control: NodeControl, sink: Contract, other: Client
) -> None:
    control.stop_mining()
    id_, body = hit(sink)
    job_id = other.issue(**body)["_id"]
    other.await_job(job_id, {"started"})
    asked = other.post(f"/api/v2/jobs/cancel/{job_id}").json()["data"]
    assert asked["status"] == "cancelRequested"

    def cancel_signed() -> dict[str, Any] | None:
        job = other.job(job_id)
        return job if job["attempts"][-1]["transactions"][-1].get("purpose") == "cancel" else None

    wait_for("the cancel transaction", cancel_signed)
    control.mine_again()
    job = other.await_job(job_id)
    mined_by_cancel = job["attempts"][-1]["transactions"][-1]["hash"] == job["data"]["txHash"]
    assert job["status"] == ("cancelled" if mined_by_cancel else "succeeded")
    assert sink.functions.hits(id_).call() == (0 if mined_by_cancel else 1)


def test_a_transaction_that_is_not_mined_is_replaced_with_higher_fees(
    control: NodeControl, sink: Contract, issuer: Client, chain: Web3
) -> None:
    control.stop_mining()
    id_, body = hit(sink)
    job_id = issuer.issue(**body)["_id"]
    first = issuer.await_job(job_id, {"started"})["attempts"][-1]["transactions"][0]
    fees = [name for name in ("maxFeePerGas", "maxPriorityFeePerGas", "gasPrice") if name in first]
    wait_for("the broadcast", lambda: control.ask("eth_getTransactionByHash", first["hash"]))
    control.make_gas_dearer(4 * int(first[fees[0]]))
    control.mine_again()  # base fees fall by an eighth a block at most: it takes some blocks, and a replacement

    job = issuer.await_job(job_id)
    transactions = job["attempts"][-1]["transactions"]
    assert (job["status"], len(job["attempts"])) == ("succeeded", 1)
    assert len(transactions) >= 2
    for before, after in pairwise(transactions):
        for fee in fees:
            assert int(after[fee]) * 8 >= int(before[fee]) * 9
    assert job["data"]["txHash"] in {transaction["hash"] for transaction in transactions}
    assert sink.functions.hits(id_).call() == 1


def test_a_revert_caused_by_an_earlier_transaction_of_its_block_fails_the_job_with_its_reason(
    control: NodeControl, sink: Contract, issuer: Client, chain: Web3
) -> None:
    control.stop_mining()
    id_ = "0x" + secrets.token_hex(32)
    job_id = issuer.issue(to=sink.address, call={"function": "hitWhileOpen(bytes32)", "args": [id_]})["_id"]
    first = issuer.await_job(job_id, {"started"})["attempts"][-1]["transactions"][0]
    wait_for("the broadcast", lambda: control.ask("eth_getTransactionByHash", first["hash"]))
    closing = control.send_ahead(sink.address, sink.encode_abi("setClosed", [True]))
    control.mine_again()
    job = issuer.await_job(job_id)
    body = job["data"]["transactionBody"]
    assert chain.eth.get_transaction_receipt(HexStr(closing))["blockNumber"] == body["blockNumber"]
    assert (job["status"], job["failCode"], body["status"]) == ("failed", "TransactionReverted", "failed")
    assert "Sink: closed" in job["failReason"]

    opening = control.send_ahead(sink.address, sink.encode_abi("setClosed", [False]))
    chain.eth.wait_for_transaction_receipt(HexStr(opening), timeout=PATIENCE_SECONDS)
    assert issuer.post(f"/api/v2/jobs/retry/{job_id}").status_code == 200
    job = issuer.await_job(job_id)
    assert (job["status"], job["failCount"], [attempt["outcome"] for attempt in job["attempts"]]) == (
        "succeeded",
        1,
        ["reverted", "confirmed"],
    )
    assert sink.functions.hits(id_).call() == 1


def test_a_dropped_transaction_is_sent_again(node: Any, sink: Contract, other: Client) -> None:
    node("evm_setIntervalMining", 0)
    id_, body = hit(sink)
    job_id = other.issue(**body)["_id"]
    hash_ = other.await_job(job_id, {"started"})["data"]["txHash"]
    wait_for("the broadcast", lambda: node("eth_getTransactionByHash", hash_))
    node("anvil_dropTransaction", hash_)
    node("evm_setIntervalMining", 1)
    job = other.await_job(job_id)
    assert (job["status"], len(job["attempts"])) == ("succeeded", 1)
    assert sink.functions.hits(id_).call() == 1


def test_a_nonce_used_by_another_program_is_answered_by_a_new_attempt(
    node: Any, sink: Contract, other: Client, chain: Web3, env: dict[str, str]
) -> None:
    node("evm_setIntervalMining", 0)
    id_, body = hit(sink)
    job_id = other.issue(**body)["_id"]
    first = other.await_job(job_id, {"started"})["attempts"][-1]
    hash_ = first["transactions"][0]["hash"]
    wait_for("the broadcast", lambda: node("eth_getTransactionByHash", hash_))
    node("anvil_dropTransaction", hash_)
    node("anvil_impersonateAccount", env["OTHER_ISSUER_ACCOUNT"])
    foreign = node(
        "eth_sendTransaction",
        {
            "from": env["OTHER_ISSUER_ACCOUNT"],
            "to": env["ISSUER_ACCOUNT"],
            "nonce": hex(first["nonce"]),
            "maxFeePerGas": hex(10**12),
            "maxPriorityFeePerGas": hex(10**11),
            "gas": hex(21_000),
        },
    )
    node("evm_mine")
    node("anvil_stopImpersonatingAccount", env["OTHER_ISSUER_ACCOUNT"])
    node("evm_setIntervalMining", 1)
    assert chain.eth.get_transaction_receipt(foreign)["status"] == 1
    job = other.await_job(job_id)
    assert job["status"] == "succeeded"
    assert [attempt["outcome"] for attempt in job["attempts"]] == ["displaced", "confirmed"]
    assert sink.functions.hits(id_).call() == 1


def test_a_gas_limit_above_the_blocks_fails_before_anything_is_signed(issuer: Client, sink: Contract) -> None:
    _, body = hit(sink)
    job = issuer.await_job(issuer.issue(**body, gas=30_000_000)["_id"])
    assert (job["status"], job["failCode"], job["attempts"]) == ("failed", "EstimateReverted", [])
    assert job["failReason"] == "the gas limit 30000000 is above the block's 20000000"


def test_a_gas_limit_that_is_too_low_is_told_with_what_is_needed(issuer: Client, sink: Contract) -> None:
    _, body = hit(sink)
    job = issuer.await_job(issuer.issue(**body, gas=30_000)["_id"])
    assert (job["status"], job["failCode"]) == ("failed", "EstimateReverted")
    assert re.fullmatch(r"out of gas: the gas limit is 30000, the transaction needs \d+", job["failReason"])


REVERTS_WITH_MEGABYTES = "0x6006600c60003960066000f3622c40205ffd"
"""Creates a contract that reverts with 2.9 MB, of which anvil makes 23 MB for each estimate."""


def test_calls_whose_answers_are_huge_hold_up_no_other_job_of_the_account(issuer: Client, sink: Contract) -> None:
    made = issuer.await_job(issuer.issue(data=REVERTS_WITH_MEGABYTES)["_id"])
    huge = [issuer.issue(to=made["data"]["contractAddress"], data="0x01")["_id"] for _ in range(34)]
    id_, body = hit(sink)
    job_id = issuer.issue(**body)["_id"]
    try:
        assert issuer.await_job(job_id)["status"] == "succeeded"
        assert sink.functions.hits(id_).call() == 1
    finally:
        for one in huge:
            issuer.post(f"/api/v2/jobs/cancel/{one}")
