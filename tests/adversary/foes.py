"""What attackers do: each attack is a few valid HTTP requests, with their own tokens, on their own or the shared account."""

import random
import secrets
import string
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.adversary import bytecode
from tests.stack.client import FINAL, Client
from tests.stack.issuers import ADMIN

LARGE_DATA = "0x" + "ab" * 65_536
MIDDLE_DATA = "0x" + "ab" * 40_000
SLOW_JOBS_AT_ONCE = 2
NOT_TO_BE_PAID = str(2**255)
DEPLOYED = {
    "reverts when mined": bytecode.REVERTS_WHEN_MINED,
    "reverts with megabytes": bytecode.REVERTS_WITH_MEGABYTES,
    "hashes when estimated": bytecode.HASHES_WHEN_ESTIMATED,
}


@dataclass(frozen=True, slots=True)
class Victim:
    """What belongs to somebody else, as far as an attacker can find out."""

    job_ids: list[str]
    correlation_ids: list[str]
    external_id: str
    owner: str
    token_address: str
    wallet: str


@dataclass
class Foe:
    """An attacker. `clients` are its tokens: one of its own account, one of the shared account's role."""

    name: str
    clients: Mapping[str, Client]
    account: str
    dice: random.Random
    victim: Victim
    answers: Counter[str] = field(default_factory=Counter)
    """Attack and HTTP status: how often."""
    won: list[str] = field(default_factory=list)
    """What an attack has read or done that it must not."""
    contracts: dict[str, dict[str, str]] = field(default_factory=dict)
    """By the client's name: the address of each hostile contract."""
    failed_jobs: list[str] = field(default_factory=list)
    slow_jobs: list[tuple[Client, str]] = field(default_factory=list)

    def prepare(self) -> None:
        """Deploy its contracts, once with each of its tokens: a contract belongs to who has made it."""
        jobs = {
            (whose, what): client.issue(data=code)["_id"]
            for whose, client in self.clients.items()
            for what, code in DEPLOYED.items()
        }
        for (whose, what), job_id in jobs.items():
            job = self.clients[whose].await_job(job_id)
            assert job["status"] == "succeeded", job
            self.contracts.setdefault(whose, {})[what] = job["data"]["contractAddress"]

    def attack(self) -> None:
        """One attack, or a mixture of several at once."""
        for attack in self.dice.sample(ATTACKS, self.dice.choice((1, 1, 1, 2, 3))):
            attack(self)

    def any_client(self) -> tuple[str, Client]:
        return self.dice.choice(list(self.clients.items()))

    def post(self, attack: str, client: Client, body: Mapping[str, Any], path: str = "/api/v2/jobs") -> requests.Response:
        answer = client.post(path, dict(body))
        self.answers[f"{attack}: {answer.status_code}"] += 1
        if answer.status_code >= 500:
            self.won.append(f"{attack}: the API failed with {answer.status_code}: {answer.text[:200]}")
        return answer

    def get(self, attack: str, client: Client, path: str, **query: Any) -> requests.Response:
        answer = client.get(path, **query)
        self.answers[f"{attack}: {answer.status_code}"] += 1
        if answer.status_code >= 500:
            self.won.append(f"{attack}: the API failed with {answer.status_code}: {answer.text[:200]}")
        return answer


# --- rows, rounds and replies that are as large as they can be ------------------------------------------------------------


def grow_a_row(foe: Foe) -> None:
    """A job of much call data that reverts when it is mined, retried as often as it can be."""
    whose, client = foe.any_client()
    failed = [job_id for job_id in foe.failed_jobs if client.get(f"/api/v2/jobs/{job_id}").status_code == 200]
    for job_id in failed[-3:]:
        foe.post("grow a row", client, {}, f"/api/v2/jobs/retry/{job_id}")
    body = {"to": foe.contracts[whose]["reverts when mined"], "data": LARGE_DATA, "gas": "3000000"}
    answer = foe.post("grow a row", client, body)
    if answer.status_code == 201:
        foe.failed_jobs.append(answer.json()["job"]["_id"])


def large_round(foe: Foe) -> None:
    """Many jobs of one account whose rows together are more than a transaction of DynamoDB takes."""
    whose, client = foe.any_client()
    for _ in range(foe.dice.randint(3, 8)):
        body = {"to": foe.contracts[whose]["reverts when mined"], "data": MIDDLE_DATA, "gas": "3000000"}
        foe.post("large round", client, body)


def large_replies(foe: Foe) -> None:
    """Jobs with long fields, listed a hundred at a time."""
    _, client = foe.any_client()
    ids = ",".join("ÿ" * 256 for _ in range(100))
    for _ in range(3):
        foe.post("large reply", client, {"name": "Beans", "symbol": "B", "spendabilityIds": ids}, f"{ADMIN}/tokens/create")
    answer = foe.get("large reply", client, "/api/v2/jobs", limit=100)
    if len(answer.content) > 6_000_000:
        foe.won.append(f"a reply of {len(answer.content)} bytes")


# --- answers of the node that are large, or late ---------------------------------------------------------------------------


def large_answers(foe: Foe) -> None:
    whose, client = foe.any_client()
    for _ in range(foe.dice.randint(4, 12)):
        foe.post("large answer", client, {"to": foe.contracts[whose]["reverts with megabytes"], "data": "0x01"})


def slow_estimates(foe: Foe) -> None:
    """As many as the attacker dares to have open: a node of this machine can be kept busy by anybody who may ask it."""
    whose, client = foe.any_client()
    foe.slow_jobs = [one for one in foe.slow_jobs if one[0].job(one[1])["status"] not in FINAL]
    for _ in range(foe.dice.randint(2, 8)):
        if len(foe.slow_jobs) < SLOW_JOBS_AT_ONCE:
            body = {"to": foe.contracts[whose]["hashes when estimated"], "data": "0x01"}
            answer = foe.post("slow estimate", client, body)
            foe.slow_jobs += [(client, answer.json()["job"]["_id"])] * (answer.status_code == 201)


# --- jobs that never end, and nonces that are never used --------------------------------------------------------------------


def fees_too_low(foe: Foe) -> None:
    _, client = foe.any_client()
    limit = foe.dice.choice(("1", str(11 * 10**9), str(12 * 10**9)))
    foe.post("fee too low", client, {"to": foe.account, "value": "0", "maxFeePerGas": limit})


def never_to_be_paid(foe: Foe) -> None:
    for client in foe.clients.values():
        for _ in range(3):
            foe.post("never paid", client, {"to": foe.account, "value": NOT_TO_BE_PAID})


def always_reverting(foe: Foe) -> None:
    _, client = foe.any_client()
    foe.post("reverts", client, {"data": "0xfe"})


def impossible_gas(foe: Foe) -> None:
    _, client = foe.any_client()
    foe.post("impossible gas", client, {"to": foe.account, "gas": "30000000"})
    array = ["1"] * foe.dice.choice((1_000, 60_000))
    call = {"function": "sum(uint256[])", "args": [array]}
    foe.post("long array", client, {"to": foe.account, "call": call})


def cancel_and_retry(foe: Foe) -> None:
    _, client = foe.any_client()
    for job in client.get("/api/v2/jobs", limit=10).json().get("data", []):
        if foe.dice.random() < 0.5:
            foe.post("cancel", client, {}, f"/api/v2/jobs/cancel/{job['_id']}")
        else:
            foe.post("retry", client, {}, f"/api/v2/jobs/retry/{job['_id']}")


# --- what belongs to others ------------------------------------------------------------------------------------------------


def read_others(foe: Foe) -> None:
    victim = foe.victim
    for client in foe.clients.values():
        for job_id in victim.job_ids[-3:]:
            for attack, answer in (
                ("read", foe.get("read others", client, f"/api/v2/jobs/{job_id}")),
                ("retry", foe.post("retry others", client, {}, f"/api/v2/jobs/retry/{job_id}")),
                ("cancel", foe.post("cancel others", client, {}, f"/api/v2/jobs/cancel/{job_id}")),
            ):
                if answer.status_code != 404:
                    foe.won.append(f"{attack} of another's job answered {answer.status_code}")
        for correlation_id in victim.correlation_ids[-3:]:
            if foe.get("read others", client, f"/api/v2/jobs/correlationId/{correlation_id}").status_code != 404:
                foe.won.append("another's job is found by its correlationId")
        for external_id in (victim.external_id, f"{victim.owner}#{victim.external_id}"):
            found = foe.get("read others", client, "/api/v2/jobs/external", externalId=external_id).json()
            if found.get("data"):
                foe.won.append(f"another's job is found by the externalId {external_id}")


def use_others(foe: Foe) -> None:
    """Mint another's token, and move what is in another's wallet, with the account that both sign with."""
    client, victim = foe.clients["shared"], foe.victim
    token, wallet = victim.token_address, victim.wallet
    orders: list[tuple[str, dict[str, Any]]] = [
        (f"{ADMIN}/tokens/mint", {"tokenAddress": token, "amount": "1", "toAddress": foe.account}),
        (f"{ADMIN}/tokens/burn", {"tokenAddress": token, "amount": "1", "from": wallet}),
        (f"{ADMIN}/tokens/transfer", {"tokenAddress": token, "amount": "1", "from": wallet, "to": foe.account}),
        ("/api/v2/jobs", {"to": token, "call": {"function": "mint(address,uint256)", "args": [foe.account, "1"]}}),
        ("/api/v2/jobs", {"to": token, "call": {"function": "transferOwnership(address)", "args": [foe.account]}}),
        ("/api/v2/jobs", {"to": wallet, "call": {"function": "transferOwnership(address)", "args": [foe.account]}}),
        (
            "/api/v2/jobs",
            {"to": wallet, "call": {"function": "execute(address,uint256,bytes)", "args": [token, "0", "0x"]}},
        ),
    ]
    for path, body in orders:
        answer = foe.post("use others", client, body, path)
        if answer.status_code < 400:
            foe.won.append(f"{path} {body} was taken: {answer.status_code}")


def strange_ids(foe: Foe) -> None:
    _, client = foe.any_client()
    for strange in ("a%20b", "a b", "a#b", "\u200b", secrets.token_hex(20)):
        body = {"to": foe.account, "correlationId": f"{strange}{foe.dice.choice(string.ascii_letters)}", "externalId": strange}
        foe.post("strange id", client, body)


ATTACKS: tuple[Callable[[Foe], None], ...] = (
    grow_a_row,
    large_round,
    large_replies,
    large_answers,
    slow_estimates,
    fees_too_low,
    never_to_be_paid,
    always_reverting,
    impossible_gas,
    cancel_and_retry,
    read_others,
    use_others,
    strange_ids,
)
