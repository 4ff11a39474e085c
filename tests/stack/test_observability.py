"""What the functions of a running stack wrote: each transition once, the agreed metrics, and nothing that nobody may read."""

import base64
import json
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from web3 import Web3
from web3.contract import Contract

from chalicelib.metrics import Metric
from stack.machine.anvil import FUNDER_KEY
from stack.machine.local import LocalStack
from stack.operation import logs
from tests.stack.client import Client, aws, wait_for
from tests.stack.issuers import ADMIN, COIN, Issuer, new_issuer, new_phone_number

COINS = 10
SHORTEST_SECRET = 11
"""Characters; what is shorter would be found by chance."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An issuer's jobs, all final, and what was used for them that nobody may read."""

    issuer: Issuer
    jobs: dict[str, dict[str, Any]]
    shown_once: list[str]
    """Tokens and phone numbers that were sent, the wrong ones, too."""


def asks(chain: Web3, method: str, *params: Any) -> None:
    answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
    assert "error" not in answer, answer


@pytest.fixture(scope="module")
def scene(stack: LocalStack, env: dict[str, str], admin: Client, sink: Contract, chain: Web3) -> Scene:
    issuer = new_issuer(stack, admin, "observed", COINS)
    client, number = issuer.client, new_phone_number()

    def call(function: str, *args: Any, **more: Any) -> str:
        body = {"to": sink.address, "call": {"function": function, "args": list(args)}, **more}
        return str(client.issue(**body, correlationId=f"observed {secrets.token_hex(8)}")["_id"])

    hits = iter(["0x" + secrets.token_hex(32) for _ in range(9)])
    ids = {"succeeds": call("hit(bytes32)", next(hits)), "reverts": call("revertWhenMined(bytes32)", next(hits), gas="200000")}
    ids["cannot be estimated"] = call("revertWithText(string)", "out of stock")
    ids["wallet"] = issuer.order("wallets/create", phoneNumber=number)["_id"]
    for id_ in ids.values():
        client.await_job(id_)
    assert client.post(f"/api/v2/jobs/retry/{ids['reverts']}").status_code == 200
    client.await_job(ids["reverts"])
    asks(chain, "evm_setIntervalMining", 0)
    try:
        ids["cancelled"] = call("hit(bytes32)", next(hits))
        client.await_job(ids["cancelled"], {"started"})
        assert client.post(f"/api/v2/jobs/cancel/{ids['cancelled']}").status_code == 200
    finally:
        asks(chain, "evm_setIntervalMining", 1)
    jobs = {name: client.await_job(id_) for name, id_ in ids.items()}
    return Scene(issuer, jobs, [issuer.token, number[1:], *refused(env, client, sink)])


def refused(env: dict[str, str], client: Client, sink: Contract) -> list[str]:
    """Requests that are not taken, and the secrets that were in them."""
    foreign = jwt.encode({"accountAddress": sink.address, "exp": 2**31}, secrets.token_hex(32), algorithm="HS256")
    number, key = new_phone_number(), "0x" + secrets.token_hex(32)
    for token in (foreign, env["ADMIN_TOKEN"] + "x", key):
        assert Client(env, token).get("/api/v2/jobs").status_code == 401
    for body in ({"to": sink.address, "privateKey": key}, {"to": key, "data": "0x" + secrets.token_hex(400)}):
        assert client.post("/api/v2/jobs", body).status_code == 400
    assert client.post(f"{ADMIN}/wallets/create", {"phoneNumber": number + "x"}).status_code == 400
    assert client.get(f"{ADMIN}/wallets/{number}").status_code == 404
    assert client.post(f"{ADMIN}/tokens/mint", {"tokenAddress": key, "amount": "1"}).status_code == 400
    return [foreign, number[1:], key.removeprefix("0x")]


@pytest.fixture(scope="module")
def lines(scene: Scene, stack: LocalStack, env: dict[str, str]) -> list[str]:
    """Everything that the functions have written so far, once the scene's ends and a minute's gauges are among it."""
    functions = aws(env, "lambda").list_functions()["Functions"]
    ours = f"{env['STACK_NAME']}-ReconcileJobs-"
    (reconcile,) = (one["FunctionName"] for one in functions if one["FunctionName"].startswith(ours))
    by_hand = aws(env, "lambda").invoke(FunctionName=reconcile, Payload=b"{}")
    assert "FunctionError" not in by_hand, by_hand["Payload"].read()

    def written() -> list[str] | None:
        found = [line.split(maxsplit=1)[-1] for line in logs.lines(stack.client, env["STACK_NAME"])]
        ends = sum(line["message"] in ("succeeded", "failed", "cancelled") for line in transitions(found, scene))
        paid = any(scene.issuer.account in document and '"AccountBalance"' in document for document in found)
        return found if paid and ends == len(scene.jobs) + 1 else None  # one of them was retried

    return wait_for("the scene's lines in the logs", written)


def transitions(lines: list[str], scene: Scene) -> Iterator[dict[str, Any]]:
    ids = {job["_id"] for job in scene.jobs.values()}
    for line in lines:
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("jobId") in ids and ".telemetry.transitions:" in told["location"]:
            yield told


def documents(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines if line.startswith('{"_aws"')]


def series(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, str], list[float]]]:
    """(metric, dimensions, values) of a document, as CloudWatch keeps them."""
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "JobsApi"
    for metric in directive["Metrics"]:
        for names in directive["Dimensions"]:
            yield metric["Name"], {name: document[name] for name in names}, document[metric["Name"]]


def test_each_transition_of_each_job_is_one_line(scene: Scene, lines: list[str]) -> None:
    told = list(transitions(lines, scene))
    for name, job in scene.jobs.items():
        assert [line["message"] for line in told if line["jobId"] == job["_id"]] == [e["event"] for e in job["history"]], name
    for line in told:
        assert {"account", "attempt", "status", "name", "timestamp", "level", "service"} <= set(line), line
        assert line["account"] == scene.issuer.account
    happened = {name: [event["event"] for event in job["history"]] for name, job in scene.jobs.items()}
    assert happened["succeeds"] == ["issued", "signed", "succeeded"]
    assert happened["reverts"] == ["issued", "signed", "failed", "retried", "signed", "failed"]
    assert "cancelSigned" in happened["cancelled"]
    ends = {line["jobId"]: line for line in told if line["message"] in ("succeeded", "cancelled")}
    for name in ("succeeds", "cancelled", "wallet"):
        assert ends[scene.jobs[name]["_id"]]["txHash"] == scene.jobs[name]["data"]["txHash"]


def test_the_metrics_carry_the_agreed_names_and_no_others(scene: Scene, lines: list[str], env: dict[str, str]) -> None:
    found = [one for document in documents(lines) for one in series(document)]
    agreed = {(metric.name, frozenset({"stack", *names})) for metric in Metric for names in metric.value.series}
    kept = {(name, frozenset(dimensions)) for name, dimensions, _ in found}
    assert kept <= agreed
    not_here = {"Replacements", "DeadLetters", "RpcErrors", "RpcDown"}  # nothing is stuck, and nothing fails
    assert {name for name, _ in agreed - kept} <= not_here
    assert {dimensions["stack"] for _, dimensions, _ in found} == {env["STACK_NAME"]}
    assert {dimensions["name"] for _, dimensions, _ in found if "name" in dimensions} <= {
        *("transaction", "createToken", "mint", "burn", "adminTransfer", "createWallet")
    }


def test_the_fees_that_were_told_are_those_that_the_account_has_paid(scene: Scene, lines: list[str], chain: Web3) -> None:
    account = Web3.to_checksum_address(scene.issuer.account)
    told: Counter[str] = Counter()
    balances: list[float] = []
    for document in documents(lines):
        for name, dimensions, values in series(document):
            if dimensions.get("account") == account:
                told[name] += sum(values)  # type: ignore[assignment]
                balances += values if name == "AccountBalance" else []
    left = chain.eth.get_balance(account) / COIN
    assert told["FeeSpent"] == pytest.approx(COINS - left)
    assert balances[-1] == pytest.approx(left)


def test_no_secret_is_in_a_line(scene: Scene, lines: list[str], env: dict[str, str]) -> None:
    """Of all that any test of this run has used, as far as the stack still knows it."""
    manager, dynamodb = aws(env, "secretsmanager"), aws(env, "dynamodb")
    names = [secret["Name"] for page in manager.get_paginator("list_secrets").paginate() for secret in page["SecretList"]]
    values = [manager.get_secret_value(SecretId=name)["SecretString"] for name in names]
    assert env["JWT_SECRET"] in values
    assert len([name for name in names if "/accounts/" in name]) >= 1, "private keys are among them"
    tokens = [value for name, value in env.items() if name.endswith("_TOKEN")]
    rows = [row for page in dynamodb.get_paginator("scan").paginate(TableName=env["JOBS_TABLE"]) for row in page["Items"]]
    raws = [raw for row in rows for raw in bytes_in(row.get("attempts")) if len(raw) > 100]
    assert len(raws) >= len(scene.jobs) - 1
    forbidden = [*values, *tokens, *scene.shown_once, FUNDER_KEY.removeprefix("0x")]
    forbidden += [value.removeprefix("0x") for value in values]
    forbidden += [form for raw in raws for form in (raw.hex(), base64.b64encode(raw).decode(), repr(raw)[2:-1])]
    numbers = [row["data"]["M"]["phoneNumber"]["S"] for row in rows if "phoneNumber" in row.get("data", {}).get("M", {})]
    assert len(numbers) >= 1
    forbidden += [number.lstrip("+") for number in numbers]
    text = "\n".join(lines)
    assert scene.issuer.account in text, "or nothing was looked at"
    assert min(map(len, forbidden)) >= SHORTEST_SECRET
    assert [secret[:4] + "…" for secret in forbidden if secret in text] == []


def bytes_in(value: Any) -> Iterator[bytes]:
    """Every binary attribute, however deep."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from bytes_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from bytes_in(one)
