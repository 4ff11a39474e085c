"""Every route answers every caller as the table in `tests.access` says. docs/api.md shows the same table."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.admin.ports import Token
from chalicelib.api.endpoint import Right
from chalicelib.jobs.model import Status
from chalicelib.jobs.ports import Revert
from tests.access import ACCESS, CALLERS
from tests.fakes.contracts import Simulator
from tests.unit.api.documented import document
from tests.unit.api.harness import ISSUER, OTHER, TARGET, Api, new_api

TOKEN = "0x8617E340B3D01FA5F11F306F4090FD50E238070D"
WALLET = "0xde709f2102306220921060314715629080e2fb77"
PHONE = "+12025550123"

TOKENS: Mapping[str, Callable[[Api], str]] = {
    "no JWT": lambda api: "",
    "expired JWT": lambda api: api.token(exp=time.time() - 3_600, isAdmin=True),
    "issuer": lambda api: api.token(),
    "another issuer": lambda api: api.other_token(),
    "community admin": lambda api: api.community_token(),
    "another community admin": lambda api: api.community_token(accountAddress=OTHER),
    "admin": lambda api: api.admin_token(),
}


@dataclass
class World:
    """What an issuer has: jobs, a token, a wallet, an account."""

    api: Api = field(default_factory=new_api)
    pending: str = ""
    failed: str = ""

    def __post_init__(self) -> None:
        api = self.api
        self.pending = api.issued({"to": TARGET, "correlationId": "order-1", "externalId": "batch-1"})
        self.failed = api.failed()
        made = api.post("/api/v2/admin/wallets/create", {"phoneNumber": PHONE}, token=api.community_token())
        result = {"walletAddress": WALLET, "blockNumber": 7}
        api.change(made.body["job"]["_id"], status=Status.SUCCEEDED, pending_since=None, next_check_at=None, result=result)
        balances = {ISSUER: 10, WALLET: 10}
        api.contracts.tokens[TOKEN] = Token(TOKEN, 0, 20, "Community", "COM", owner=ISSUER, balances=balances)
        api.contracts.wallets[WALLET] = ISSUER
        api.chain = Simulator(Revert("not yours"))
        api.queue.executed.clear()


@dataclass(frozen=True)
class Request:
    """What a caller with every right asks; `path` has the values of the path's parameters."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    body: Any = None


REQUESTS: Mapping[str, Callable[[World], Request]] = {
    "POST /api/v2/jobs": lambda world: Request(body={"to": TARGET}),
    "GET /api/v2/jobs/{jobId}": lambda world: Request({"jobId": world.pending}),
    "GET /api/v2/jobs/correlationId/{correlationId}": lambda world: Request({"correlationId": "order-1"}),
    "GET /api/v2/jobs/external": lambda world: Request(query="?externalId=batch-1"),
    "GET /api/v2/jobs/retry": lambda world: Request(query="?status=failed"),
    "POST /api/v2/jobs/retry": lambda world: Request(body={"status": "failed"}),
    "GET /api/v2/jobs/retry/{jobId}": lambda world: Request({"jobId": world.failed}),
    "POST /api/v2/jobs/retry/{jobId}": lambda world: Request({"jobId": world.failed}),
    "POST /api/v2/jobs/cancel/{jobId}": lambda world: Request({"jobId": world.pending}),
    "POST /api/v2/admin/tokens/create": lambda world: Request(body={"name": "Community", "symbol": "COM"}),
    "POST /api/v2/admin/tokens/mint": lambda world: Request(body={"tokenAddress": TOKEN, "amount": "1"}),
    "POST /api/v2/admin/tokens/burn": lambda world: Request(body={"tokenAddress": TOKEN, "amount": "1"}),
    "POST /api/v2/admin/tokens/transfer": lambda world: Request(
        body={"tokenAddress": TOKEN, "amount": "1", "from": WALLET, "to": TARGET}
    ),
    "GET /api/v2/admin/tokens/{tokenAddress}": lambda world: Request({"tokenAddress": TOKEN}),
    "GET /api/v2/admin/tokens/owner/{ownerAddress}": lambda world: Request({"ownerAddress": ISSUER}),
    "POST /api/v2/admin/wallets/create": lambda world: Request(body={"phoneNumber": PHONE}),
    "GET /api/v2/admin/wallets/{phoneNumber}": lambda world: Request({"phoneNumber": PHONE}),
    "GET /api/v2/admin/wallets/all/{phoneNumber}": lambda world: Request({"phoneNumber": PHONE}),
    "GET /api/v2/admin/wallets/exists/{walletAddress}": lambda world: Request({"walletAddress": WALLET}),
    "POST /api/v2/accounts": lambda world: Request(body={"role": "mint", "bridgeType": "home"}),
    "POST /api/v2/accounts/unlock": lambda world: Request(body={"accountAddress": ISSUER, "bridgeType": "home"}),
}
"""Of those that need something; the others are asked for nothing."""

OPERATIONS = [
    (f"{method.upper()} {path}", operation["x-right"])
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
]
PROTECTED = [name for name, right in OPERATIONS if right != Right.ANYONE]


def ask(world: World, name: str, caller: str) -> int:
    method, _, path = name.partition(" ")
    request = REQUESTS.get(name, lambda _: Request())(world)
    for parameter, value in request.path.items():
        path = path.replace(f"{{{parameter}}}", value)
    token = TOKENS[caller](world.api)
    return world.api.request(method, path + request.query, request.body, token=token).status


def state(world: World) -> Any:
    queue = world.api.queue
    return dict(world.api.jobs.rows), dict(world.api.accounts.rows), list(queue.executed), list(queue.confirmed)


def test_the_table_has_exactly_the_routes_there_are() -> None:
    assert {name for name, _ in OPERATIONS} == ACCESS.keys()
    assert {row[1] for row in OPERATIONS} == set(Right)


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", ACCESS)
def test_everybody_is_answered_as_the_table_says(name: str, caller: str) -> None:
    world = World()
    before = state(world)
    status = ask(world, name, caller)
    assert status == ACCESS[name][CALLERS.index(caller)]
    if status >= 400:
        assert state(world) == before, "a refusal changed something"


@pytest.mark.parametrize("name", PROTECTED)
@pytest.mark.parametrize(("caller", "status"), [("no JWT", 401), ("issuer", 403)])
def test_who_calls_is_settled_before_anything_they_sent_is_read(name: str, caller: str, status: int) -> None:
    if status == 403 and dict(OPERATIONS)[name] == Right.ISSUER:
        status = 400  # that right every token has
    world = World()
    method, _, path = name.partition(" ")
    path = path.replace("{", "-").replace("}", "-") + "?no=such&no=parameter"
    answer = world.api.request(method, path, raw=b"{not json", token=TOKENS[caller](world.api))
    assert answer.status == status


@pytest.mark.parametrize("name", [name for name, right in OPERATIONS if right in (Right.COMMUNITY_ADMIN, Right.ADMIN)])
def test_a_refusal_names_the_claim_that_is_missing(name: str) -> None:
    world = World()
    method, _, path = name.partition(" ")
    answer = world.api.request(method, path.replace("{", "-").replace("}", "-"))
    claim = "isAdmin" if dict(OPERATIONS)[name] == Right.ADMIN else "isCommunityAdmin"
    assert (answer.status, answer.body["code"]) == (403, "Forbidden")
    assert claim in answer.body["error"]


@pytest.mark.parametrize("claim", ["true", 1, "isAdmin", [True], {"isAdmin": True}, None, False])
@pytest.mark.parametrize("name", ["isAdmin", "isCommunityAdmin"])
def test_a_claim_counts_only_as_true(name: str, claim: Any, api: Api) -> None:
    token = api.token(**{name: claim})
    assert api.get("/api/v2/accounts", token=token).status == 403
    assert api.post("/api/v2/admin/wallets/create", {"phoneNumber": PHONE}, token=token).status == 403


@pytest.mark.parametrize(("name", "right"), OPERATIONS)
def test_the_right_in_the_reference_is_what_the_table_says(name: str, right: str) -> None:
    nobody, _, issuer, _, community_admin, _, admin = ACCESS[name]
    assert (nobody != 401) == (right == Right.ANYONE)
    assert (issuer == 403) == (right in (Right.COMMUNITY_ADMIN, Right.ADMIN))
    assert (community_admin == 403) == (right == Right.ADMIN)
    assert admin not in (401, 403)
