"""What one issuer asks for reaches no other issuer, ends with a sign, and stops nobody: on the tables as they are deployed."""

import secrets
from dataclasses import replace

from chalicelib.jobs.model import Job, Status
from tests.stack.client import Client
from tests.stack.issuers import new_address, new_phone_number
from tests.stack.scene import Scene

REVERTS_WHEN_PAID_FOR = "0x6009600c60003960096000f33a600557005b5f5ffd"
"""A contract that succeeds at a gas price of 0, as in an estimate, and reverts at any other."""


def test_an_issuer_never_sees_the_job_of_another_whose_name_goes_on_where_its_own_ends(scene: Scene) -> None:
    name, issuer = secrets.token_hex(4), scene.issuer()
    theirs = scene.token(sub=f"{name}#eu", accountAddress=issuer.account.address)
    mine = scene.token(sub=name, accountAddress=issuer.account.address)
    job = scene.ask("POST", "jobs", theirs, {**issuer.body, "externalId": "invoice-7"}, status=201)["job"]

    assert scene.ask("GET", "jobs/external?externalId=eu%23invoice-7", mine) == {"data": []}
    found = scene.ask("GET", "jobs/external?externalId=invoice-7", theirs)["data"]
    assert [one["_id"] for one in found] == [job["_id"]]


def test_a_hundred_and_thirty_jobs_with_one_external_id_are_two_pages(scene: Scene) -> None:
    issuer, external_id = scene.issuer(), secrets.token_hex(8)
    issued = {scene.pending(issuer, external_id=external_id).job_id for _ in range(130)}

    first = scene.ask("GET", f"jobs/external?externalId={external_id}", issuer.token)
    second = scene.ask("GET", f"jobs/external?externalId={external_id}&cursor={first['nextCursor']}", issuer.token)

    assert [len(page["data"]) for page in (first, second)] == [100, 30]
    assert {job["_id"] for page in (first, second) for job in page["data"]} == issued
    assert "nextCursor" not in second


def test_a_wallet_is_found_behind_a_hundred_jobs_that_made_none(scene: Scene) -> None:
    issuer, number, wallet = scene.issuer(), new_phone_number(), new_address()
    body = {"phoneNumber": number}
    first = scene.ask("POST", "admin/wallets/create", issuer.token, body, status=201)["job"]
    mined = scene.jobs.get(first["_id"])
    assert mined is not None
    mined = scene.jobs.save(replace(mined, result={"walletAddress": wallet, "blockNumber": 1}))
    for seconds in range(1, 102):
        scene.jobs.issue(_again(mined, seconds))

    found = scene.ask("GET", f"admin/wallets/{number.replace('+', '%2B')}", issuer.token)["data"]

    assert found["walletAddress"] == wallet


def _again(job: Job, number: int) -> Job:
    """The same wish once more, later, and not mined."""
    return replace(job, job_id=f"{number:03x}{job.job_id[3:]}", result={}, version=1, created_at=job.updated_at)


def test_a_large_job_may_be_retried_again_and_again_and_its_account_goes_on(issuer: Client, env: dict[str, str]) -> None:
    deployed = issuer.await_job(issuer.issue(data=REVERTS_WHEN_PAID_FOR)["_id"])
    large = issuer.issue(to=deployed["data"]["contractAddress"], data="0x" + "ab" * 65_536)["_id"]
    for _ in range(8):
        assert issuer.await_job(large)["failCode"] == "TransactionReverted"
        assert issuer.post(f"/api/v2/jobs/retry/{large}").status_code == 200
    assert issuer.await_job(large)["failCount"] == 9

    other = issuer.await_job(issuer.issue(to=env["ISSUER_ACCOUNT"], value="1")["_id"])

    assert other["status"] == Status.SUCCEEDED
