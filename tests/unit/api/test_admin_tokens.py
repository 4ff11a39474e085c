"""Tokens over HTTP: what becomes a job, what is refused in words, and what a repetition gets."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.admin.ports import Token
from chalicelib.jobs.model import Account, Status
from chalicelib.jobs.ports import Revert
from tests.fakes.contracts import Simulator
from tests.unit.api.harness import ISSUER, OTHER, TARGET, TOKEN_FACTORY, Answer, Api

TOKEN = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"
CHECKSUMMED_WALLET = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
WALLET = CHECKSUMMED_WALLET.lower()
NOBODY = "0xde709f2102306220921060314715629080e2fb77"


def post(api: Api, what: str, body: dict[str, Any], **claims: Any) -> Answer:
    return api.post(f"/api/v2/admin/tokens/{what}", body, token=api.community_token(**claims))


@pytest.fixture
def community(api: Api) -> Api:
    """A token of 18 decimals that the issuer owns, and a wallet of the issuer's; the account has 5 tokens, the wallet 3."""
    balances = {ISSUER: 5 * 10**18, CHECKSUMMED_WALLET: 3 * 10**18}
    api.contracts.tokens[TOKEN] = Token(TOKEN, 18, 10**20, "Community", "COM", owner=ISSUER, balances=balances)
    api.contracts.wallets[CHECKSUMMED_WALLET] = ISSUER
    return api


# --- what becomes a job ------------------------------------------------------------------------------------------------


def test_create_calls_the_factory_and_tells_the_supply_in_wei(api: Api) -> None:
    body = {
        "name": "Community",
        "symbol": "COM",
        "initialSupply": "12.5",
        "uri": "ipfs://token",
        "expiryTimestamp": 1_900_000_000,
        "spendabilityIds": "food, transport,food",
        "correlationId": "token-1",
    }
    answer = post(api, "create", body)
    assert answer.status == 201
    job = answer.body["job"]
    assert (job["name"], job["status"], job["accountAddress"]) == ("createToken", "pending", ISSUER)
    kept = {name: job["data"][name] for name in ("name", "symbol", "initialSupplyInWei", "tokenURI", "expiryTimestamp")}
    assert kept == {
        "name": "Community",
        "symbol": "COM",
        "initialSupplyInWei": "12500000000000000000",
        "tokenURI": "ipfs://token",
        "expiryTimestamp": 1_900_000_000,
    }
    assert job["data"]["spendabilityIdsArr"] == ["food", "transport"]
    stored = api.jobs.rows[job["_id"]]
    assert stored.request.to == TOKEN_FACTORY
    assert stored.request.data == b"createToken Community COM 12500000000000000000 ipfs://token"


def test_mint_counts_in_the_tokens_own_decimals_and_goes_to_the_account_unless_told(community: Api) -> None:
    community.contracts.tokens[TOKEN] = replace(community.contracts.tokens[TOKEN], decimals=6)
    own = post(community, "mint", {"tokenAddress": TOKEN.lower(), "amount": "1.000001"}).body["job"]
    assert (own["name"], own["data"]["amount"], own["data"]["toAddress"]) == ("mint", "1000001", ISSUER)
    assert own["data"]["tokenAddress"] == TOKEN
    given = post(community, "mint", {"tokenAddress": TOKEN, "amount": "7", "toAddress": OTHER}).body["job"]
    assert community.jobs.rows[given["_id"]].request.data == f"mint {OTHER} 7000000".encode()


def test_the_largest_amount_is_exact(community: Api) -> None:
    community.contracts.tokens[TOKEN] = replace(community.contracts.tokens[TOKEN], decimals=0)
    job = post(community, "mint", {"tokenAddress": TOKEN, "amount": str(2**256 - 1)}).body["job"]
    assert job["data"]["amount"] == str(2**256 - 1)
    assert post(community, "mint", {"tokenAddress": TOKEN, "amount": str(2**256)}).status == 400


def test_burn_takes_from_the_account_or_from_a_wallet_of_its(community: Api) -> None:
    own = post(community, "burn", {"tokenAddress": TOKEN, "amount": "5"}).body["job"]
    assert (own["data"]["from"], community.jobs.rows[own["_id"]].request.to) == (ISSUER, TOKEN)
    of_wallet = post(community, "burn", {"tokenAddress": TOKEN, "amount": "3", "from": WALLET}).body["job"]
    stored = community.jobs.rows[of_wallet["_id"]]
    assert (of_wallet["name"], of_wallet["data"]["from"], stored.request.to) == ("burn", CHECKSUMMED_WALLET, CHECKSUMMED_WALLET)
    assert stored.request.data == f"execute {TOKEN} 0 burn {3 * 10**18}".encode()


def test_transfer_moves_a_wallets_tokens(community: Api) -> None:
    job = post(community, "transfer", {"tokenAddress": TOKEN, "amount": "0.5", "from": WALLET, "to": OTHER}).body["job"]
    assert (job["name"], job["data"]["wallet"], job["data"]["to"]) == ("adminTransfer", CHECKSUMMED_WALLET, OTHER)
    assert community.jobs.rows[job["_id"]].request.data == f"execute {TOKEN} 0 transfer {OTHER} {5 * 10**17}".encode()


def test_the_owner_of_a_token_signs_for_it_when_it_is_another_account_of_the_issuers(community: Api) -> None:
    second = "0x5AEDA56215b167893e80B4fE645BA6d5Bab767DE"
    community.accounts.put(Account(122, second, "kms:9", owner=ISSUER))
    community.contracts.tokens[TOKEN] = replace(community.contracts.tokens[TOKEN], owner=second)
    assert post(community, "mint", {"tokenAddress": TOKEN, "amount": "1"}).body["job"]["accountAddress"] == second


# --- the pre-flight ----------------------------------------------------------------------------------------------------


def refused(api: Api, what: str, body: dict[str, Any]) -> str:
    """The code of the refusal; nothing was stored or sent."""
    api.chain.verdict = Revert("whatever the contract says")
    answer = post(api, what, body)
    assert answer.status == 400, answer.text
    assert api.untouched
    return str(answer.body["code"])


def test_who_does_not_own_the_token_is_told_who_does(community: Api) -> None:
    community.contracts.tokens[TOKEN] = replace(community.contracts.tokens[TOKEN], owner=OTHER)
    community.chain.verdict = Revert("OwnableUnauthorizedAccount")
    answer = post(community, "mint", {"tokenAddress": TOKEN, "amount": "1"})
    assert (answer.status, answer.body["code"]) == (400, "NotTokenOwner")
    assert ISSUER in answer.body["error"] and OTHER in answer.body["error"]
    assert community.untouched


def test_a_balance_too_low_is_told_in_tokens(community: Api) -> None:
    community.chain.verdict = Revert("ERC20InsufficientBalance")
    answer = post(community, "burn", {"tokenAddress": TOKEN, "amount": "5.01"})
    assert (answer.status, answer.body["code"]) == (400, "BalanceTooLow")
    assert "has 5 of" in answer.body["error"] and "5.01" in answer.body["error"]
    assert (
        refused(community, "transfer", {"tokenAddress": TOKEN, "amount": "4", "from": WALLET, "to": OTHER}) == "BalanceTooLow"
    )


def test_what_is_no_token_is_refused(community: Api) -> None:
    assert refused(community, "mint", {"tokenAddress": NOBODY, "amount": "1"}) == "NotAToken"
    assert refused(community, "burn", {"tokenAddress": NOBODY, "amount": "1"}) == "NotAToken"


@pytest.mark.parametrize("owner", [None, OTHER])
def test_a_wallet_that_is_not_the_issuers_is_refused_whether_or_not_it_exists(community: Api, owner: str | None) -> None:
    community.contracts.wallets.pop(CHECKSUMMED_WALLET)
    if owner:
        community.contracts.wallets[CHECKSUMMED_WALLET] = owner
    body = {"tokenAddress": TOKEN, "amount": "1", "from": WALLET, "to": OTHER}
    assert refused(community, "transfer", body) == "NotYourWallet"
    assert refused(community, "burn", {"tokenAddress": TOKEN, "amount": "1", "from": WALLET}) == "NotYourWallet"


def test_invariant_11_with_open_jobs_the_estimate_decides_not_the_pre_flight(community: Api) -> None:
    community.chain.verdict = Revert("ERC20InsufficientBalance")
    assert (
        post(community, "mint", {"tokenAddress": TOKEN, "amount": "100"}).status == 201
    )  # pending: it may give what is missing
    assert post(community, "burn", {"tokenAddress": TOKEN, "amount": "100"}).status == 201


def test_invariant_11_a_transaction_in_flight_counts_as_open(community: Api) -> None:
    community.chain.verdict = Revert("ERC20InsufficientBalance")
    account = community.accounts.rows[f"122:{ISSUER}"]
    community.accounts.rows[account.account_id] = replace(account, next_nonce=8)
    community.contracts.mined[ISSUER] = 7
    assert post(community, "burn", {"tokenAddress": TOKEN, "amount": "100"}).status == 201
    community.contracts.mined[ISSUER] = 8
    assert post(community, "transfer", {"tokenAddress": TOKEN, "amount": "100", "from": WALLET, "to": OTHER}).status == 201
    community.jobs.rows.clear()
    assert post(community, "burn", {"tokenAddress": TOKEN, "amount": "100"}).status == 400


@pytest.mark.parametrize("what", ["mint", "burn", "transfer"])
def test_a_token_without_the_function_is_refused(community: Api, what: str) -> None:
    """A contract whose fallback takes any call would let it pass, and do nothing."""
    community.contracts.tokens[TOKEN] = replace(community.contracts.tokens[TOKEN], lacks=frozenset({what}))
    bodies = {"mint": {}, "burn": {}, "transfer": {"from": WALLET, "to": OTHER}}
    answer = post(community, what, {"tokenAddress": TOKEN, "amount": "1", **bodies[what]})
    assert (answer.status, answer.body["code"]) == (400, "TransferNotMade")
    assert f"no function {what}" in answer.body["error"]
    assert community.untouched


def test_a_transfer_that_returns_false_is_refused_once_nothing_is_on_its_way(community: Api) -> None:
    body = {"tokenAddress": TOKEN, "amount": "1", "from": WALLET, "to": OTHER}
    community.contracts.refused.append(f"execute {TOKEN} 0 transfer {OTHER} {10**18}".encode())
    answer = post(community, "transfer", body)
    assert (answer.status, answer.body["code"]) == (400, "TransferNotMade")
    assert community.untouched
    community.issued()
    assert post(community, "transfer", body).status == 201


def test_amounts_of_a_token_without_decimals_are_its_smallest_units(community: Api) -> None:
    community.contracts.tokens[TOKEN] = replace(community.contracts.tokens[TOKEN], decimals=None)
    data = post(community, "mint", {"tokenAddress": TOKEN, "amount": "5"}).body["job"]["data"]
    assert (data["amount"], data["decimalsMissing"]) == ("5", True)
    answer = post(community, "mint", {"tokenAddress": TOKEN, "amount": "0.5"})
    assert (answer.status, "no decimals" in answer.body["error"]) == (400, True)
    found = get(community, TOKEN).body["data"]
    assert (found["decimalsMissing"], "decimals" in found, found["totalSupply"]) == (True, False, str(10**20))


def test_a_token_with_other_minters_than_its_owner_is_believed(community: Api) -> None:
    community.contracts.tokens[TOKEN] = replace(community.contracts.tokens[TOKEN], owner=OTHER)
    assert isinstance(community.chain, Simulator)  # its estimate passes
    assert post(community, "mint", {"tokenAddress": TOKEN, "amount": "1"}).status == 201


def test_a_chain_that_does_not_answer_is_503_and_nothing_is_issued(community: Api) -> None:
    community.contracts.away = True
    answer = post(community, "mint", {"tokenAddress": TOKEN, "amount": "1"})
    assert (answer.status, answer.body["code"]) == (503, "ChainUnavailable")
    assert community.untouched


# --- idempotency -------------------------------------------------------------------------------------------------------


def test_a_repetition_gets_its_job_whatever_has_changed_since_and_asks_the_chain_for_nothing(community: Api) -> None:
    body = {"tokenAddress": TOKEN, "amount": "5", "correlationId": "burn-1"}
    first = post(community, "burn", body)
    community.change(first.body["job"]["_id"], status=Status.SUCCEEDED, pending_since=None)
    community.contracts.tokens[TOKEN].balances[ISSUER] = 0
    community.chain.verdict = Revert("ERC20InsufficientBalance")
    community.contracts.reads = 0
    again = post(community, "burn", {**body, "amount": "5.0", "tokenAddress": TOKEN.lower()})
    assert (again.status, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.body["job"]["_id"] == first.body["job"]["_id"]
    assert community.contracts.reads == 0


@pytest.mark.parametrize("change", [{"amount": "4"}, {"from": WALLET}, {"tokenAddress": OTHER}], ids=str)
def test_another_request_with_a_used_correlation_id_is_a_conflict(community: Api, change: dict[str, Any]) -> None:
    body = {"tokenAddress": TOKEN, "amount": "5", "correlationId": "burn-1"}
    assert post(community, "burn", body).status == 201
    answer = post(community, "burn", {**body, **change})
    assert (answer.status, answer.body["code"]) == (409, "CorrelationIdReused")
    assert post(community, "mint", body).status == 409


# --- bad input ---------------------------------------------------------------------------------------------------------


NO_AMOUNTS: list[Any] = [
    *(
        "1.0000000000000000001",
        "-1",
        "+1",
        "NaN",
        "Infinity",
        "1e3",
        "0x10",
        "",
        " 1",
        "1 ",
        "01",
        ".5",
        "5.",
        "1,5",
        "1_0",
        "٣",
    ),
    *(1, 1.5, None, True, ["1"], "0", "0.0", "9" * 79),
]


@pytest.mark.parametrize("amount", NO_AMOUNTS)
def test_an_amount_that_is_none_is_refused_before_anything_is_issued(community: Api, amount: Any) -> None:
    answer = post(community, "mint", {"tokenAddress": TOKEN, "amount": amount})
    assert (answer.status, answer.body["code"]) == (400, "InvalidRequest")
    assert "amount" in answer.body["error"]
    assert community.untouched


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("create", {"symbol": "COM"}),
        ("create", {"name": "", "symbol": "COM"}),
        ("create", {"name": "C", "symbol": "COM", "initialSupply": "0.0000000000000000001"}),
        ("create", {"name": "C", "symbol": "COM", "initialSupply": 5}),
        ("create", {"name": "C", "symbol": "COM", "expiryTimestamp": 0}),
        ("create", {"name": "C", "symbol": "COM", "expiryTimestamp": "soon"}),
        ("create", {"name": "C", "symbol": "COM", "expiryTimestamp": True}),
        ("create", {"name": "C", "symbol": "COM", "spendabilityIds": ["food"]}),
        ("create", {"name": "C", "symbol": "COM", "networkType": "ropsten"}),
        ("create", {"name": "C", "symbol": "COM", "owner": OTHER}),
        ("mint", {"amount": "1"}),
        ("mint", {"tokenAddress": "0x12", "amount": "1"}),
        ("mint", {"tokenAddress": TOKEN, "amount": "1", "from": OTHER}),
        ("burn", {"tokenAddress": TOKEN, "amount": "1", "to": OTHER}),
        ("transfer", {"tokenAddress": TOKEN, "amount": "1", "to": OTHER}),
        ("transfer", {"tokenAddress": TOKEN, "amount": "1", "from": WALLET}),
    ],
    ids=str,
)
def test_a_body_that_breaks_a_rule_is_refused_by_the_fields_name(community: Api, what: str, body: dict[str, Any]) -> None:
    answer = post(community, what, body)
    assert (answer.status, answer.body["code"]) == (400, "InvalidRequest"), answer.text
    assert answer.body["details"]
    assert community.untouched


def test_a_stage_without_a_factory_says_so(api: Api) -> None:
    api.settings = replace(api.settings, token_factory=None)
    answer = post(api, "create", {"name": "C", "symbol": "COM"})
    assert (answer.status, answer.body["code"]) == (501, "NotConfigured")
    assert api.untouched


# --- look-ups ----------------------------------------------------------------------------------------------------------


def made(api: Api, name: str, address: str) -> None:
    """A token that was created here and is mined."""
    body = {"name": name, "symbol": "COM", "expiryTimestamp": 1_900_000_000, "spendabilityIds": "food"}
    job_id = post(api, "create", body).body["job"]["_id"]
    api.change(job_id, result={"tokenAddress": address, "blockNumber": 7}, status=Status.STARTED)
    api.contracts.tokens[address] = Token(address, 18, 0, name, "COM", owner=ISSUER)


def get(api: Api, path: str) -> Answer:
    return api.get(f"/api/v2/admin/tokens/{path}", token=api.community_token())


def test_a_token_made_here_is_told_with_what_is_kept_here(api: Api) -> None:
    made(api, "Community", TOKEN)
    data = get(api, TOKEN.lower()).body["data"]
    assert (data["tokenAddress"], data["name"], data["decimals"], data["owner"]) == (TOKEN, "Community", 18, ISSUER)
    assert (data["expiryTimestamp"], data["spendabilityIdsArr"], data["blockNumber"]) == (1_900_000_000, ["food"], 7)


def test_any_token_of_the_chain_is_told_and_what_is_none_is_404(community: Api) -> None:
    data = get(community, TOKEN).body["data"]
    assert (data["totalSupply"], "expiryTimestamp" in data) == (str(10**20), False)
    missing = get(community, NOBODY)
    assert (missing.status, missing.body["code"]) == (404, "TokenNotFound")
    assert get(community, "nonsense").status == 400


def test_the_tokens_of_an_owner_are_those_it_made_newest_first_and_who_has_them_now(api: Api) -> None:
    made(api, "First", TOKEN)
    made(api, "Second", OTHER)
    post(api, "create", {"name": "Not mined yet", "symbol": "COM"})
    api.contracts.tokens[TOKEN] = replace(api.contracts.tokens[TOKEN], owner=TARGET)
    found = get(api, f"owner/{ISSUER}").body["data"]
    assert {(token["name"], token["owner"]) for token in found} == {("First", TARGET), ("Second", ISSUER)}
    assert get(api, f"owner/{NOBODY}").body == {"data": []}
