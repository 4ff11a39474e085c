"""Whose wallets, numbers, tokens and accounts they are, over HTTP: what one issuer has, no other sees or moves."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from web3 import Web3

from stack.machine.local import LocalStack
from tests.stack.client import Client, aws, contract_at
from tests.stack.issuers import ADMIN, Issuer, in_wei, new_address, new_issuer, new_phone_number, token_of


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two issuers; the first has a wallet for the number, with 5 of its own token in it."""

    first: Issuer
    second: Issuer
    number: str
    wallet: str
    wallet_job: dict[str, Any]
    token: str


@pytest.fixture(scope="module")
def neighbours(stack: LocalStack, admin: Client) -> Neighbours:
    first, second = new_issuer(stack, admin, "first"), new_issuer(stack, admin, "second")
    number = new_phone_number()
    token = first.order("tokens/create", name="First", symbol="1ST")
    wallet = first.order("wallets/create", phoneNumber=number, correlationId="the-wallet")
    token, wallet = first.done([token, wallet])
    address = wallet["data"]["walletAddress"]
    first.done([first.order("tokens/mint", tokenAddress=token["data"]["tokenAddress"], amount="5", toAddress=address)])
    return Neighbours(first, second, number, address, wallet, token["data"]["tokenAddress"])


def test_another_issuer_sees_neither_wallet_nor_number(neighbours: Neighbours) -> None:
    """What it gets for the number is to the letter what it gets for one that nobody has."""
    n, unknown = neighbours, new_phone_number()
    assert n.first.find(f"wallets/{n.number}")["walletAddress"] == n.wallet
    seen = n.second.client.get(f"{ADMIN}/wallets/{n.number}")
    nothing = n.second.client.get(f"{ADMIN}/wallets/{unknown}")
    assert (seen.status_code, seen.json()) == (nothing.status_code, nothing.json())
    assert (seen.status_code, seen.json()["code"]) == (404, "WalletNotFound")
    assert n.second.find(f"wallets/all/{n.number}") == n.second.find(f"wallets/all/{unknown}") == []
    assert n.second.client.get(f"/api/v2/jobs/{n.wallet_job['_id']}").status_code == 404
    assert n.second.client.get("/api/v2/jobs/correlationId/the-wallet").status_code == 404
    for path in ("/api/v2/jobs", f"{ADMIN}/wallets/exists/{n.wallet}", f"{ADMIN}/tokens/owner/{n.first.account}"):
        answer = n.second.client.get(path)
        assert answer.status_code == 200
        assert n.number not in answer.text


def test_one_number_has_a_wallet_for_each_of_its_issuers_and_an_index_key_for_each(
    neighbours: Neighbours, env: dict[str, str]
) -> None:
    n = neighbours
    theirs = n.second.new_wallet(n.number)
    assert theirs != n.wallet
    assert n.second.find(f"wallets/{n.number}")["walletAddress"] == theirs
    assert [one["walletAddress"] for one in n.first.find(f"wallets/all/{n.number}")] == [n.wallet]
    (second_job,) = n.second.find(f"wallets/all/{n.number}")
    table = aws(env, "dynamodb")

    def subject(job_id: str) -> str:
        item = table.get_item(TableName=env["JOBS_TABLE"], Key={"jobId": {"S": job_id}})["Item"]
        return json.dumps(item["subject"])

    assert subject(n.wallet_job["_id"]) != subject(second_job["jobId"])


def test_a_number_may_have_several_wallets_the_newest_first(neighbours: Neighbours) -> None:
    issuer, number = neighbours.first, new_phone_number()
    wallets = [issuer.new_wallet(number) for _ in range(2)]
    assert len(set(wallets)) == 2
    assert [one["walletAddress"] for one in issuer.find(f"wallets/all/{number}")] == wallets[::-1]
    assert issuer.find(f"wallets/{number}")["walletAddress"] == wallets[1]


@pytest.mark.parametrize(
    "body_of",
    [
        lambda n: ("tokens/transfer", {"from": n.wallet, "to": n.second.account}),
        lambda n: ("tokens/burn", {"from": n.wallet}),
    ],
    ids=["transfer", "burn"],
)
def test_another_issuers_wallet_is_not_moved(
    body_of: Callable[[Neighbours], tuple[str, dict[str, Any]]], neighbours: Neighbours, chain: Web3
) -> None:
    path, body = body_of(neighbours)
    answer = neighbours.second.client.post(f"{ADMIN}/{path}", {"tokenAddress": neighbours.token, "amount": "1", **body})
    assert (answer.status_code, answer.json()["code"]) == (400, "NotYourWallet")
    assert contract_at(chain, "CommunityToken", neighbours.token).functions.balanceOf(neighbours.wallet).call() == in_wei("5")


def test_an_issuer_signs_with_its_own_accounts_and_no_other_whatever_the_body_says(neighbours: Neighbours) -> None:
    n = neighbours
    answer = n.second.client.post("/api/v2/jobs", {"to": new_address(), "value": "1", "from": n.first.account})
    assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")
    nobody = n.second.client.post("/api/v2/jobs", {"to": new_address(), "value": "1", "from": new_address()})
    assert (nobody.status_code, nobody.json()["code"]) == (403, "Forbidden")


def test_accounts_are_the_administrators_and_the_admin_api_the_community_administrators(
    neighbours: Neighbours, env: dict[str, str]
) -> None:
    for answer in (
        neighbours.first.client.get("/api/v2/accounts"),
        neighbours.first.client.post("/api/v2/accounts", {"role": "x", "bridgeType": "home"}),
        neighbours.first.client.post(
            "/api/v2/accounts/unlock", {"accountAddress": neighbours.second.account, "bridgeType": "home"}
        ),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")
    plain = Client(env, token_of(env, accountAddress=neighbours.first.account))
    answer = plain.post(f"{ADMIN}/wallets/create", {"phoneNumber": neighbours.number})
    assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")
    assert plain.get(f"{ADMIN}/wallets/{neighbours.number}").status_code == 403
