"""Pools of accounts and paused accounts, over HTTP."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract

from chalicelib.jobs.model import account_id
from chalicelib.store.accounts import DynamoAccountStore
from stack.machine.local import LocalStack
from tests.stack.client import Client, artifact, aws, contract_at, wait_for
from tests.stack.issuers import ACCOUNTS, ADMIN, COIN, Issuer, fund, new_address, new_issuer, token_of


@pytest.fixture
def node(chain: Web3) -> Iterator[Any]:
    """anvil's own methods; afterwards it mines as before."""

    def ask(method: str, *params: Any) -> Any:
        answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    yield ask
    ask("evm_setIntervalMining", 1)


@dataclass(frozen=True, slots=True)
class Pool:
    """Two accounts of one role that belong to nobody, and an issuer whose token has the role."""

    client: Client
    accounts: tuple[str, str]
    sink: Contract
    """The counting contract, deployed by the issuer: another's it could not call."""


@pytest.fixture
def pool(stack: LocalStack, admin: Client, env: dict[str, str], chain: Web3) -> Pool:
    role = f"pool-{secrets.token_hex(4)}"
    accounts = []
    for _ in range(2):
        answer = admin.post(ACCOUNTS, {"role": role, "bridgeType": "home"})
        assert answer.status_code == 201, answer.text
        assert set(answer.json()["data"]) == {"account"}, "without an appName there is no issuer, and no token"
        accounts.append(answer.json()["data"]["account"]["accountAddress"])
    fund(stack, accounts, COIN)
    token = token_of(env, sub=f"backend-{role}", accountAddress=new_address(), role=role, isCommunityAdmin=True)
    client = Client(env, token)
    deployed = client.await_job(client.issue(data=artifact("Sink")["bytecode"])["_id"])
    return Pool(client, (accounts[0], accounts[1]), contract_at(chain, "Sink", deployed["data"]["contractAddress"]))


def hit(sink: Contract) -> dict[str, Any]:
    return {"to": sink.address, "call": {"function": "hit(bytes32)", "args": ["0x" + secrets.token_hex(32)]}}


def test_the_account_of_a_pool_with_the_fewest_open_jobs_signs(pool: Pool, node: Any) -> None:
    """Nothing is mined meanwhile, so that every job stays open: nonces that are taken count as much as pending jobs."""
    node("evm_setIntervalMining", 0)
    busy, free = pool.accounts

    def started(**more: Any) -> str:
        job = pool.client.issue(**hit(pool.sink), **more)
        return str(pool.client.await_job(job["_id"], {"started"})["accountAddress"])

    assert {started(**{"from": busy}) for _ in range(3)} == {busy}
    assert [started() for _ in range(3)] == [free] * 3
    tied = started()
    assert {tied, started()} == {busy, free}
    assert [started(**{"from": free}) for _ in range(2)] == [free] * 2
    assert [started() for _ in range(2)] == [busy] * 2
    node("evm_setIntervalMining", 1)
    for job in pool.client.get("/api/v2/jobs", limit=20).json()["data"]:
        assert pool.client.await_job(job["_id"])["status"] == "succeeded"


def test_jobs_that_are_posted_together_use_the_whole_pool(pool: Pool, node: Any) -> None:
    node("evm_setIntervalMining", 0)
    jobs = [pool.client.issue(**hit(pool.sink)) for _ in range(12)]
    used = [job["accountAddress"] for job in jobs]
    assert set(used) == set(pool.accounts)
    assert abs(used.count(pool.accounts[0]) - used.count(pool.accounts[1])) <= 2, "between two reads a job may be signed"
    node("evm_setIntervalMining", 1)
    assert {pool.client.await_job(job["_id"])["status"] for job in jobs} == {"succeeded"}


def test_what_only_one_account_of_the_pool_can_do_is_signed_by_that_one(pool: Pool, chain: Web3) -> None:
    """A token's owner mints, and a wallet's owner makes it act, however busy that account is."""
    issuer = Issuer(pool.client, "", "")
    token, wallet = issuer.done(
        [
            issuer.order("tokens/create", name="Pool", symbol="POOL"),
            issuer.order("wallets/create", phoneNumber="+12025550123"),
        ]
    )
    address, holder, receiver = token["data"]["tokenAddress"], wallet["data"]["walletAddress"], new_address()
    mints = [issuer.order("tokens/mint", tokenAddress=address, amount="1", toAddress=holder) for _ in range(4)]
    assert {job["accountAddress"] for job in mints} == {token["accountAddress"]}
    issuer.done(mints)
    moved = issuer.order("tokens/transfer", tokenAddress=address, amount="4", **{"from": holder}, to=receiver)
    assert moved["accountAddress"] == wallet["accountAddress"] == wallet["data"]["owner"]
    issuer.done([moved])
    assert contract_at(chain, "CommunityToken", address).functions.balanceOf(receiver).call() == 4 * COIN


def test_an_account_of_a_pool_is_nobodys_with_another_role_or_none(pool: Pool, issuer: Client, env: dict[str, str]) -> None:
    stranger = Client(env, token_of(env, accountAddress=env["ISSUER_ACCOUNT"], role="another", isCommunityAdmin=True))
    for client in (issuer, stranger):
        answer = client.post("/api/v2/jobs", {"to": new_address(), "value": "1", "from": pool.accounts[0]})
        assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")
    empty = stranger.post(f"{ADMIN}/tokens/create", {"name": "None", "symbol": "NONE"})
    assert (empty.status_code, empty.json()["code"]) == (400, "InvalidRequest")
    assert "another" in empty.json()["error"]


def test_unlocking_a_paused_account_makes_its_jobs_go_on(
    stack: LocalStack, admin: Client, sink: Contract, env: dict[str, str]
) -> None:
    issuer = new_issuer(stack, admin, "paused")
    store = DynamoAccountStore(aws(env, "dynamodb"), env["ACCOUNTS_TABLE"])
    account = store.get(account_id(int(env["CHAIN_ID"]), issuer.account))
    assert account is not None
    store.pause(account, "an operator looks into it")

    job_id = issuer.client.issue(**hit(sink))["_id"]
    wait_for(
        "waiting", lambda: [e for e in issuer.client.job(job_id)["history"] if "an operator" in e.get("detail", "")] or None
    )
    assert (locked(admin, issuer.account)["isLocked"], locked(admin, issuer.account)["lockedBecause"]) == (
        True,
        "an operator looks into it",
    )
    answer = admin.post(f"{ACCOUNTS}/unlock", {"accountAddress": issuer.account.lower(), "bridgeType": "home"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["account"]["isLocked"] is False
    assert issuer.client.await_job(job_id)["status"] == "succeeded"
    assert locked(admin, issuer.account)["isLocked"] is False


def locked(admin: Client, address: str) -> dict[str, Any]:
    (account,) = [one for one in admin.get(ACCOUNTS).json()["accounts"] if one["accountAddress"] == address]
    return dict(account)


def test_unlocking_an_account_that_is_not_there_is_a_404_and_one_that_runs_stays_as_it_is(
    admin: Client, env: dict[str, str]
) -> None:
    unknown = admin.post(f"{ACCOUNTS}/unlock", {"accountAddress": new_address(), "bridgeType": "home"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "AccountNotFound")
    running = admin.post(f"{ACCOUNTS}/unlock", {"accountAddress": env["OTHER_ISSUER_ACCOUNT"], "bridgeType": "home"})
    assert (running.status_code, running.json()["data"]["account"]["isLocked"]) == (200, False)
