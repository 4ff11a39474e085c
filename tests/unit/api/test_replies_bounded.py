"""Replies end by bytes as well as by count, and say where they go on: a Lambda function answers 6 MB at most."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.bounds import Bounds
from chalicelib.jobs.model import Account, Status
from chalicelib.settings import settings_from
from tests.unit.api.harness import CHAIN_ID, ISSUER, NOW, Api, a_job, environment, new_api

LAMBDA_BYTES = 6 * 1024 * 1024
LONG_IDS = ["\U0001f600" * 255 + chr(0x1F600 + number) for number in range(100)]
"""What earlier versions took: a hundred ids of 256 characters, which JSON writes with twelve bytes each."""
JOBS = 60


def lambdas_bytes(text: str) -> int:
    """Of an answer, as Lambda counts it: the reply is a string in another JSON document."""
    return len(json.dumps({"statusCode": 200, "body": text}))


@pytest.fixture
def filled(api: Api) -> Api:
    for number in range(JOBS):
        closed: dict[str, Any] = {"status": Status.FAILED, "last_finished_at": NOW}
        job = a_job(job_id=f"{number:024x}", data={"spendabilityIdsArr": LONG_IDS}, external_id="e", **closed)
        api.jobs.rows[job.job_id] = job
    return api


@pytest.mark.parametrize("path", ["jobs?limit=100", "jobs/external?externalId=e", "jobs/retry?status=failed&limit=100"])
def test_a_list_of_large_jobs_is_several_replies_that_hold_each_job_once(filled: Api, path: str) -> None:
    seen: list[str] = []
    cursor, replies = "", 0
    while replies == 0 or cursor:
        answer = filled.get(f"/api/v2/{path}{cursor and f'&cursor={cursor}'}", token=filled.admin_token())
        assert answer.status == 200, answer.text
        assert lambdas_bytes(answer.text) < LAMBDA_BYTES
        seen += [job["_id"] for job in answer.body["data"]]
        cursor, replies = answer.body.get("nextCursor", ""), replies + 1
    assert sorted(seen) == sorted(filled.jobs.rows)
    assert 1 < replies < 10


def test_of_jobs_retried_by_id_those_that_the_reply_does_not_hold_are_left_as_they_are(filled: Api) -> None:
    job_ids = sorted(filled.jobs.rows)

    answer = filled.post("/api/v2/jobs/retry", job_ids)

    assert (answer.status, answer.body["size"]) == (200, JOBS)
    assert lambdas_bytes(answer.text) < LAMBDA_BYTES
    refused = [entry["_id"] for entry in answer.body["data"] if entry.get("code") == "ReplyFull"]
    assert 0 < len(refused) < JOBS
    for job_id in job_ids:
        assert filled.jobs.rows[job_id].status is (Status.FAILED if job_id in refused else Status.PENDING)


def test_one_job_larger_than_a_page_is_still_shown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(api.settings), "bounds", Bounds(page_bytes=10))
    job_id = api.issued()

    answer = api.get("/api/v2/jobs")

    assert [job["_id"] for job in answer.body["data"]] == [job_id]
    assert "nextCursor" not in answer.body


def test_more_than_a_hundred_jobs_with_one_external_id_come_page_after_page(api: Api) -> None:
    issued = {api.issued({"to": ISSUER, "externalId": "e"}) for _ in range(130)}

    first = api.get("/api/v2/jobs/external?externalId=e").body
    second = api.get(f"/api/v2/jobs/external?externalId=e&cursor={first['nextCursor']}").body

    assert [len(page["data"]) for page in (first, second)] == [100, 30]
    assert {job["_id"] for page in (first, second) for job in page["data"]} == issued
    assert "nextCursor" not in second
    other = api.get(f"/api/v2/jobs/external?externalId=f&cursor={first['nextCursor']}")
    assert (other.status, other.body["code"]) == (400, "InvalidCursor")


def test_the_accounts_come_page_after_page_where_one_reply_does_not_hold_them(api: Api) -> None:
    for number in range(3_000):
        address = f"0x{number:040x}"
        api.accounts.put(Account(CHAIN_ID, address, f"kms:{number}", role="pool", description="\U0001f600" * 256))

    seen: list[str] = []
    cursor, replies = "", 0
    while replies == 0 or cursor:
        answer = api.get(f"/api/v2/accounts{cursor and f'?cursor={cursor}'}", token=api.admin_token())
        assert lambdas_bytes(answer.text) < LAMBDA_BYTES
        seen += [account["accountAddress"] for account in answer.body["accounts"]]
        cursor, replies = answer.body.get("nextCursor", ""), replies + 1
    assert sorted(seen) == sorted(account.address for account in api.accounts.rows.values())
    assert replies > 1


@pytest.mark.parametrize(
    ("ids", "status"),
    [
        (["é" * 40] * 1, 201),
        ([f"{n:02}{'é' * 38}" for n in range(100)], 201),
        ([f"{n:02}{'é' * 254}" for n in range(100)], 400),
    ],
)
def test_the_ids_of_what_a_token_may_be_spent_on_are_bounded_together(api: Api, ids: list[str], status: int) -> None:
    body = {"name": "Wind", "symbol": "W", "spendabilityIds": ",".join(ids)}

    answer = api.post("/api/v2/admin/tokens/create", body, token=api.community_token())

    assert answer.status == status, answer.text
    if status == 400:
        assert answer.body["details"][0]["field"] == "spendabilityIds"
        assert "8,000 bytes" in answer.body["error"]
        assert api.untouched


# --- bounds of one issuer and one job, over HTTP -----------------------------------------------------------------------


def test_an_issuer_at_its_limit_of_open_jobs_is_told_so_and_when_to_go_on() -> None:
    api = replace(new_api(), settings=settings_from(environment() | {"OPEN_JOBS_OF_OWNER": "2"}))
    first = api.issued({"to": ISSUER, "correlationId": "c"})
    api.issued()
    for job_id in list(api.jobs.rows):
        api.change(job_id, next_check_at=NOW)

    for refused in (
        api.issue(),
        api.post("/api/v2/admin/wallets/create", {"phoneNumber": "+12025550123"}, token=api.community_token()),
    ):
        assert (refused.status, refused.body["code"]) == (429, "TooManyOpenJobs")
        assert int(refused.headers["Retry-After"]) > 0
    assert len(api.jobs.rows) == 2
    again = api.issue({"to": ISSUER, "correlationId": "c"})
    assert (again.status, again.body["job"]["_id"]) == (200, first)


def test_a_job_that_has_grown_too_large_is_refused_a_retry(api: Api) -> None:
    job_id = api.failed(data={"note": "x" * 310_000})

    answer = api.post(f"/api/v2/jobs/retry/{job_id}")

    assert (answer.status, answer.body["code"]) == (409, "JobTooLarge")
    assert "300,000" in answer.body["error"]
    assert api.jobs.rows[job_id].status is Status.FAILED


def test_a_mined_wallet_is_found_behind_any_number_of_jobs_that_are_not(api: Api) -> None:
    number, wallet = "+972501234567", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
    token = api.community_token()
    ids = [
        api.post("/api/v2/admin/wallets/create", {"phoneNumber": number}, token=token).body["job"]["_id"] for _ in range(102)
    ]
    api.change(ids[0], result={"walletAddress": wallet, "blockNumber": 7})

    for path in (f"{number.replace('+', '%2B')}", f"all/{number.replace('+', '%2B')}"):
        found = api.get(f"/api/v2/admin/wallets/{path}", token=token)
        assert found.status == 200, found.text
        assert wallet in found.text
