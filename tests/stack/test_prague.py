"""A chain with the Prague fork: another account's transaction may use up nonces of ours (EIP-7702)."""

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from web3 import Web3

from chalicelib.jobs.model import account_id
from chalicelib.store.accounts import DynamoAccountStore
from stack.machine import anvil
from stack.machine.local import LocalStack, Options
from stack.machine.processes import Process, chosen_port, clean_environment
from tests.stack.client import Client, aws, chain_of, wait_for
from tests.stack.issuers import new_address

DELEGATE = "0x00000000000000000000000000000000000000Fe"
GWEI = 10**9


@pytest.fixture(scope="module")
def prague(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    directory = tmp_path_factory.mktemp("prague")
    process, port = Process("prague", directory), chosen_port("PRAGUE_PORT", None)
    words = ("--host", "127.0.0.1", "--port", port, "--chain-id", anvil.CHAIN_ID, "--block-time", anvil.BLOCK_SECONDS)
    command = [anvil.binary(), *words, "--hardfork", "prague", "--gas-limit", anvil.GAS_LIMIT, "--silent"]
    process.start([str(word) for word in command], clean_environment({"TMPDIR": str(directory), "HOME": str(directory)}))
    url = f"http://127.0.0.1:{port}"
    try:
        process.wait_ready(lambda: anvil.answers(url))
        options = Options(
            rpc_url=url,
            funder_key=anvil.FUNDER_KEY,
            fund_amount="100",
            parameters={"BlockSeconds": str(anvil.BLOCK_SECONDS)},
        )
        with LocalStack(directory / "stack", options) as running:
            yield running
    finally:
        process.stop()


def key_of(env: dict[str, str], address: str) -> LocalAccount:
    """The account with its key, as another program that may read the secret has it."""
    row = DynamoAccountStore(aws(env, "dynamodb"), env["ACCOUNTS_TABLE"]).get(account_id(anvil.CHAIN_ID, address))
    assert row is not None
    secret = aws(env, "secretsmanager").get_secret_value(SecretId=row.key.removeprefix("secret:"))["SecretString"]
    account: LocalAccount = Account.from_key(secret)
    assert account.address == address
    return account


def sponsored(chain: Web3, account: LocalAccount, nonces: list[int]) -> bytes:
    """Another account's transaction, dearer than any other, that carries authorizations of `account` at these nonces."""
    sponsor: LocalAccount = Account.create()
    chain.provider.make_request("anvil_setBalance", [sponsor.address, hex(10**19)])  # type: ignore[arg-type]
    authorizations = [
        account.sign_authorization({"chainId": anvil.CHAIN_ID, "address": DELEGATE, "nonce": nonce}) for nonce in nonces
    ]
    transaction: dict[str, Any] = {
        "chainId": anvil.CHAIN_ID,
        "nonce": 0,
        "to": sponsor.address,
        "value": 0,
        "gas": 500_000,
        "maxFeePerGas": 1_000 * GWEI,
        "maxPriorityFeePerGas": 500 * GWEI,
        "authorizationList": authorizations,
    }
    return bytes(sponsor.sign_transaction(transaction).raw_transaction)


def test_jobs_whose_nonces_authorizations_have_used_are_signed_anew_and_happen_once(prague: LocalStack) -> None:
    env = prague.env
    chain, client, receiver = chain_of(env), Client(env, env["OTHER_ISSUER_TOKEN"]), new_address()

    def node(method: str, *params: Any) -> Any:
        answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer
        return answer["result"]

    node("evm_setIntervalMining", 0)
    job_ids = [client.issue(to=receiver, value="1")["_id"] for _ in range(2)]
    jobs = [client.await_job(job_id, {"started"}) for job_id in job_ids]
    attempts = [job["attempts"][-1] for job in jobs]
    hashes = [attempt["transactions"][-1]["hash"] for attempt in attempts]
    for hash_ in hashes:
        wait_for("the broadcast", lambda hash_=hash_: node("eth_getTransactionByHash", hash_))  # type: ignore[misc]
    for hash_ in reversed(hashes):  # the pool drops what comes after a transaction along with it
        node("anvil_dropTransaction", hash_)
    key = key_of(env, env["OTHER_ISSUER_ACCOUNT"])
    chain.eth.send_raw_transaction(sponsored(chain, key, [attempt["nonce"] for attempt in attempts]))
    node("evm_mine")
    node("evm_setIntervalMining", anvil.BLOCK_SECONDS)
    for job_id in job_ids:
        job = client.await_job(job_id)
        assert job["status"] == "succeeded", job
        assert [attempt["outcome"] for attempt in job["attempts"]] == ["displaced", "confirmed"]
    assert chain.eth.get_balance(Web3.to_checksum_address(receiver)) == 2
