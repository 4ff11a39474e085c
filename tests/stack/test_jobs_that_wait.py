"""Jobs that cannot be signed, over HTTP on a real node: what they tell, what they hold up, and how long it takes."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from web3 import Web3

from chalicelib.networks import GWEI
from stack.machine.local import LocalStack
from tests.stack.client import Client, wait_for
from tests.stack.issuers import ACCOUNTS, COIN, Issuer, fund, new_address, new_issuer, token_of

TOO_MUCH = str(2**255)
BELIEVED_SECONDS = 120
"""`Bounds.earlier_jobs_seconds`."""
HASHES_FOR_17_M_GAS = "61055f5b62010000600020506001900380600357" + "00"
"""Runtime code: 1,375 times KECCAK256 of 64 KiB. A node runs it about twenty times for one estimate."""
SLOW = "0x6015600c60003960156000f3" + HASHES_FOR_17_M_GAS


@dataclass(frozen=True, slots=True)
class Stuck:
    """An issuer with a job that its account cannot pay, and, behind it, one that reverts."""

    issuer: Issuer
    unpaid: str
    reverting: str
    since: float


@pytest.fixture(scope="module", autouse=True)
def stuck(stack: LocalStack, admin: Client) -> Stuck:
    """Posted before all tests of this module, for its last one."""
    issuer = new_issuer(stack, admin, "stuck")
    unpaid = issuer.client.issue(to=new_address(), value=TOO_MUCH)["_id"]
    waits_for(issuer.client, unpaid)
    return Stuck(issuer, unpaid, issuer.client.issue(data="0xfe")["_id"], time.monotonic())


@pytest.fixture
def node(chain: Web3) -> Iterator[Any]:
    """anvil's own methods; afterwards it mines as before."""

    def ask(method: str, *params: Any) -> Any:
        answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    yield ask
    ask("evm_setIntervalMining", 1)


def waits_for(client: Client, job_id: str) -> dict[str, Any]:
    """What the job waits for, once it tells."""
    return wait_for(f"{job_id} to wait", lambda: client.job(job_id).get("waitsFor"))


def test_a_job_that_its_account_cannot_pay_says_so_once_in_its_history_and_others_go_on(stuck: Stuck) -> None:
    client = stuck.issuer.client
    assert {client.await_job(client.issue(to=new_address(), value="1")["_id"])["status"] for _ in range(5)} == {"succeeded"}
    job = client.job(stuck.unpaid)
    assert job["status"] == "pending"
    assert job["waitsFor"]["code"] == "fundsTooLow"
    assert job["waitsFor"].keys() == {"code", "reason", "until"}
    assert [event["event"] for event in job["history"]] == ["issued", "waiting"]


def test_a_fee_limit_that_no_block_takes_is_refused(stuck: Stuck) -> None:
    answer = stuck.issuer.client.post("/api/v2/jobs", {"to": new_address(), "value": "1", "maxFeePerGas": "1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "FeeLimitTooLow")


def test_a_job_whose_fee_limit_the_next_block_does_not_take_waits_and_holds_up_nobody(node: Any, stuck: Stuck) -> None:
    client = stuck.issuer.client
    node("evm_setIntervalMining", 0)
    node("anvil_setNextBlockBaseFeePerGas", hex(60 * GWEI))
    node("evm_mine")
    cheap = client.issue(to=new_address(), value="1", maxFeePerGas=str(15 * GWEI))["_id"]
    other = client.issue(to=new_address(), value="1")["_id"]
    client.await_job(other, {"started"})
    waits = waits_for(client, cheap)
    assert waits["code"] == "feeLimitTooLow"
    assert f"the job's maxFeePerGas is {15 * GWEI} wei" in waits["reason"]
    node("evm_setIntervalMining", 1)  # the base fee of empty blocks falls by an eighth
    assert [client.await_job(job_id)["status"] for job_id in (other, cheap)] == ["succeeded"] * 2


def test_invariant_12_one_issuers_slow_jobs_on_a_shared_account_keep_anothers_waiting_for_a_round_only(
    stack: LocalStack, admin: Client, env: dict[str, str]
) -> None:
    role = f"pool-{secrets.token_hex(4)}"
    created = admin.post(ACCOUNTS, {"role": role, "bridgeType": "home"})
    assert created.status_code == 201, created.text
    fund(stack, [created.json()["data"]["account"]["accountAddress"]], COIN)
    slow, other = (
        Client(env, token_of(env, sub=f"{who}-{role}", accountAddress=new_address(), role=role)) for who in ("slow", "other")
    )
    contract = slow.await_job(slow.issue(data=SLOW)["_id"])["data"]["contractAddress"]
    jobs = [slow.issue(to=contract)["_id"] for _ in range(8)]
    transfer = other.await_job(other.issue(to=new_address())["_id"])
    assert (transfer["status"], "waitsFor" in transfer) == ("succeeded", False)
    for job_id in jobs:
        slow.post(f"/api/v2/jobs/cancel/{job_id}")


def test_a_revert_is_believed_after_a_bounded_wait_although_an_earlier_job_still_waits(stuck: Stuck) -> None:
    client = stuck.issuer.client
    failed = wait_for(
        "the revert to be believed",
        lambda: job if (job := client.job(stuck.reverting))["status"] == "failed" else None,
        BELIEVED_SECONDS + 30,
    )
    assert failed["failCode"] == "EstimateReverted"
    assert time.monotonic() - stuck.since < BELIEVED_SECONDS + 40
    assert client.job(stuck.unpaid)["status"] == "pending"
