"""Transactions that offer too little, or have too little gas, made with the node's own test methods."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract

from chalicelib.bounds import Bounds
from stack.machine.local import LocalStack
from tests.stack.client import Client, contract_at, wait_for
from tests.stack.issuers import Issuer, new_address, new_issuer

GWEI = 10**9
BURST = 20

Node = Callable[..., Any]


@pytest.fixture
def node(chain: Web3) -> Iterator[Node]:
    """anvil's own methods; afterwards it mines as before, at the base fee of before."""

    def ask(method: str, *params: Any) -> Any:
        answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    base_fee = ask("eth_getBlockByNumber", "latest", False)["baseFeePerGas"]
    yield ask
    ask("anvil_setNextBlockBaseFeePerGas", base_fee)
    ask("evm_mine")
    ask("evm_setIntervalMining", 1)


@pytest.fixture(scope="module")
def pricer(stack: LocalStack, admin: Client) -> Issuer:
    """An account of its own: nobody else's transactions stand before its own."""
    return new_issuer(stack, admin, "prices")


def at_base_fee(node: Node, base_fee: int) -> None:
    """One more block, with this base fee."""
    node("anvil_setNextBlockBaseFeePerGas", hex(base_fee))
    node("evm_mine")


def hit(sink: Contract, **more: Any) -> dict[str, Any]:
    return {"to": sink.address, "call": {"function": "hit(bytes32)", "args": ["0x" + secrets.token_hex(32)]}, **more}


def test_a_mint_succeeds_although_the_mint_before_it_that_its_gas_was_estimated_behind_is_cancelled(
    node: Node, pricer: Issuer, chain: Web3
) -> None:
    token, receiver = pricer.new_token(), new_address()
    node("evm_setIntervalMining", 0)
    first, second = "", ""
    for _ in range(2):
        first, second = second, pricer.order("tokens/mint", tokenAddress=token, amount="1", toAddress=receiver)["_id"]
        pricer.client.await_job(second, {"started"})
    assert pricer.client.post(f"/api/v2/jobs/cancel/{first}").status_code == 200

    def cancel_signed() -> bool | None:
        return pricer.client.job(first)["attempts"][-1]["transactions"][-1].get("purpose") == "cancel" or None

    wait_for("the cancel transaction", cancel_signed)
    node("evm_setIntervalMining", 1)
    job = pricer.client.await_job(second)
    assert pricer.client.await_job(first)["status"] == "cancelled"
    assert job["status"] == "succeeded", job
    outcomes = [attempt["outcome"] for attempt in job["attempts"]]
    assert outcomes in (["outOfGas", "confirmed"], ["confirmed"])
    if len(outcomes) == 2:
        assert int(job["data"]["totalFee"]) > int(job["data"]["txFee"]) > 0
    balance = contract_at(chain, "CommunityToken", token).functions.balanceOf(receiver).call()
    assert balance == 10**18


def test_a_burst_is_final_soon_after_the_base_fee_rose_above_what_it_offers_and_stays_there(
    node: Node, pricer: Issuer, sink: Contract
) -> None:
    node("evm_setIntervalMining", 0)
    with ThreadPoolExecutor(4) as pool:
        job_ids = list(pool.map(lambda _: pricer.client.issue(**hit(sink))["_id"], range(BURST)))
    jobs = [pricer.client.await_job(job_id, {"started"}) for job_id in job_ids]
    offered = max(int(job["attempts"][-1]["transactions"][0]["maxFeePerGas"]) for job in jobs)
    began, mined = time.monotonic(), 0.0

    def all_final() -> list[dict[str, Any]] | None:
        nonlocal mined
        if time.monotonic() - mined >= 1:  # a block a second, as before
            at_base_fee(node, 2 * offered)
            mined = time.monotonic()
        last = pricer.client.job(job_ids[-1])
        final = [pricer.client.job(job_id) for job_id in job_ids] if last["status"] == "succeeded" else []
        return final if final and all(job["status"] == "succeeded" for job in final) else None

    final = wait_for("all of the burst", all_final)
    assert time.monotonic() - began < 60
    assert max(len(job["attempts"][-1]["transactions"]) for job in final) <= 3


def test_a_job_whose_own_fee_limit_holds_up_its_account_gives_its_nonce_up(
    node: Node, pricer: Issuer, sink: Contract, chain: Web3
) -> None:
    node("evm_setIntervalMining", 0)
    limit = 12 * GWEI
    cheap = pricer.client.issue(**hit(sink, maxFeePerGas=str(limit)))["_id"]
    pricer.client.await_job(cheap, {"started"})
    behind = pricer.client.issue(**hit(sink))["_id"]
    pricer.client.await_job(behind, {"started"})
    for _ in range(Bounds().unmined_blocks + 2):
        at_base_fee(node, limit + GWEI)

    def both_final() -> list[dict[str, Any]] | None:
        at_base_fee(node, limit + GWEI)
        jobs = [pricer.client.job(job_id) for job_id in (cheap, behind)]
        return jobs if all(job["status"] in {"succeeded", "failed"} for job in jobs) else None

    failed, succeeded = wait_for("both jobs", both_final)
    assert (failed["status"], failed["failCode"]) == ("failed", "FeeLimitTooLow")
    assert int(failed["data"]["totalFee"]) > 0, "the cancel transaction's"
    assert succeeded["status"] == "succeeded"
