"""Accounts over HTTP: made with a key of their own, listed without it, unlocked; and who signs with which."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from chalicelib.admin.accounts import UNCHECKED
from chalicelib.errors import KeyNotReady, ServiceUnavailable, SignerUnavailable
from chalicelib.jobs.model import Account
from tests.unit.api.harness import CHAIN_ID, ISSUER, KEY, OTHER, TARGET, Answer, Api

POOL = [f"0x{digit * 40}" for digit in "123"]


def post(api: Api, path: str, body: dict[str, Any]) -> Answer:
    return api.post(f"/api/v2/accounts{path}", body, token=api.admin_token())


def new(api: Api, **more: Any) -> Answer:
    return post(api, "", {"role": "minters", "bridgeType": "home", **more})


# --- make and list -----------------------------------------------------------------------------------------------------


def test_an_account_of_a_pool_has_a_key_and_no_token(api: Api) -> None:
    answer = new(api, description="for minting")
    assert answer.status == 201
    account = answer.body["data"]["account"]
    assert (account["role"], account["description"], account["isLocked"]) == ("minters", "for minting", False)
    assert answer.body["data"].keys() == {"account"}
    stored = api.accounts.rows[f"{CHAIN_ID}:{account['accountAddress']}"]
    assert (stored.key, stored.owner, stored.role) == ("kms:1", None, "minters")


def test_an_account_of_an_application_comes_with_a_token_that_works_and_signs_with_it_alone(api: Api) -> None:
    api.now = datetime.now(UTC)  # the verifier's own clock is the real one
    created = new(api, appName="Market").body["data"]
    address = created["account"]["accountAddress"]
    claims = jwt.decode(created["jwt"], KEY, algorithms=["HS256"])
    assert (claims["accountAddress"], claims["appName"], claims["isCommunityAdmin"]) == (address, "Market", True)
    assert not {"isAdmin", "role"} & claims.keys()
    assert claims["exp"] - api.now.timestamp() == pytest.approx(90 * 86_400, abs=2)
    issued = api.issue(token=created["jwt"])
    assert (issued.status, issued.body["job"]["accountAddress"]) == (201, address)
    assert api.issue({"to": TARGET, "from": ISSUER}, token=created["jwt"]).status == 403


def test_the_token_is_shown_once_and_keys_never(api: Api) -> None:
    new(api, appName="Market")
    listed = api.get("/api/v2/accounts", token=api.admin_token())
    assert listed.status == 200
    assert len(listed.body["accounts"]) == 4
    assert "kms:" not in listed.text and "secret:" not in listed.text and "jwt" not in listed.text


def test_accounts_of_another_chain_are_not_listed(api: Api) -> None:
    api.accounts.put(Account(123, POOL[0], "kms:9"))
    listed = api.get("/api/v2/accounts", token=api.admin_token()).body["accounts"]
    assert POOL[0] not in {account["accountAddress"] for account in listed}


@pytest.mark.parametrize(
    "error",
    [SignerUnavailable("The key service does not answer."), KeyNotReady("Not yet."), ServiceUnavailable("No table.")],
)
def test_a_key_service_that_does_not_answer_is_503_and_leaves_no_account(api: Api, error: Exception) -> None:
    api.keys.broken = error
    assert new(api).status == 503
    assert len(api.accounts.rows) == 3


def test_a_key_whose_account_could_not_be_stored_is_given_to_the_next_account(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Account) -> bool:
        raise ServiceUnavailable("The table does not answer.")

    with monkeypatch.context() as outage:
        outage.setattr(api.accounts, "put", refuse)
        assert new(api).status == 503
    assert new(api).status == 201
    assert len(api.keys.made) == 1


def test_a_key_that_was_stored_after_all_is_not_used_for_a_second_account(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = api.accounts.put

    def store_and_lose_the_answer(account: Account) -> bool:
        stores(account)
        raise ServiceUnavailable("The table does not answer.")

    with monkeypatch.context() as outage:
        outage.setattr(api.accounts, "put", store_and_lose_the_answer)
        assert new(api).status == 503
    assert new(api, role="others").status == 201
    assert len(api.keys.made) == 2
    assert len(api.accounts.rows) == 5


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"role": "minters"},
        {"role": "", "bridgeType": "home"},
        {"role": "m", "bridgeType": "foreign"},
        {"role": "m", "bridgeType": "home", "isAdmin": True},
        {"role": "m", "bridgeType": "home", "appName": 5},
    ],
    ids=str,
)
def test_a_body_that_breaks_a_rule_makes_no_key(api: Api, body: dict[str, Any]) -> None:
    assert post(api, "", body).status == 400
    assert api.keys.made == []


# --- unlock ------------------------------------------------------------------------------------------------------------


def unlock(api: Api, address: str = ISSUER) -> Answer:
    return post(api, "/unlock", {"accountAddress": address, "bridgeType": "home"})


def test_a_paused_account_goes_on_and_its_jobs_are_nudged(api: Api) -> None:
    job_id = api.issued()
    api.accounts.pause(api.accounts.rows[f"{CHAIN_ID}:{ISSUER}"], "too little left")
    locked = api.get("/api/v2/accounts", token=api.admin_token()).body["accounts"]
    assert [(one["lockedBecause"]) for one in locked if one["isLocked"]] == ["too little left"]
    answer = unlock(api)
    assert (answer.status, answer.body["data"]["account"]["isLocked"]) == (200, False)
    assert api.accounts.rows[f"{CHAIN_ID}:{ISSUER}"].paused is None
    assert api.queue.executed_now == [(f"{CHAIN_ID}:{ISSUER}", (job_id,))]


def test_unlocking_an_account_that_is_not_paused_changes_nothing(api: Api) -> None:
    assert unlock(api).status == 200
    assert unlock(api, POOL[0]).body["code"] == "AccountNotFound"


def test_an_account_that_was_restored_and_not_checked_stays_paused(api: Api) -> None:
    """A job that its restored rows show as pending may have been signed since."""
    api.accounts.pause(api.accounts.rows[f"{CHAIN_ID}:{ISSUER}"], f"{UNCHECKED} (as of 2026-11-22T07:15:00Z)")
    answer = unlock(api)
    assert (answer.status, answer.body["code"]) == (409, "AccountNotUnlockable")
    assert api.accounts.rows[f"{CHAIN_ID}:{ISSUER}"].paused is not None
    assert api.queue.executed_now == []


# --- pools -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pool(api: Api) -> Api:
    for number, address in enumerate(POOL):
        api.accounts.put(Account(CHAIN_ID, address, f"kms:p{number}", role="minters", next_nonce=0, allows_value=True))
    return api


def signed_by(api: Api, body: dict[str, Any] | None = None, **claims: Any) -> str:
    answer = api.issue(body, token=api.token(role="minters", **claims))
    assert answer.status == 201, answer.text
    return str(answer.body["job"]["accountAddress"])


def test_jobs_of_a_pool_go_to_the_account_with_the_fewest_open_jobs(pool: Api) -> None:
    assert sorted(signed_by(pool) for _ in range(6)) == sorted(POOL * 2)


def test_transactions_in_flight_count_as_open_jobs(pool: Api) -> None:
    for address, taken in zip(POOL, (5, 9, 7), strict=True):
        account = pool.accounts.rows[f"{CHAIN_ID}:{address}"]
        pool.accounts.rows[account.account_id] = replace(account, next_nonce=taken)
        pool.contracts.mined[address] = 4
    assert signed_by(pool) == POOL[0]
    pool.contracts.mined[POOL[1]] = 9
    assert signed_by(pool) == POOL[1]


def test_without_the_chain_the_pending_jobs_decide(pool: Api) -> None:
    pool.contracts.away = True
    assert sorted(signed_by(pool) for _ in range(3)) == POOL


def test_a_paused_account_of_a_pool_signs_only_when_all_are(pool: Api) -> None:
    for address in POOL[:2]:
        pool.accounts.pause(pool.accounts.rows[f"{CHAIN_ID}:{address}"], "no funds")
    assert {signed_by(pool) for _ in range(3)} == {POOL[2]}
    pool.accounts.pause(pool.accounts.rows[f"{CHAIN_ID}:{POOL[2]}"], "no funds")
    assert signed_by(pool) in POOL


def test_an_account_that_belongs_to_an_application_is_in_no_pool(pool: Api) -> None:
    owned = new(pool, appName="Market").body["data"]["account"]["accountAddress"]
    assert owned not in {signed_by(pool) for _ in range(8)}
    stolen = pool.issue({"to": TARGET, "from": owned}, token=pool.token(role="minters"))
    assert (stolen.status, stolen.body["code"]) == (403, "Forbidden")


def test_the_pool_of_another_role_is_out_of_reach(pool: Api) -> None:
    assert pool.issue({"to": TARGET, "from": POOL[0]}, token=pool.token(role="burners")).status == 403
    nobody = pool.issue(token=pool.token(role="burners"))
    assert (nobody.status, "no account of the role 'burners'" in nobody.body["error"]) == (400, True)


def test_a_replay_of_a_pools_job_is_the_same_job_whoever_would_sign_now(pool: Api) -> None:
    body = {"to": TARGET, "value": "1", "correlationId": "order-1"}
    token = pool.token(role="minters")
    first = pool.issue(body, token=token).body["job"]
    for _ in range(5):
        again = pool.issue(body, token=token)
        assert (again.status, again.body["job"]["_id"], again.body["job"]["accountAddress"]) == (
            200,
            first["_id"],
            first["accountAddress"],
        )


def test_who_has_no_role_signs_with_its_own_account(pool: Api) -> None:
    assert pool.issue(token=pool.other_token()).body["job"]["accountAddress"] == OTHER
