"""Issuers with accounts of their own, made over HTTP as an administrator makes them, and what they ask of the Admin API."""

import secrets
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jwt
from web3 import Web3

from stack.machine.local import LocalStack
from stack.progress import silent
from tests.stack.client import Client

ADMIN = "/api/v2/admin"
ACCOUNTS = "/api/v2/accounts"
COIN = 10**18
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Issuer:
    """One application's account, and the client that holds its token."""

    client: Client
    account: str
    token: str

    def order(self, path: str, **body: Any) -> dict[str, Any]:
        """A new job of the Admin API. Fails the test when it is not taken."""
        answer = self.client.post(f"{ADMIN}/{path}", body)
        assert answer.status_code == 201, answer.text
        assert set(answer.json()) == {"job"}
        return dict(answer.json()["job"])

    def orders(self, path: str, bodies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Several, a few at a time; their jobs in the order of the bodies."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda body: self.order(path, **body), bodies))

    def done(self, jobs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The jobs once they have succeeded. Fails the test when one does not."""
        final = [self.client.await_job(job["_id"]) for job in jobs]
        assert [job for job in final if job["status"] != "succeeded"] == []
        return final

    def find(self, path: str) -> Any:
        """The `data` of a look-up."""
        answer = self.client.get(f"{ADMIN}/{path}")
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"data"}
        return answer.json()["data"]

    def new_token(self, **more: Any) -> str:
        """The address of a token of the account's."""
        (job,) = self.done([self.order("tokens/create", name="Beans", symbol="BEAN", **more)])
        return str(job["data"]["tokenAddress"])

    def new_wallet(self, phone_number: str) -> str:
        (job,) = self.done([self.order("wallets/create", phoneNumber=phone_number)])
        return str(job["data"]["walletAddress"])


def new_issuer(stack: LocalStack, admin: Client, name: str, coins: int = 10) -> Issuer:
    """An account made over HTTP, funded by the stack's own funder, with the token that came back."""
    body = {"role": "community", "bridgeType": "home", "appName": name, "description": f"The account of {name}"}
    answer = admin.post(ACCOUNTS, body)
    assert answer.status_code == 201, answer.text
    created = answer.json()["data"]
    fund(stack, [created["account"]["accountAddress"]], coins * COIN)
    token = created["jwt"]
    return Issuer(Client(stack.env, token), created["account"]["accountAddress"], token)


def fund(stack: LocalStack, accounts: Iterable[str], amount_wei: int) -> None:
    funder = stack.funder()
    for account in accounts:
        funder.transfer(account, amount_wei)
    funder.wait(silent)


def token_of(env: dict[str, str], **claims: Any) -> str:
    """A token signed as the service signs them."""
    return str(jwt.encode({"exp": time.time() + 3_600, **claims}, env["JWT_SECRET"], algorithm="HS256"))


def new_phone_number() -> str:
    """Fifteen digits, none of which a log could hold by chance."""
    return f"+1{secrets.randbelow(9 * 10**13) + 10**13}"


def new_address() -> str:
    return Web3.to_checksum_address("0x" + secrets.token_hex(20))


def in_wei(tokens: str, decimals: int = 18) -> int:
    """By the digits, not by the service's own code."""
    whole, _, places = tokens.partition(".")
    assert len(places) <= decimals
    return int(whole) * 10**decimals + int(places.ljust(decimals, "0") or 0)
