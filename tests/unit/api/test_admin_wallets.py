"""Wallets over HTTP: one for each job, found by the number that only its issuer is shown."""

import json
from typing import Any

import pytest

from chalicelib.jobs.model import Status
from tests.unit.api.harness import ISSUER, OTHER, WALLET_FACTORY, Answer, Api

NUMBER = "+972501234567"
WALLET = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
SECOND = "0xde709f2102306220921060314715629080e2fb77"


def create(api: Api, body: dict[str, Any], **claims: Any) -> Answer:
    return api.post("/api/v2/admin/wallets/create", body, token=api.community_token(**claims))


def mined(api: Api, address: str, number: str = NUMBER, **claims: Any) -> str:
    """The id of the job that made this wallet."""
    job_id = str(create(api, {"phoneNumber": number}, **claims).body["job"]["_id"])
    api.change(job_id, result={"walletAddress": address, "blockNumber": 7}, status=Status.STARTED)
    return job_id


def get(api: Api, path: str, **claims: Any) -> Answer:
    return api.get(f"/api/v2/admin/wallets/{path}", token=api.community_token(**claims))


def test_creating_calls_the_factory_for_the_account_that_signs(api: Api) -> None:
    job = create(api, {"phoneNumber": NUMBER, "correlationId": "user-1"}).body["job"]
    assert (job["name"], job["data"]["owner"], job["data"]["phoneNumber"]) == ("createWallet", ISSUER, NUMBER)
    stored = api.jobs.rows[job["_id"]]
    assert stored.request.to == WALLET_FACTORY
    assert stored.request.data == f"createWallet {ISSUER} {job['data']['salt'][2:]}".encode()


def test_twice_under_one_correlation_id_is_one_wallet(api: Api) -> None:
    body = {"phoneNumber": NUMBER, "correlationId": "user-1"}
    first, again = create(api, body), create(api, body)
    assert (first.status, again.status) == (201, 200)
    assert first.body["job"]["_id"] == again.body["job"]["_id"]
    assert create(api, {**body, "phoneNumber": "+14155550123"}).status == 409


def test_each_correlation_id_and_each_issuer_has_a_wallet_of_its_own(api: Api) -> None:
    salts = [
        create(api, {"phoneNumber": NUMBER, **more}, **claims).body["job"]["data"]["salt"]
        for more, claims in (
            ({"correlationId": "a"}, {}),
            ({"correlationId": "b"}, {}),
            ({"correlationId": "a"}, {"accountAddress": OTHER}),
            ({}, {}),
            ({}, {}),
        )
    ]
    assert len(set(salts)) == 5


def test_a_retried_job_makes_the_same_wallet(api: Api) -> None:
    job = create(api, {"phoneNumber": NUMBER}).body["job"]
    before = api.jobs.rows[job["_id"]].request
    api.change(job["_id"], status=Status.FAILED, last_finished_at=api.now, pending_since=None, next_check_at=None)
    assert api.post(f"/api/v2/jobs/retry/{job['_id']}").status == 200
    assert api.jobs.rows[job["_id"]].request == before


def test_the_latest_and_all_of_them_once_they_are_mined(api: Api) -> None:
    assert get(api, NUMBER).body["code"] == "WalletNotFound"
    assert get(api, f"all/{NUMBER}").body == {"data": []}
    mined(api, WALLET)
    newest = mined(api, SECOND)
    create(api, {"phoneNumber": NUMBER})  # not mined yet
    mined(api, OTHER, "+14155550123")
    addresses = [wallet["walletAddress"] for wallet in get(api, f"all/{NUMBER}").body["data"]]
    assert sorted(addresses) == sorted([WALLET, SECOND])
    latest = get(api, NUMBER).body["data"]
    assert latest["walletAddress"] == addresses[0]
    assert (latest["phoneNumber"], latest["owner"], latest["blockNumber"]) == (NUMBER, ISSUER, 7)
    assert newest in {wallet["jobId"] for wallet in get(api, f"all/{NUMBER}").body["data"]}


@pytest.mark.parametrize("written", ["+972501234567", "%2B972501234567"])
def test_a_number_in_a_path_may_be_percent_encoded(api: Api, written: str) -> None:
    mined(api, WALLET)
    assert get(api, written).body["data"]["walletAddress"] == WALLET


def test_a_wallets_existence_is_no_secret(api: Api) -> None:
    mined(api, WALLET)
    for claims in ({}, {"accountAddress": OTHER}):
        assert get(api, f"exists/{WALLET.lower()}", **claims).body["data"] == {"walletAddress": WALLET, "exists": True}
        assert get(api, f"exists/{SECOND}", **claims).body["data"]["exists"] is False


# --- personal data -----------------------------------------------------------------------------------------------------


def test_a_number_is_shown_to_its_issuer_alone_not_even_to_an_administrator(api: Api) -> None:
    job_id = mined(api, WALLET)
    own = api.get(f"/api/v2/jobs/{job_id}")
    assert own.body["data"]["data"]["phoneNumber"] == NUMBER
    admin = api.admin_token()
    for path in (f"/api/v2/jobs/{job_id}", "/api/v2/jobs", f"/api/v2/admin/wallets/all/%2B{NUMBER[1:]}"):
        answer = api.get(path, token=admin)
        assert answer.status == 200
        assert NUMBER[1:] not in answer.text
    assert api.get(f"/api/v2/admin/wallets/{NUMBER}", token=admin).status == 404
    api.change(job_id, status=Status.FAILED, last_finished_at=api.now, pending_since=None, next_check_at=None)
    retried = api.post(f"/api/v2/jobs/retry/{job_id}", token=admin)
    assert (retried.status, NUMBER[1:] in retried.text) == (200, False)


def test_another_issuer_finds_neither_wallet_nor_number(api: Api) -> None:
    mined(api, WALLET)
    assert get(api, NUMBER, accountAddress=OTHER).status == 404
    assert get(api, f"all/{NUMBER}", accountAddress=OTHER).body == {"data": []}


def test_what_a_number_is_found_by_is_a_keyed_hash_that_differs_between_issuers(api: Api) -> None:
    mine = api.jobs.rows[mined(api, WALLET)].subject
    theirs = api.jobs.rows[mined(api, SECOND, accountAddress=OTHER)].subject
    assert mine and theirs and mine != theirs
    api.phone_key = lambda: b"another key"  # type: ignore[method-assign]
    assert api.jobs.rows[mined(api, SECOND)].subject != mine
    assert NUMBER[1:] not in mine + theirs


def test_the_salt_on_chain_says_nothing_of_the_number(api: Api) -> None:
    body = {"correlationId": "user-1"}
    salt = create(api, {**body, "phoneNumber": NUMBER}).body["job"]["data"]["salt"]
    api.jobs.rows.clear()
    assert create(api, {**body, "phoneNumber": "+14155550123"}).body["job"]["data"]["salt"] == salt


def test_nobody_works_out_the_salt_without_the_stages_key(api: Api) -> None:
    """Who knows it can make the wallet before the job does. The job's id follows from what may be guessed."""
    body = {"phoneNumber": NUMBER, "correlationId": "user-1"}
    first = create(api, body).body["job"]
    api.jobs.rows.clear()
    api.phone_key = lambda: b"another key"  # type: ignore[method-assign]
    second = create(api, body).body["job"]
    assert first["_id"] == second["_id"]
    assert first["data"]["salt"] != second["data"]["salt"]


@pytest.mark.parametrize(
    "number",
    ["972501234567", "+0972501234", "+", "+1234567890123456", "+1 415 555", "+٣٤٥٦٧٨٩٠", "", 5, None, [NUMBER]],
    ids=str,
)
def test_what_is_no_e164_number_is_refused_without_repeating_it(api: Api, number: Any) -> None:
    answer = create(api, {"phoneNumber": number})
    assert (answer.status, answer.body["details"][0]["field"]) == (400, "phoneNumber")
    assert api.untouched
    if isinstance(number, str) and len(number) > 3:
        assert json.dumps(number).strip('"') not in answer.text


def test_a_number_that_is_refused_in_a_path_is_400(api: Api) -> None:
    assert get(api, "5551234").status == 400
