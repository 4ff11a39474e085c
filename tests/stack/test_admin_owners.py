"""Whose wallets, numbers, tokens and accounts they are, over HTTP: what one issuer has, no other sees or moves."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
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


# --- what the function that serves all this may do itself ---------------------------------------------------------------


@pytest.fixture(scope="module")
def as_the_api(env: dict[str, str]) -> Callable[[str], Any]:
    """Clients with the rights of the API's function, and no others."""
    functions = aws(env, "lambda").list_functions()["Functions"]
    (role,) = (one["Role"] for one in functions if one["FunctionName"].startswith(f"{env['STACK_NAME']}-APIHandler-"))
    keys = aws(env, "sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]

    def client(service: str) -> Any:
        import boto3  # noqa: PLC0415 -- with other credentials than every other client here

        return boto3.client(
            service,
            endpoint_url=env["AWS_ENDPOINT_URL"],
            region_name=env["AWS_REGION"],
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    return client


def tag(stack: str) -> list[dict[str, str]]:
    return [{"TagKey": "jobs-api:stack", "TagValue": stack}]


def new_key(client: Any, **more: Any) -> str:
    return str(client.create_key(KeySpec="ECC_SECG_P256K1", KeyUsage="SIGN_VERIFY", **more)["KeyMetadata"]["KeyId"])


def test_the_apis_function_makes_keys_for_its_own_stack_and_no_other(
    as_the_api: Callable[[str], Any], env: dict[str, str]
) -> None:
    kms, root = as_the_api("kms"), aws(env, "kms")
    ours = new_key(kms, Tags=tag(env["STACK_NAME"]))
    assert kms.get_public_key(KeyId=ours)["KeySpec"] == "ECC_SECG_P256K1"
    theirs, nobodys = new_key(root, Tags=tag("another-stack")), new_key(root)
    # A new key looks like this one until its tag is seen everywhere, and its address is needed at once. It is a public key.
    assert kms.get_public_key(KeyId=nobodys)["KeySpec"] == "ECC_SECG_P256K1"
    refused: list[Callable[[], Any]] = [
        lambda: new_key(kms),
        lambda: new_key(kms, Tags=tag("another-stack")),
        lambda: kms.get_public_key(KeyId=theirs),
        lambda: kms.tag_resource(KeyId=theirs, Tags=tag(env["STACK_NAME"])),
        lambda: kms.tag_resource(KeyId=ours, Tags=[*tag(env["STACK_NAME"]), {"TagKey": "other", "TagValue": "x"}]),
        lambda: kms.untag_resource(KeyId=ours, TagKeys=["jobs-api:stack"]),
        lambda: kms.sign(KeyId=ours, Message=b"0" * 32, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"),
        lambda: kms.schedule_key_deletion(KeyId=ours),
        lambda: as_the_api("secretsmanager").get_secret_value(
            SecretId=f"{env['STACK_NAME']}/accounts/{env['OTHER_ISSUER_ACCOUNT']}"
        ),
        lambda: as_the_api("secretsmanager").put_secret_value(
            SecretId=f"{env['STACK_NAME']}/phone-numbers", SecretString=secrets.token_hex()
        ),
    ]
    for number, call in enumerate(refused):
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            call()
            pytest.fail(f"number {number} was allowed")
