"""One job at a time, over HTTP against the deployed stack and a real node."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from web3 import Web3
from web3.contract import Contract

from tests.stack.client import Client, contract_at, wait_for

HALF_OF_SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2


def new_id() -> str:
    return "0x" + secrets.token_hex(32)


def call(sink: Contract, function: str, *args: Any) -> dict[str, Any]:
    return {"to": sink.address, "call": {"function": function, "args": list(args)}}


def hit(sink: Contract, id_: str) -> dict[str, Any]:
    return call(sink, "hit(bytes32)", id_)


def test_health_needs_no_token(env: dict[str, str]) -> None:
    answer = requests.get(f"{env['API_URL']}/health", timeout=60)
    assert (answer.status_code, answer.json()) == (200, {"response": "ok"})


@pytest.mark.parametrize("who", ["issuer", "other"])
def test_a_job_happens_once_and_tells_what_it_cost(
    who: str, sink: Contract, chain: Web3, env: dict[str, str], request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(who)
    id_, correlation_id = new_id(), secrets.token_hex(8)
    issued = client.issue(**hit(sink, id_), correlationId=correlation_id)
    assert issued["status"] == "pending"
    job = client.await_job(issued["_id"])
    depth = chain.eth.block_number - job["data"]["transactionBody"]["blockNumber"] + 1

    assert job["status"] == "succeeded"
    assert depth >= int(env["CONFIRMATIONS"])
    assert sink.functions.hits(id_).call() == 1
    receipt = chain.eth.get_transaction_receipt(job["data"]["txHash"])
    assert job["data"]["txFee"] == str(receipt["gasUsed"] * receipt["effectiveGasPrice"])
    transaction = chain.eth.get_transaction(job["data"]["txHash"])
    assert int.from_bytes(transaction["s"], "big") <= HALF_OF_SECP256K1_N  # EIP-2
    assert transaction["from"] == job["accountAddress"] == env[f"{'OTHER_' if who == 'other' else ''}ISSUER_ACCOUNT"]
    assert client.get(f"/api/v2/jobs/correlationId/{correlation_id}").json()["data"] == job


def test_a_job_is_its_owners_and_the_admins(sink: Contract, issuer: Client, other: Client, admin: Client) -> None:
    correlation_id = secrets.token_hex(8)
    job_id = issuer.issue(**hit(sink, new_id()), correlationId=correlation_id)["_id"]
    foreign = other.get(f"/api/v2/jobs/{job_id}")
    unknown = other.get(f"/api/v2/jobs/{'0' * 24}")
    assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json())
    assert foreign.status_code == 404
    assert other.get(f"/api/v2/jobs/correlationId/{correlation_id}").status_code == 404
    assert admin.job(job_id)["_id"] == job_id
    found = wait_for(
        "the index of correlation ids", lambda: admin.get(f"/api/v2/jobs/correlationId/{correlation_id}").json().get("data")
    )
    assert found["_id"] == job_id


def test_twenty_posts_at_once_of_one_request_are_one_job(sink: Contract, issuer: Client) -> None:
    id_, correlation_id = new_id(), secrets.token_hex(8)
    body = {**hit(sink, id_), "correlationId": correlation_id}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: issuer.post("/api/v2/jobs", body), range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {answer.headers.get("Idempotent-Replayed") for answer in answers if answer.status_code == 200} == {"true"}
    assert len({answer.json()["job"]["_id"] for answer in answers}) == 1
    issuer.await_job(answers[0].json()["job"]["_id"])
    assert sink.functions.hits(id_).call() == 1
    conflict = issuer.post("/api/v2/jobs", {**body, "value": "1"})
    assert (conflict.status_code, conflict.json()["code"]) == (409, "CorrelationIdReused")


def test_a_revert_in_estimation_costs_no_nonce_and_says_why(
    sink: Contract, other: Client, chain: Web3, env: dict[str, str]
) -> None:
    before = chain.eth.get_transaction_count(env["OTHER_ISSUER_ACCOUNT"])
    job = other.await_job(other.issue(**call(sink, "revertWithText(string)", "out of stock"))["_id"])
    assert (job["status"], job["failCode"], job["failCount"]) == ("failed", "EstimateReverted", 1)
    assert "out of stock" in job["failReason"]
    assert job["attempts"] == []
    assert chain.eth.get_transaction_count(env["OTHER_ISSUER_ACCOUNT"], "pending") == before


def test_approve_and_transfer_from_posted_together_both_succeed(env: dict[str, str], issuer: Client, chain: Web3) -> None:
    account, token = env["ISSUER_ACCOUNT"], env["TOKEN_ADDRESS"]
    receiver = Web3.to_checksum_address("0x" + secrets.token_hex(20))
    requests_ = [
        ("mint(address,uint256)", [account, "50"]),
        ("approve(address,uint256)", [account, "50"]),
        ("transferFrom(address,address,uint256)", [account, receiver, "50"]),
    ]
    jobs = [issuer.issue(to=token, call={"function": function, "args": args}) for function, args in requests_]
    assert [issuer.await_job(job["_id"])["status"] for job in jobs] == ["succeeded"] * 3
    assert contract_at(chain, "DemoToken", token).functions.balanceOf(receiver).call() == 50


def test_a_mined_revert_fails_with_its_reason_and_each_retry_is_one_more_attempt(sink: Contract, issuer: Client) -> None:
    job_id = issuer.issue(**call(sink, "revertWhenMined(bytes32)", new_id()), gas="200000")["_id"]
    job = issuer.await_job(job_id)
    assert (job["status"], job["failCode"], job["data"]["transactionBody"]["status"]) == (
        "failed",
        "TransactionReverted",
        "failed",
    )
    assert "not when it counts" in job["failReason"]
    assert issuer.get(f"/api/v2/jobs/retry/{job_id}").json()["data"]["status"] == "pending"
    again = issuer.post(f"/api/v2/jobs/retry/{job_id}")
    assert (again.status_code, again.json()["code"]) == (409, "JobNotRetryable")
    job = issuer.await_job(job_id)
    assert (job["status"], job["failCount"], len(job["attempts"])) == ("failed", 2, 2)
    assert job["attempts"][0]["nonce"] < job["attempts"][1]["nonce"]


def test_what_failed_succeeds_on_retry_once_its_cause_is_gone(sink: Contract, issuer: Client, other: Client) -> None:
    id_ = new_id()
    close = other.issue(**call(sink, "setClosed(bool)", True))
    assert other.await_job(close["_id"])["status"] == "succeeded"
    job_id = issuer.issue(**call(sink, "hitWhileOpen(bytes32)", id_))["_id"]
    assert issuer.await_job(job_id)["failReason"].endswith("Sink: closed")
    reopen = other.issue(**call(sink, "setClosed(bool)", False))
    assert other.await_job(reopen["_id"])["status"] == "succeeded"
    assert issuer.post(f"/api/v2/jobs/retry/{job_id}").status_code == 200
    assert issuer.await_job(job_id)["status"] == "succeeded"
    assert sink.functions.hits(id_).call() == 1


def test_a_pending_job_is_cancelled_at_once_and_can_be_retried(sink: Contract, other: Client) -> None:
    unaffordable = {"to": sink.address, "value": str(10**27)}
    job_id = other.issue(**unaffordable)["_id"]
    waiting = wait_for("waiting", lambda: any(e["event"] == "waiting" for e in other.job(job_id)["history"]) or None)
    assert waiting
    cancelled = other.post(f"/api/v2/jobs/cancel/{job_id}")
    assert (cancelled.status_code, cancelled.json()["data"]["status"]) == (200, "cancelled")
    assert other.post(f"/api/v2/jobs/retry/{job_id}").json()["data"]["status"] == "pending"
    assert other.post(f"/api/v2/jobs/cancel/{job_id}").json()["data"]["status"] == "cancelled"


def test_a_finished_job_cannot_be_cancelled_or_retried(sink: Contract, issuer: Client) -> None:
    job_id = issuer.await_job(issuer.issue(**hit(sink, new_id()))["_id"])["_id"]
    for action, code in (("cancel", "JobNotCancellable"), ("retry", "JobNotRetryable")):
        answer = issuer.post(f"/api/v2/jobs/{action}/{job_id}")
        assert (answer.status_code, answer.json()["code"]) == (409, code)


def test_retry_by_query_takes_each_job_on_its_own(sink: Contract, issuer: Client, other: Client) -> None:
    failing = [other.issue(**call(sink, "revertBare()"))["_id"] for _ in range(3)]
    for job_id in failing:
        other.await_job(job_id)
    foreign = issuer.issue(**hit(sink, new_id()))["_id"]
    dry = other.post("/api/v2/jobs/retry", {"ids": failing, "dryRun": True}).json()
    assert [job["status"] for job in dry["data"]] == ["failed"] * 3
    answer = other.get("/api/v2/jobs/retry", ids=",".join([*failing, foreign, "nonsense"])).json()
    assert answer["size"] == 5
    assert [entry.get("status") for entry in answer["data"][:3]] == ["pending"] * 3
    assert [entry["code"] for entry in answer["data"][3:]] == ["JobNotFound", "InvalidJobId"]
    for job_id in failing:
        assert other.await_job(job_id)["failCount"] == 2

    def page() -> dict[str, Any] | None:
        found = other.get("/api/v2/jobs/retry", code="EstimateReverted", limit=2, dryRun="true").json()
        return found if found["size"] == 2 else None

    first = wait_for("the index of failed jobs", page)
    second = other.get("/api/v2/jobs/retry", code="EstimateReverted", limit=2, dryRun="true", cursor=first["nextCursor"]).json()
    assert not {job["_id"] for job in first["data"]} & {job["_id"] for job in second["data"]}


def test_lists_are_newest_first_and_page_through_everything(sink: Contract, issuer: Client) -> None:
    external_id = secrets.token_hex(8)
    ids = [issuer.issue(**hit(sink, new_id()), externalId=external_id)["_id"] for _ in range(3)]
    found = wait_for(
        "the index of external ids",
        lambda: (
            ((jobs := issuer.get("/api/v2/jobs/external", externalId=external_id).json()["data"]) and len(jobs) == 3 and jobs)
            or None
        ),
    )
    assert [job["_id"] for job in found] == ids[::-1]
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = issuer.get("/api/v2/jobs", **query).json()
        seen += [job["_id"] for job in page["data"]]
        if "nextCursor" not in page:
            break
        query["cursor"] = page["nextCursor"]
    assert seen[:3] == ids[::-1]
    assert len(seen) == len(set(seen))
    issuer.await_job(ids[-1])
