"""Two issuers of one pool, over HTTP: what the one has created, the other cannot move by any route."""

import json
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import requests
from web3 import Web3
from web3.utils.address import get_create_address

from stack.machine.local import LocalStack
from tests.stack.client import Client, artifact, contract_at, wait_for
from tests.stack.issuers import ACCOUNTS, ADMIN, COIN, Issuer, fund, new_address, new_phone_number, token_of


@dataclass(frozen=True, slots=True)
class Pool:
    """One account of a role, two issuers with the role, and what the second one has created."""

    account: str
    first: Issuer
    second: Issuer
    token: str
    wallet: str


@pytest.fixture(scope="module")
def pool(stack: LocalStack, admin: Client, env: dict[str, str]) -> Pool:
    role = f"pool-{secrets.token_hex(4)}"
    account = admin.post(ACCOUNTS, {"role": role, "bridgeType": "home"}).json()["data"]["account"]
    assert account["allowsValue"] is False
    fund(stack, [account["accountAddress"]], COIN)

    def issuer(name: str) -> Issuer:
        token = token_of(env, sub=f"{name}-{role}", accountAddress=new_address(), role=role, isCommunityAdmin=True)
        return Issuer(Client(env, token), account["accountAddress"], token)

    first, second = issuer("first"), issuer("second")
    token, wallet = second.new_token(initialSupply="5"), second.new_wallet(new_phone_number())
    second.done([second.order("tokens/mint", tokenAddress=token, amount="3", toAddress=wallet)])
    return Pool(account["accountAddress"], first, second, token, wallet)


def refusal(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["code"])


def test_the_admin_api_moves_nothing_of_the_other_issuers(pool: Pool, chain: Web3) -> None:
    post, token = pool.first.client.post, {"tokenAddress": pool.token, "amount": "1"}
    assert refusal(post(f"{ADMIN}/tokens/mint", token)) == (403, "NotYourContract")
    assert refusal(post(f"{ADMIN}/tokens/burn", token)) == (403, "NotYourContract")
    assert refusal(post(f"{ADMIN}/tokens/burn", {**token, "from": pool.wallet})) == (400, "NotYourWallet")
    moved = {**token, "from": pool.wallet, "to": new_address()}
    assert refusal(post(f"{ADMIN}/tokens/transfer", moved)) == (400, "NotYourWallet")
    pool.second.done([pool.second.order("tokens/transfer", **moved)])
    assert contract_at(chain, "CommunityToken", pool.token).functions.balanceOf(pool.wallet).call() == 2 * COIN


def test_a_job_does_not_take_the_wallet_over_nor_the_accounts_coins(pool: Pool, chain: Web3) -> None:
    call = {"function": "transferOwnership(address)", "args": [pool.account]}
    assert refusal(pool.first.client.post("/api/v2/jobs", {"to": pool.wallet, "call": call})) == (403, "NotYourContract")
    own = contract_at(chain, "Wallet", pool.first.new_wallet(new_phone_number()))
    inner = contract_at(chain, "CommunityToken", pool.token).encode_abi("mint", [pool.account, 1])
    nested = own.encode_abi("execute", [pool.token, 0, inner])
    assert refusal(pool.first.client.post("/api/v2/jobs", {"to": own.address, "data": nested})) == (403, "NotYourContract")
    coins = {"to": new_address(), "value": "1"}
    assert refusal(pool.first.client.post("/api/v2/jobs", coins)) == (403, "ValueNotAllowed")
    assert contract_at(chain, "Wallet", pool.wallet).functions.owner().call() == pool.account


def test_an_address_that_was_guessed_before_the_deployment_is_not_called(pool: Pool, chain: Web3) -> None:
    """The first issuer posts its call before the second one deploys: whose the contract is decides when it would be signed."""
    nonce = chain.eth.get_transaction_count(Web3.to_checksum_address(pool.account))
    guessed = get_create_address(pool.account, nonce)
    call = {"function": "hit(bytes32)", "args": ["0x" + "12" * 32]}
    job = pool.first.client.issue(to=guessed, call=call)

    def waits() -> dict[str, Any] | None:
        found = pool.first.client.job(job["_id"])
        return found if any("whose job created" in event.get("detail", "") for event in found["history"]) else None

    wait_for("the call waits", waits)
    deployed = pool.second.client.await_job(pool.second.client.issue(data=artifact("Sink")["bytecode"])["_id"])
    assert deployed["data"]["contractAddress"] == guessed
    (own,) = pool.second.done([pool.second.client.issue(to=guessed, call=call)])
    assert own["status"] == "succeeded"
    failed = pool.first.client.await_job(job["_id"])
    assert (failed["status"], failed["failCode"], failed["attempts"]) == ("failed", "NotYourContract", [])


def test_an_administrator_allows_an_account_of_a_pool_to_send_coins(
    stack: LocalStack, admin: Client, env: dict[str, str]
) -> None:
    role = f"pool-{secrets.token_hex(4)}"
    body = {"role": role, "bridgeType": "home", "allowsValue": True}
    account = admin.post(ACCOUNTS, body).json()["data"]["account"]
    assert account["allowsValue"] is True
    fund(stack, [account["accountAddress"]], COIN)
    client = Client(env, token_of(env, sub=role, accountAddress=new_address(), role=role))
    assert client.await_job(client.issue(to=new_address(), value="1")["_id"])["status"] == "succeeded"


def test_ids_that_differ_only_in_percent_encoding_are_two_jobs(pool: Pool) -> None:
    client = pool.first.client
    ids = ["a b", "a%20b"]
    jobs = {one: client.issue(to=pool.account, correlationId=one)["_id"] for one in ids}
    for one, job_id in jobs.items():
        assert client.get(f"/api/v2/jobs/correlationId/{quote(one, safe='')}").json()["data"]["_id"] == job_id
        assert [job["_id"] for job in client.get("/api/v2/jobs", correlationId=one).json()["data"]] == [job_id]


def test_health_answers_head_and_an_encoded_body_is_refused_by_name(pool: Pool, env: dict[str, str]) -> None:
    head = requests.head(f"{env['API_URL']}/health", timeout=30)
    assert (head.status_code, head.content) == (200, b"")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = pool.first.client.request("POST", "/api/v2/jobs", data=b"\x1f\x8b\x08\x00", headers=headers)
    assert (answer.status_code, "gzip" in answer.json()["error"]) == (415, True)
    bodies = [{"to": pool.account}, {"to": pool.account, "externalId": "\ufffd"}]
    for text in (f"\ufeff{json.dumps(bodies[0])}", json.dumps(bodies[1], ensure_ascii=False)):
        sent = pool.first.client.request(
            "POST", "/api/v2/jobs", data=text.encode(), headers={"Content-Type": "application/json"}
        )
        assert sent.status_code == 201, sent.text
