"""A community's day over HTTP: an account, a token, twenty wallets, mints, transfers and burns; and what is true afterwards."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from web3 import Web3
from web3.contract import Contract

from chalicelib.settings import Settings
from stack.machine.local import LocalStack
from tests.stack.client import Client, aws, contract_at, wait_for
from tests.stack.community import EXPIRY, INITIAL_SUPPLY, MINTED, Day, play
from tests.stack.issuers import ADMIN, COIN, in_wei, new_issuer

PEOPLE = 20


@pytest.fixture(scope="module")
def day(stack: LocalStack, admin: Client, chain: Web3) -> Day:
    return play(new_issuer(stack, admin, "community-day"), chain, PEOPLE)


@pytest.fixture(scope="module")
def token(day: Day, chain: Web3) -> Contract:
    return contract_at(chain, "CommunityToken", day.token)


def test_the_accounts_token_comes_back_once_and_is_valid_for_as_long_as_it_is_set(
    day: Day, admin: Client, env: dict[str, str]
) -> None:
    claims = jwt.decode(day.issuer.token, env["JWT_SECRET"], algorithms=["HS256"])
    assert (claims["accountAddress"], claims["appName"], claims["isCommunityAdmin"]) == (
        day.issuer.account,
        "community-day",
        True,
    )
    assert "isAdmin" not in claims
    listed = admin.get("/api/v2/accounts")
    (account,) = [one for one in listed.json()["accounts"] if one["accountAddress"] == day.issuer.account]
    assert (account["role"], account["bridgeType"], account["isLocked"]) == ("community", "home", False)
    valid_for = datetime.fromtimestamp(claims["exp"], UTC) - datetime.fromisoformat(account["createdAt"])
    (days,) = [setting.default for setting in fields(Settings) if setting.name == "jwt_ttl_days"]
    assert abs(valid_for - timedelta(days=days)) < timedelta(minutes=1)
    assert day.issuer.token not in listed.text
    assert "kms" not in listed.text.lower()


def test_the_tokens_address_is_that_of_the_factorys_event_and_it_works(
    day: Day, token: Contract, chain: Web3, env: dict[str, str]
) -> None:
    (job,) = day.jobs["create"]
    factory = contract_at(chain, "TokenFactory", env["TOKEN_FACTORY"])
    receipt = chain.eth.get_transaction_receipt(job["data"]["txHash"])
    (event,) = [
        factory.events.TokenCreated().process_log(log) for log in receipt["logs"] if log["address"] == env["TOKEN_FACTORY"]
    ]
    assert event["args"]["token"] == day.token == job["data"]["tokenAddress"]
    assert event["args"]["owner"] == day.issuer.account == token.functions.owner().call()
    assert job["data"]["blockNumber"] == receipt["blockNumber"]
    assert job["name"] == "createToken"
    assert {name: job["data"][name] for name in ("name", "symbol", "initialSupplyInWei", "tokenURI", "expiryTimestamp")} == {
        "name": "Community Day",
        "symbol": "DAY",
        "initialSupplyInWei": str(in_wei(INITIAL_SUPPLY)),
        "tokenURI": "ipfs://day",
        "expiryTimestamp": EXPIRY,
    }
    assert job["data"]["spendabilityIdsArr"] == ["food", "transport"]


def test_the_token_is_found_by_its_address_and_by_its_owner(day: Day, token: Contract) -> None:
    found = day.issuer.find(f"tokens/{day.token.lower()}")
    assert found["totalSupply"] == str(token.functions.totalSupply().call())
    expected = {
        "tokenAddress": day.token,
        "name": "Community Day",
        "symbol": "DAY",
        "decimals": 18,
        "owner": day.issuer.account,
        "tokenURI": "ipfs://day",
        "expiryTimestamp": EXPIRY,
        "spendabilityIdsArr": ["food", "transport"],
    }
    assert expected.items() <= found.items()
    (owned,) = day.issuer.find(f"tokens/owner/{day.issuer.account}")
    assert (owned["tokenAddress"], owned["expiryTimestamp"], owned["spendabilityIdsArr"]) == (
        day.token,
        EXPIRY,
        ["food", "transport"],
    )


def test_each_job_says_what_it_did(day: Day) -> None:
    """Names and data of the contract; amounts in the smallest unit."""
    minted = day.jobs["mint"][3]
    assert minted["name"] == "mint"
    assert (minted["data"]["tokenAddress"], minted["data"]["toAddress"]) == (day.token, day.wallets[3])
    assert minted["data"]["amount"] == str(in_wei(MINTED))
    passed = day.jobs["transfer"][3]
    assert passed["name"] == "adminTransfer"
    assert (passed["data"]["wallet"], passed["data"]["to"]) == (day.wallets[3], day.wallets[4])
    assert {job["name"] for what in ("burn", "burn from the account") for job in day.jobs[what]} == {"burn"}
    wallet = day.jobs["wallets"][3]
    assert wallet["name"] == "createWallet"
    assert (wallet["data"]["owner"], wallet["data"]["phoneNumber"]) == (day.issuer.account, day.phone_numbers[3])


def test_a_wallet_posted_again_is_the_same_job_and_the_same_wallet(day: Day) -> None:
    assert {(answer.status_code, answer.headers.get("Idempotent-Replayed")) for answer in day.replays} == {(200, "true")}
    assert [answer.json()["job"]["_id"] for answer in day.replays] == [job["_id"] for job in day.jobs["wallets"]]
    assert len(set(day.wallets)) == day.people


def test_every_number_has_one_wallet_that_look_ups_find(day: Day, chain: Web3) -> None:
    for number, wallet in zip(day.phone_numbers, day.wallets, strict=True):

        def look(number: str = number) -> Any:
            answer = day.issuer.client.get(f"{ADMIN}/wallets/{number}")
            return answer.json()["data"] if answer.status_code == 200 else None

        latest = wait_for("the index of phone numbers", look)
        assert (latest["walletAddress"], latest["phoneNumber"], latest["owner"]) == (wallet, number, day.issuer.account)
        assert [one["walletAddress"] for one in day.issuer.find(f"wallets/all/{number}")] == [wallet]
        assert day.issuer.find(f"wallets/exists/{wallet}")["exists"] is True
        assert contract_at(chain, "Wallet", wallet).functions.owner().call() == day.issuer.account
    assert day.issuer.find(f"wallets/exists/{day.token}")["exists"] is False


def test_every_balance_on_chain_is_the_sum_of_what_was_asked(day: Day, token: Contract) -> None:
    expected = day.expected_balances()
    holders = [day.issuer.account, *day.wallets]
    assert {holder: token.functions.balanceOf(holder).call() for holder in holders} == dict(expected)
    assert token.functions.totalSupply().call() == sum(expected.values())


def test_the_fees_of_the_jobs_are_what_the_account_has_paid_to_the_last_wei(day: Day, chain: Web3) -> None:
    assert day.funded_wei == 10 * COIN
    fees = [int(job["data"]["txFee"]) for job in day.all_jobs]
    assert min(fees) > 0
    assert sum(fees) == day.funded_wei - chain.eth.get_balance(day.issuer.account)


def test_each_job_is_one_transaction_and_no_nonce_is_missing(day: Day, chain: Web3) -> None:
    nonces = sorted(attempt["nonce"] for job in day.all_jobs for attempt in job["attempts"])
    assert nonces == list(range(day.first_nonce, day.first_nonce + len(day.all_jobs)))
    assert chain.eth.get_transaction_count(day.issuer.account) == nonces[-1] + 1


def test_no_phone_number_is_in_a_key_of_the_tables(day: Day, env: dict[str, str]) -> None:
    """Nor in a log: see test_observability."""
    wallet_job = day.jobs["wallets"][0]["_id"]
    number = day.phone_numbers[0]
    for path in (f"wallets/{number}", f"wallets/all/{number}", f"wallets/{number}x", f"wallets/exists/{number}", number):
        assert day.issuer.client.get(f"{ADMIN}/{path}").status_code < 500
    for body in ({"phoneNumber": number, "number": number}, {"phoneNumber": number + "x"}, {"phoneNumber": number * 2}):
        assert day.issuer.client.post(f"{ADMIN}/wallets/create", body).status_code == 400

    digits = [number[1:] for number in day.phone_numbers]
    dynamodb = aws(env, "dynamodb")
    for table in (env["JOBS_TABLE"], env["ACCOUNTS_TABLE"]):
        keys = {one["AttributeName"] for one in dynamodb.describe_table(TableName=table)["Table"]["AttributeDefinitions"]}
        items = [item for page in dynamodb.get_paginator("scan").paginate(TableName=table) for item in page["Items"]]
        indexed = [str(item[key]) for item in items for key in keys if key in item]
        assert len(indexed) >= len(items) > 0
        assert [value for value in indexed if any(number in value for number in digits)] == []
    stored = dynamodb.get_item(TableName=env["JOBS_TABLE"], Key={"jobId": {"S": wallet_job}})["Item"]
    assert digits[0] in str(stored), "it is in the job's data, or this test looks for nothing"
