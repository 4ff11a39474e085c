"""Amounts by the token's own decimals, exact at any size; and what becomes of a job whose outcome was open when it came."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.contract import Contract

from stack import paths, tools
from stack.machine.local import LocalStack
from stack.progress import silent
from tests.stack.client import Client, contract_at
from tests.stack.issuers import ADMIN, Issuer, in_wei, new_address, new_issuer, new_phone_number

MAX_UINT256 = 2**256 - 1
LARGEST = "115792089237316195423570985008687907853269984665640564039457.584007913129639935"


@pytest.fixture(scope="module")
def issuer_of_six(stack: LocalStack, admin: Client) -> Issuer:
    return new_issuer(stack, admin, "amounts")


@pytest.fixture(scope="module")
def six(issuer_of_six: Issuer, chain: Web3, tmp_path_factory: pytest.TempPathFactory) -> Contract:
    """A token of 6 decimals that the service did not make, deployed by a job and so owned by the account."""
    directory = tmp_path_factory.mktemp("contracts")
    compiler = [*tools.node(silent).node, paths.CONTRACTS / "compile.js", "test", directory]
    tools.run("Compiling the tests' contracts", compiler)
    artifact: dict[str, Any] = json.loads(Path(directory / "SixDecimals.json").read_text())
    job = issuer_of_six.client.await_job(issuer_of_six.client.issue(data=artifact["bytecode"])["_id"])
    return chain.eth.contract(address=job["data"]["contractAddress"], abi=artifact["abi"])


def test_a_token_of_six_decimals_is_counted_in_millionths(six: Contract, issuer_of_six: Issuer) -> None:
    issuer, receiver = issuer_of_six, new_address()
    wallet = issuer.new_wallet(new_phone_number())
    token = {"tokenAddress": six.address}
    jobs = [
        issuer.order("tokens/mint", **token, amount="1234567.654321", toAddress=wallet),
        issuer.order("tokens/mint", **token, amount="2.5"),
        issuer.order("tokens/transfer", **token, amount="0.000001", **{"from": wallet}, to=receiver),
        issuer.order("tokens/burn", **token, amount="1000000", **{"from": wallet}),
        issuer.order("tokens/burn", **token, amount="0.500000"),
    ]
    assert [job["data"]["amount"] for job in issuer.done(jobs)] == ["1234567654321", "2500000", "1", "1000000000000", "500000"]
    balances = [six.functions.balanceOf(holder).call() for holder in (wallet, receiver, issuer.account)]
    assert balances == [in_wei("234567.654320", 6), 1, in_wei("2", 6)]
    answer = issuer.client.post(f"{ADMIN}/tokens/mint", {**token, "amount": "0.0000001"})
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidRequest")
    assert "6 decimals" in answer.json()["error"]
    found = issuer.find(f"tokens/{six.address}")
    assert (found["decimals"], found["totalSupply"], found["owner"]) == (6, str(in_wei("234569.654321", 6)), issuer.account)


def test_the_largest_amount_there_is_stays_exact(issuer_of_six: Issuer, chain: Web3) -> None:
    issuer, receiver = issuer_of_six, new_address()
    assert in_wei(LARGEST) == MAX_UINT256
    wallet = issuer.new_wallet(new_phone_number())
    token = contract_at(chain, "CommunityToken", issuer.new_token(initialSupply=LARGEST))
    assert token.functions.totalSupply().call() == MAX_UINT256
    assert issuer.find(f"tokens/{token.address}")["totalSupply"] == str(MAX_UINT256)
    asked = {"tokenAddress": token.address}
    burned = issuer.order("tokens/burn", **asked, amount=LARGEST)
    minted = issuer.order("tokens/mint", **asked, amount=LARGEST, toAddress=wallet)
    moved = issuer.order("tokens/transfer", **asked, amount=LARGEST, **{"from": wallet}, to=receiver)
    assert {job["data"]["amount"] for job in issuer.done([burned, minted, moved])} == {str(MAX_UINT256)}
    assert token.functions.balanceOf(receiver).call() == token.functions.totalSupply().call() == MAX_UINT256


@pytest.fixture
def node(chain: Web3) -> Iterator[Callable[..., Any]]:
    """anvil's own methods; afterwards it mines as before."""

    def ask(method: str, *params: Any) -> Any:
        answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    yield ask
    ask("evm_setIntervalMining", 1)


def test_what_an_open_job_may_still_change_is_taken_and_the_chain_decides(
    issuer_of_six: Issuer, stack: LocalStack, node: Callable[..., Any]
) -> None:
    """The same burn is refused when nothing is open, and taken behind a mint that is on its way, whatever comes of it: of two
    that are estimated together, each for itself, the second reverts on chain; estimated after the first, it is not even signed.
    """
    issuer = issuer_of_six
    token = {"tokenAddress": issuer.new_token()}
    refused = issuer.client.post(f"{ADMIN}/tokens/burn", {**token, "amount": "3"})
    assert (refused.status_code, refused.json()["code"]) == (400, "BalanceTooLow")
    node("evm_setIntervalMining", 0)
    mint = issuer.order("tokens/mint", **token, amount="3")
    enough, too_much = (issuer.order("tokens/burn", **token, amount="3") for _ in range(2))
    node("evm_setIntervalMining", 1)
    issuer.done([mint, enough])
    failed = issuer.client.await_job(too_much["_id"])
    reverted = {"EstimateReverted": [], "TransactionReverted": ["reverted"]}
    assert failed["status"] == "failed"
    assert [attempt["outcome"] for attempt in failed["attempts"]] == reverted[failed["failCode"]]
    assert "ERC20InsufficientBalance" in failed["failReason"]


def test_a_replay_is_answered_by_the_job_and_not_by_what_the_chain_says_now(issuer_of_six: Issuer) -> None:
    """The burn took the balance: asked again, it is the same job, not a balance that is too low."""
    issuer = issuer_of_six
    token = issuer.new_token(initialSupply="4")
    body = {"tokenAddress": token, "amount": "4", "correlationId": f"burn {token}"}
    (burned,) = issuer.done([issuer.order("tokens/burn", **body)])
    again = issuer.client.post(f"{ADMIN}/tokens/burn", {**body, "tokenAddress": token.lower(), "amount": "4.0"})
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json()["job"]["_id"] == burned["_id"]
    other = issuer.client.post(f"{ADMIN}/tokens/burn", {**body, "amount": "3"})
    assert (other.status_code, other.json()["code"]) == (409, "CorrelationIdReused")
