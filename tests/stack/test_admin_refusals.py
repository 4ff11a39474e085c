"""What the Admin API refuses before there is a job: a sentence that says why, and nothing stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from web3.contract import Contract

from stack.machine.local import LocalStack
from tests.stack.client import Client, aws
from tests.stack.issuers import ADMIN, Issuer, new_address, new_issuer, new_phone_number

NO_AMOUNTS = ("0", "0.0", "-1", "+1", "1e3", "NaN", "Infinity", "0x10", "1,5", "1.", ".5", "01", " 1", "1 ", "", "\u0661")
TOO_LARGE = "115792089237316195423570985008687907853269984665640564039457.584007913129639936"
"""2^256 of the smallest units of a token with 18 decimals."""
NO_NUMBERS = ("", "+", "12025550123", "+0123456789", "+1202555012345678", "+1 202 555 0123", "+1-202", "+12\u0660")


@dataclass(frozen=True, slots=True)
class Standing:
    """An issuer with a token and a wallet that holds 5 of it, another who has nothing; of both, nothing is open."""

    owner: Issuer
    stranger: Issuer
    token: str
    wallet: str


@pytest.fixture(scope="module")
def standing(stack: LocalStack, admin: Client) -> Standing:
    owner, stranger = new_issuer(stack, admin, "owner"), new_issuer(stack, admin, "stranger")
    token, wallet = owner.new_token(initialSupply="7.5"), owner.new_wallet(new_phone_number())
    owner.done([owner.order("tokens/mint", tokenAddress=token, amount="5", toAddress=wallet)])
    return Standing(owner, stranger, token, wallet)


@pytest.fixture(autouse=True)
def nothing_is_stored(standing: Standing, env: dict[str, str]) -> Iterator[None]:
    def stored() -> int:
        pages = aws(env, "dynamodb").get_paginator("scan").paginate(TableName=env["JOBS_TABLE"], Select="COUNT")
        return sum(page["Count"] for page in pages)

    before = stored()
    yield
    assert stored() == before


def refused(issuer: Issuer, path: str, body: dict[str, Any], code: str = "InvalidRequest", status: int = 400) -> str:
    answer = issuer.client.post(f"{ADMIN}/{path}", {**body, "correlationId": "refused"})
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    return str(answer.json()["error"])


def test_who_does_not_own_the_token_is_told_who_does(standing: Standing) -> None:
    said = refused(standing.stranger, "tokens/mint", {"tokenAddress": standing.token, "amount": "1"}, "NotTokenOwner")
    assert standing.owner.account in said
    assert standing.stranger.account in said


def test_a_balance_that_is_too_low_is_told_in_tokens(standing: Standing) -> None:
    token = {"tokenAddress": standing.token}
    own = refused(standing.owner, "tokens/burn", {**token, "amount": "7.500000000000000001"}, "BalanceTooLow")
    assert "has 7.5 " in own
    assert "7.500000000000000001" in own
    from_wallet = {**token, "amount": "5.25", "from": standing.wallet}
    for path, body in (("burn", from_wallet), ("transfer", {**from_wallet, "to": new_address()})):
        said = refused(standing.owner, f"tokens/{path}", body, "BalanceTooLow")
        assert f"{standing.wallet} has 5 " in said
    assert "has 0 " in refused(standing.stranger, "tokens/burn", {**token, "amount": "1"}, "BalanceTooLow")


@pytest.mark.parametrize("path", ["mint", "burn", "transfer"])
def test_what_is_no_token_is_refused(path: str, standing: Standing, sink: Contract, env: dict[str, str]) -> None:
    more = {"from": standing.wallet, "to": new_address()} if path == "transfer" else {}
    for address in (new_address(), sink.address, env["WALLET_FACTORY"], standing.wallet):
        said = refused(standing.owner, f"tokens/{path}", {"tokenAddress": address, "amount": "1", **more}, "NotAToken")
        assert address in said
    unknown = standing.owner.client.get(f"{ADMIN}/tokens/{sink.address}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TokenNotFound")


def test_what_is_no_wallet_is_moved_by_nobody(standing: Standing) -> None:
    for holder in (new_address(), standing.owner.account, standing.token):
        body = {"tokenAddress": standing.token, "amount": "1", "from": holder, "to": new_address()}
        refused(standing.owner, "tokens/transfer", body, "NotYourWallet")


@pytest.mark.parametrize("amount", [*NO_AMOUNTS, 1, 1.5, None, ["1"], "0.0000000000000000001", TOO_LARGE, "9" * 500])
def test_an_amount_that_is_no_exact_number_of_the_tokens_units_is_refused(amount: Any, standing: Standing) -> None:
    assert "amount" in refused(standing.owner, "tokens/mint", {"tokenAddress": standing.token, "amount": amount})


@pytest.mark.parametrize("supply", ["-1", "1e18", "NaN", "0.0000000000000000001", 1])
def test_a_supply_that_is_no_exact_number_is_refused(supply: Any, standing: Standing) -> None:
    body = {"name": "Token", "symbol": "TKN", "initialSupply": supply}
    assert "initialSupply" in refused(standing.owner, "tokens/create", body)


@pytest.mark.parametrize("number", [*NO_NUMBERS, 12025550123])
def test_what_is_no_phone_number_is_refused_without_being_repeated(number: Any, standing: Standing) -> None:
    said = refused(standing.owner, "wallets/create", {"phoneNumber": number})
    assert "phoneNumber" in said
    assert len(str(number)) < 2 or str(number) not in said


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("tokens/create", {"name": "Token", "symbol": "TKN", "networkType": "spark"}),
        ("tokens/create", {"name": "Token", "symbol": "TKN", "decimals": 6}),
        ("tokens/create", {"symbol": "TKN"}),
        ("tokens/create", {"name": "Token", "symbol": "TKN", "expiryTimestamp": -1}),
        ("tokens/create", {"name": "Token", "symbol": "TKN", "spendabilityIds": ["food"]}),
        ("tokens/mint", {"amount": "1"}),
        ("tokens/mint", {"tokenAddress": "0x12", "amount": "1"}),
        ("tokens/transfer", {"tokenAddress": "0x" + "11" * 20, "amount": "1", "to": "0x" + "11" * 20}),
        ("wallets/create", {}),
        ("wallets/create", {"phoneNumber": "+12025550123", "owner": "0x" + "11" * 20}),
    ],
)
def test_a_field_that_is_wrong_missing_or_unknown_is_refused(path: str, body: dict[str, Any], standing: Standing) -> None:
    refused(standing.owner, path, body)


def test_an_account_needs_a_role_and_a_known_bridge(admin: Client) -> None:
    for body in ({}, {"role": "x"}, {"role": "x", "bridgeType": "foreign"}, {"role": "x", "bridgeType": "home", "key": "0x1"}):
        before = len(admin.get("/api/v2/accounts").json()["accounts"])
        answer = admin.post("/api/v2/accounts", body)
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidRequest"), body
        assert len(admin.get("/api/v2/accounts").json()["accounts"]) == before
