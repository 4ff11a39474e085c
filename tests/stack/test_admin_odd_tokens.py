"""ERC-20 tokens that are odd, over HTTP: a job counts as done only when the token itself tells that the amount has moved."""

import json
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract

from stack import paths, tools
from stack.machine.local import LocalStack
from stack.progress import silent
from tests.stack.client import Client
from tests.stack.issuers import ADMIN, Issuer, new_address, new_issuer, new_phone_number

NAME = "\u0645\u06cc\u200c\u062e"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("contracts")
    tools.run("Compiling the tests' contracts", [*tools.node(silent).node, paths.CONTRACTS / "compile.js", "test", directory])
    return directory


@pytest.fixture(scope="module")
def holder(stack: LocalStack, admin: Client) -> Issuer:
    return new_issuer(stack, admin, "odd tokens")


@pytest.fixture(scope="module")
def wallet(holder: Issuer) -> str:
    return holder.new_wallet(new_phone_number())


def deployed(holder: Issuer, chain: Web3, compiled: Path, name: str, *arguments: Any) -> Contract:
    artifact = json.loads((compiled / f"{name}.json").read_text())
    made = chain.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"]).constructor(*arguments)
    job = holder.client.await_job(holder.client.issue(data=made.data_in_transaction)["_id"])
    return chain.eth.contract(address=job["data"]["contractAddress"], abi=artifact["abi"])


def refused(holder: Issuer, path: str, **body: Any) -> str:
    answer = holder.client.post(f"{ADMIN}/tokens/{path}", body)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["code"])


def test_a_token_that_accepts_any_call_is_refused_where_its_code_shows_it(holder: Issuer, chain: Web3, compiled: Path) -> None:
    token = {"tokenAddress": deployed(holder, chain, compiled, "AcceptsAnything").address}
    holder.done([holder.client.issue(to=token["tokenAddress"], value="1000")])
    assert refused(holder, "mint", **token, amount="1") == "TransferNotMade"
    assert refused(holder, "burn", **token, amount="0.000000000000000001") == "TransferNotMade"


def test_a_job_whose_token_did_nothing_fails_though_its_transaction_passed(holder: Issuer, chain: Web3, compiled: Path) -> None:
    behind = deployed(holder, chain, compiled, "AcceptsAnything").address
    token = deployed(holder, chain, compiled, "Hidden", behind)
    job = holder.client.await_job(holder.order("tokens/mint", tokenAddress=token.address, amount="1")["_id"])
    assert (job["status"], job["failCode"]) == ("failed", "TransferNotMade"), job
    assert token.address in job["failReason"]
    assert (job["data"]["transactionBody"]["status"], job["attempts"][0]["outcome"]) == ("confirmed", "confirmed")
    again = holder.client.post(f"/api/v2/jobs/retry/{job['_id']}")
    assert again.status_code == 200, again.text
    assert holder.client.await_job(job["_id"])["failCount"] == 2


def test_a_transfer_that_returns_false_is_refused(holder: Issuer, wallet: str, chain: Web3, compiled: Path) -> None:
    token = {"tokenAddress": deployed(holder, chain, compiled, "ReturnsFalse").address}
    holder.done([holder.order("tokens/mint", **token, amount="5", toAddress=wallet)])
    assert refused(holder, "transfer", **token, amount="1", **{"from": wallet}, to=new_address()) == "TransferNotMade"


def test_a_token_that_takes_a_fee_tells_what_arrived(holder: Issuer, wallet: str, chain: Web3, compiled: Path) -> None:
    token = deployed(holder, chain, compiled, "TakesAFee")
    receiver = new_address()
    asked = {"tokenAddress": token.address}
    (minted,) = holder.done([holder.order("tokens/mint", **asked, amount="5", toAddress=wallet)])
    assert "amountReceived" not in minted["data"]
    (moved,) = holder.done([holder.order("tokens/transfer", **asked, amount="2", **{"from": wallet}, to=receiver)])
    assert (moved["data"]["amount"], moved["data"]["amountReceived"]) == (str(2 * 10**18), str(18 * 10**17))
    assert token.functions.balanceOf(receiver).call() == 18 * 10**17


def test_a_token_without_decimals_is_counted_in_its_smallest_units_and_named_as_on_chain(
    holder: Issuer, chain: Web3, compiled: Path
) -> None:
    token = deployed(holder, chain, compiled, "NoDecimals")
    found = holder.find(f"tokens/{token.address}")
    assert (found["name"], found["decimalsMissing"], "decimals" in found) == (NAME, True, False)
    (job,) = holder.done([holder.order("tokens/mint", tokenAddress=token.address, amount="7")])
    assert (job["data"]["amount"], job["data"]["decimalsMissing"]) == ("7", True)
    assert token.functions.balanceOf(holder.account).call() == 7
    assert refused(holder, "mint", tokenAddress=token.address, amount="0.5") == "InvalidRequest"


def test_a_name_that_was_asked_for_is_the_name_on_chain_and_in_every_answer(holder: Issuer, chain: Web3) -> None:
    (job,) = holder.done([holder.order("tokens/create", name=NAME, symbol="NAIL")])
    address = job["data"]["tokenAddress"]
    (listed,) = [one for one in holder.find(f"tokens/owner/{holder.account}") if one["tokenAddress"] == address]
    names = {job["data"]["name"], listed["name"], holder.find(f"tokens/{address}")["name"]}
    assert names == {NAME}
