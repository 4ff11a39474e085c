"""A community's day over HTTP: a token, a wallet for each person, mints, transfers and burns, all by one account."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from web3 import Web3

from tests.stack.issuers import ADMIN, Issuer, in_wei, new_phone_number

INITIAL_SUPPLY = "1000000.000000000000000001"
MINTED = "100.25"
PASSED_ON = "10.000000000000000007"
BURNED_FROM_WALLET = "0.5"
BURNED_FROM_ACCOUNT = "999.999999999999999999"
EXPIRY = 4_102_444_800


@dataclass(slots=True)
class Day:
    """What was asked for, and every job it became, final."""

    issuer: Issuer
    funded_wei: int
    phone_numbers: list[str]
    first_nonce: int
    token: str = ""
    wallets: list[str] = field(default_factory=list)
    replays: list[Any] = field(default_factory=list)
    jobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def people(self) -> int:
        return len(self.phone_numbers)

    @property
    def burning(self) -> range:
        """Every fourth burns some of what their wallet has."""
        return range(0, self.people, 4)

    @property
    def all_jobs(self) -> list[dict[str, Any]]:
        return [job for jobs in self.jobs.values() for job in jobs]

    def expected_balances(self) -> Mapping[str, int]:
        """Of everybody, in the token's smallest unit, as a ledger on paper would have it."""
        balances = Counter({self.issuer.account: in_wei(INITIAL_SUPPLY)})
        for wallet in self.wallets:
            balances[wallet] += in_wei(MINTED)
        for number in range(self.people):
            balances[self.wallets[number]] -= in_wei(PASSED_ON)
            balances[self.wallets[(number + 1) % self.people]] += in_wei(PASSED_ON)
        for number in self.burning:
            balances[self.wallets[number]] -= in_wei(BURNED_FROM_WALLET)
        balances[self.issuer.account] += in_wei(MINTED) - in_wei(BURNED_FROM_ACCOUNT)
        return balances


def play(issuer: Issuer, chain: Web3, people: int) -> Day:
    """Everything that does not need an address is posted before anything is waited for."""
    first_nonce = chain.eth.get_transaction_count(issuer.account)
    numbers = [new_phone_number() for _ in range(people)]
    played = Day(issuer, chain.eth.get_balance(issuer.account), numbers, first_nonce)
    creation = issuer.order(
        "tokens/create",
        name="Community Day",
        symbol="DAY",
        initialSupply=INITIAL_SUPPLY,
        uri="ipfs://day",
        expiryTimestamp=EXPIRY,
        spendabilityIds="food,transport",
        correlationId="day-token",
    )
    bodies = [{"phoneNumber": number, "correlationId": f"day-wallet-{n}"} for n, number in enumerate(played.phone_numbers)]
    wallets = issuer.orders("wallets/create", bodies)
    played.replays = [issuer.client.post(f"{ADMIN}/wallets/create", body) for body in bodies]
    played.jobs["create"] = issuer.done([creation])
    played.jobs["wallets"] = issuer.done(wallets)
    played.token = played.jobs["create"][0]["data"]["tokenAddress"]
    played.wallets = [job["data"]["walletAddress"] for job in played.jobs["wallets"]]

    posted = {
        "mint": issuer.orders("tokens/mint", [tokens(played, MINTED, toAddress=wallet) for wallet in played.wallets]),
        "mint to the account": [issuer.order("tokens/mint", **tokens(played, MINTED))],
        "transfer": issuer.orders("tokens/transfer", [passed_on(played, number) for number in range(people)]),
        "burn": issuer.orders(
            "tokens/burn",
            [tokens(played, BURNED_FROM_WALLET, **{"from": played.wallets[number]}) for number in played.burning],
        ),
        "burn from the account": [issuer.order("tokens/burn", **tokens(played, BURNED_FROM_ACCOUNT))],
    }
    played.jobs |= {what: issuer.done(jobs) for what, jobs in posted.items()}
    return played


def tokens(day: Day, amount: str, **more: Any) -> dict[str, Any]:
    return {"tokenAddress": day.token, "amount": amount, "networkType": "fuse", **more}


def passed_on(day: Day, number: int) -> dict[str, Any]:
    return tokens(day, PASSED_ON, **{"from": day.wallets[number]}, to=day.wallets[(number + 1) % day.people])
