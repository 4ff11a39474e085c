"""A pool's accounts over HTTP: what one issuer's jobs created, no other issuer calls, by whatever route; and no coins leave."""

from typing import Any

import pytest
from eth_abi.abi import encode

from chalicelib.admin.ports import Token
from chalicelib.chain.addresses import checksum_address as checksummed
from chalicelib.chain.contracts.called_contracts import EXECUTE, EXECUTE_BATCH
from chalicelib.jobs.model import Account, Status
from tests.unit.api.harness import CHAIN_ID, ISSUER, OTHER, TARGET, Answer, Api

POOL = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
TOKEN = "0x5AEDA56215b167893e80B4fE645BA6d5Bab767DE"
WALLET = "0x6Eb893e3466931517a04a17D153a6330c3f2f1dD"
DEPLOYED = "0x27b1fdb04752bbc536007a920d24acb045561c26"
MADE = {"createToken": ("tokenAddress", TOKEN), "createWallet": ("walletAddress", WALLET)}
A_CALL = {"function": "mint(address,uint256)", "args": [OTHER, "1"]}


@pytest.fixture
def pool(api: Api) -> Api:
    """One account of a role; the second issuer has made a token, a wallet with tokens in it, and another contract."""
    api.accounts.put(Account(CHAIN_ID, POOL, "kms:p", role="community"))
    api.contracts.tokens[TOKEN] = Token(TOKEN, 18, 10**20, "Beans", "BEAN", owner=POOL, balances={WALLET: 10**19, POOL: 10**19})
    api.contracts.wallets[WALLET] = POOL
    for name, body in (
        ("tokens/create", {"name": "Beans", "symbol": "BEAN"}),
        ("wallets/create", {"phoneNumber": "+12025550123"}),
    ):
        job = admin(api, name, body, token=b(api)).body["job"]
        key, address = MADE[job["name"]]
        finish(api, job["_id"], {key: address, "blockNumber": 7})
    finish(api, api.issued({"data": "0x6001"}, token=b(api)), {"contractAddress": checksummed(DEPLOYED), "blockNumber": 8})
    api.queue.executed.clear()
    return api


def finish(api: Api, job_id: str, result: dict[str, Any]) -> None:
    api.change(job_id, status=Status.SUCCEEDED, result=result, pending_since=None)


def a(api: Api, **claims: Any) -> str:
    return api.token(sub="first issuer", accountAddress=ISSUER, role="community", isCommunityAdmin=True, **claims)


def b(api: Api) -> str:
    return api.token(sub="second issuer", accountAddress=OTHER, role="community", isCommunityAdmin=True)


def by_admin(api: Api) -> str:
    return api.token(sub="the operators", isAdmin=True, role="community")


def admin(api: Api, what: str, body: dict[str, Any], token: str) -> Answer:
    return api.post(f"/api/v2/admin/{what}", body, token=token)


def execute(to: str, data: bytes = b"") -> str:
    return "0x" + (EXECUTE + encode(["address", "uint256", "bytes"], [to, 0, data])).hex()


def in_batch(to: str) -> str:
    return "0x" + (EXECUTE_BATCH + encode(["(address,uint256,bytes)[]"], [[(OTHER, 0, b""), (to, 0, b"x")]])).hex()


BY_JOBS: dict[str, dict[str, Any]] = {
    "the token": {"to": TOKEN, "call": A_CALL},
    "the wallet": {"to": WALLET, "call": {"function": "transferOwnership(address)", "args": [ISSUER]}},
    "the deployed contract": {"to": DEPLOYED, "data": "0x01020304"},
    "without data": {"to": WALLET},
    "from the account by name": {"to": TOKEN.lower(), "call": A_CALL, "from": POOL},
    "inside a wallet's call": {"to": TARGET, "data": execute(TOKEN, b"x")},
    "two wallets deep": {"to": TARGET, "data": execute(OTHER, bytes.fromhex(execute(WALLET)[2:]))},
    "inside a batch": {"to": TARGET, "data": in_batch(DEPLOYED)},
}


@pytest.mark.parametrize("what", BY_JOBS)
def test_another_issuers_contract_is_not_called_by_a_job(pool: Api, what: str) -> None:
    before = len(pool.jobs.rows)
    answer = pool.issue(BY_JOBS[what], token=a(pool))
    assert (answer.status, answer.body["code"]) == (403, "NotYourContract"), answer.text
    assert (len(pool.jobs.rows), pool.queue.is_empty) == (before, True)


@pytest.mark.parametrize("what", BY_JOBS)
def test_its_own_issuer_and_an_administrator_call_it(pool: Api, what: str) -> None:
    assert pool.issue(BY_JOBS[what], token=b(pool)).status == 201
    answer = pool.issue(BY_JOBS[what], token=by_admin(pool))
    assert (answer.status, answer.body["job"]["data"]["issuedByAdministrator"]) == (201, True)


ORDERS: dict[str, tuple[str, dict[str, Any], tuple[int, str]]] = {
    "mint": ("tokens/mint", {"tokenAddress": TOKEN, "amount": "1"}, (403, "NotYourContract")),
    "burn": ("tokens/burn", {"tokenAddress": TOKEN, "amount": "1"}, (403, "NotYourContract")),
    "burn of a wallet": ("tokens/burn", {"tokenAddress": TOKEN, "amount": "1", "from": WALLET}, (400, "NotYourWallet")),
    "transfer": (
        "tokens/transfer",
        {"tokenAddress": TOKEN, "amount": "1", "from": WALLET, "to": OTHER},
        (400, "NotYourWallet"),
    ),
}


@pytest.mark.parametrize("what", ORDERS)
def test_another_issuers_token_and_wallet_are_not_moved_by_the_admin_api(pool: Api, what: str) -> None:
    path, body, refusal = ORDERS[what]
    answer = admin(pool, path, body, token=a(pool))
    assert (answer.status, answer.body["code"]) == refusal
    assert pool.queue.is_empty
    assert admin(pool, path, body, token=b(pool)).status == 201
    assert admin(pool, path, body, token=by_admin(pool)).status == 201


def test_tokens_of_others_are_not_moved_out_of_ones_own_wallet_either(pool: Api) -> None:
    own = checksummed("0x" + "12" * 20)
    pool.contracts.wallets[own] = POOL
    pool.contracts.tokens[TOKEN].balances[own] = 10**19
    job = admin(pool, "wallets/create", {"phoneNumber": "+12025550124"}, token=a(pool)).body["job"]
    finish(pool, job["_id"], {"walletAddress": own, "blockNumber": 9})
    body = {"tokenAddress": TOKEN, "amount": "1", "from": own, "to": OTHER}
    assert admin(pool, "tokens/transfer", body, token=a(pool)).body["code"] == "NotYourContract"


def test_contracts_that_no_job_created_are_open_to_the_whole_pool(pool: Api) -> None:
    for token in (a(pool), b(pool)):
        assert pool.issue({"to": TARGET, "call": A_CALL}, token=token).status == 201


def test_an_account_of_ones_own_calls_what_it_likes(pool: Api) -> None:
    assert pool.issue({"to": TOKEN, "call": A_CALL}, token=pool.token()).status == 201


def test_more_contracts_than_can_be_looked_up_are_refused(pool: Api) -> None:
    calls = [(checksummed(f"0x{number:040x}"), 0, b"x") for number in range(1, 40)]
    data = "0x" + (EXECUTE_BATCH + encode(["(address,uint256,bytes)[]"], [calls])).hex()
    assert pool.issue({"to": TARGET, "data": data}, token=a(pool)).body["code"] == "NotYourContract"


def test_a_repetition_gets_its_job_though_the_contract_has_become_anothers(pool: Api) -> None:
    body = {"to": TARGET, "call": A_CALL, "correlationId": "c"}
    job_id = pool.issued(body, token=a(pool))
    finish(pool, pool.issued({"data": "0x6001"}, token=b(pool)), {"contractAddress": TARGET, "blockNumber": 9})
    again = pool.issue(body, token=a(pool))
    assert (again.status, again.body["job"]["_id"]) == (200, job_id)
    assert pool.issue({**body, "correlationId": "d"}, token=a(pool)).status == 403


def test_a_retry_is_refused_when_the_contract_has_become_anothers(pool: Api) -> None:
    job_id = pool.issued({"to": TARGET, "call": A_CALL}, token=a(pool))
    pool.change(job_id, status=Status.FAILED, pending_since=None, last_finished_at=pool.now)
    finish(pool, pool.issued({"data": "0x6001"}, token=b(pool)), {"contractAddress": TARGET, "blockNumber": 9})
    answer = pool.post(f"/api/v2/jobs/retry/{job_id}", token=a(pool))
    assert (answer.status, answer.body["code"]) == (403, "NotYourContract")
    for dry_run in ("true", "false"):
        (refused,) = pool.get(f"/api/v2/jobs/retry?ids={job_id}&dryRun={dry_run}", token=a(pool)).body["data"]
        assert refused["code"] == "NotYourContract"
    assert pool.jobs.rows[job_id].status is Status.FAILED


# --- coins -------------------------------------------------------------------------------------------------------------


def test_a_pools_account_sends_no_coins_unless_an_administrator_allowed_it(pool: Api) -> None:
    body = {"to": TARGET, "value": "1"}
    answer = pool.issue(body, token=a(pool))
    assert (answer.status, answer.body["code"]) == (403, "ValueNotAllowed")
    assert pool.issue({"to": TARGET, "value": "0"}, token=a(pool)).status == 201
    assert pool.issue(body, token=by_admin(pool)).status == 201
    pool.accounts.rows.clear()
    created = pool.post(
        "/api/v2/accounts", {"role": "community", "bridgeType": "home", "allowsValue": True}, token=pool.admin_token()
    ).body["data"]["account"]
    assert created["allowsValue"] is True
    assert pool.issue(body, token=a(pool)).body["job"]["accountAddress"] == created["accountAddress"]


def test_an_account_tells_whether_it_sends_coins(pool: Api) -> None:
    shared = {"role": "community", "bridgeType": "home"}
    created = pool.post("/api/v2/accounts", shared, token=pool.admin_token()).body["data"]["account"]
    assert created["allowsValue"] is False
    owned = pool.post("/api/v2/accounts", {**shared, "appName": "shop"}, token=pool.admin_token()).body["data"]["account"]
    assert owned["allowsValue"] is True
    refused = pool.post("/api/v2/accounts", {**shared, "appName": "shop", "allowsValue": True}, token=pool.admin_token())
    assert (refused.status, refused.body["details"][0]["field"]) == (400, "allowsValue")


# --- what is kept of a token -------------------------------------------------------------------------------------------


def test_what_is_kept_of_a_token_is_its_issuers_and_administrators_alone(pool: Api) -> None:
    body = {"name": "Beans", "symbol": "BEAN", "spendabilityIds": "food", "expiryTimestamp": 1_900_000_000}
    job = admin(pool, "tokens/create", body, token=b(pool)).body["job"]
    address = checksummed("0x" + "34" * 20)
    pool.contracts.tokens[address] = Token(address, 18, 0, "Beans", "BEAN", owner=POOL)
    finish(pool, job["_id"], {"tokenAddress": address, "blockNumber": 9})
    for path in (f"tokens/owner/{POOL}", f"tokens/{address}"):
        for token, sees in ((a(pool), False), (b(pool), True), (by_admin(pool), True)):
            found = pool.get(f"/api/v2/admin/{path}", token=token).body["data"]
            (told,) = [one for one in (found if isinstance(found, list) else [found]) if one["tokenAddress"] == address]
            assert ("spendabilityIdsArr" in told, "expiryTimestamp" in told) == (sees, sees), path
