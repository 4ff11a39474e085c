"""Jobs in every state on a stack that an older version runs, and what is seen of them while a newer one is deployed."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.stack.client import Client, chain_of, wait_for
from tests.stack.upgrade.domain import DomainClient
from tests.stack.upgrade.orders import Issuer, Order
from tests.stack.upgrade.traffic import Traffic
from tests.stack.upgrade.world import Node, Queues

COIN = 10**18
PAGE = 3


@dataclass(frozen=True)
class Scene:
    """A stack, and its two issuers."""

    env: dict[str, str]
    node: Node
    queues: Queues
    issuers: tuple[Issuer, Issuer]
    admin: Client

    @classmethod
    def on(cls, env: dict[str, str]) -> "Scene":
        issuers = (_issuer(env, "ISSUER", "first"), _issuer(env, "OTHER_ISSUER", "second"))
        return cls(env, Node(chain_of(env)), Queues(env), issuers, DomainClient(env, env["ADMIN_TOKEN"]))

    def traffic(self, name: str) -> Traffic:
        """Of another client with the first issuer's token."""
        return Traffic(_issuer(self.env, "ISSUER", name))


def _issuer(env: dict[str, str], who: str, name: str) -> Issuer:
    return Issuer(DomainClient(env, env[f"{who}_TOKEN"]), env[f"{who}_ACCOUNT"], env["TOKEN_ADDRESS"], name)


@dataclass(frozen=True)
class Load:
    """Orders by where their jobs are when the new version comes."""

    succeeded: list[Order]
    failed: Order
    cancelled: Order
    mined: list[Order]
    """Not deep enough."""
    started: list[Order]
    waiting: Order
    """For funds."""
    cancelling: list[Order]
    """Their cancel transactions compete already."""
    to_cancel: list[Order]
    """Nobody has read yet that they are to be cancelled."""
    pending: list[Order]

    @property
    def states(self) -> dict[str, list[Order]]:
        return {
            "succeeded": self.succeeded,
            "failed": [self.failed],
            "cancelled": [self.cancelled],
            "started": [*self.mined, *self.started],
            "cancelRequested": [*self.cancelling, *self.to_cancel],
            "pending": [self.waiting, *self.pending],
        }

    @property
    def orders(self) -> list[Order]:
        return [order for orders in self.states.values() for order in orders]


def put_jobs_into_every_state(scene: Scene, until_released: ExitStack) -> Load:
    """Leaves the chain without blocks and the queues unread, until `until_released` is closed."""
    node, (first, second) = scene.node, scene.issuers
    succeeded = _mints(scene, 2)
    failed = second.transfer()  # of tokens it does not have
    assert [order.final()["status"] for order in (*succeeded, failed)] == ["succeeded"] * 4 + ["failed"]

    node.stop_mining()
    until_released.callback(node.mine_again)
    mined = _mints(scene, 2)
    hashes = [order.in_pool(node) for order in mined]
    node.mine_one()
    assert [node.depth(sent) for sent in hashes] == [1] * 4
    assert int(scene.env["CONFIRMATIONS"]) > 1

    started, cancelling, to_cancel = _mints(scene, 2), _mints(scene, 1), _mints(scene, 1)
    for order in (*started, *cancelling, *to_cancel):
        order.in_pool(node)
    for order in cancelling:
        order.cancel()
        wait_for("its cancel transaction", lambda order=order: _is_cancel_signed(order) or None)  # type: ignore[misc]
    waiting = first.send_coins(node.coins(first.account) + COIN)
    wait_for("it to wait", lambda: "waiting" in [event["event"] for event in waiting.job["history"]] or None)

    until_released.enter_context(scene.queues.unread())
    for order in to_cancel:
        order.cancel()
    cancelled = first.mint()
    cancelled.cancel()
    pending = _mints(scene, 2)
    return Load(succeeded, failed, cancelled, mined, started, waiting, cancelling, to_cancel, pending)


def put_jobs_into_flight(scene: Scene, until_released: ExitStack) -> list[Order]:
    """Less of the same: started ones, and pending ones of which nobody knows."""
    scene.node.stop_mining()
    until_released.callback(scene.node.mine_again)
    started = _mints(scene, 2)
    for order in started:
        order.in_pool(scene.node)
    until_released.enter_context(scene.queues.unread())
    return [*started, *_mints(scene, 2)]


def _mints(scene: Scene, each: int) -> list[Order]:
    return [issuer.mint() for issuer in scene.issuers for _ in range(each)]


def _is_cancel_signed(order: Order) -> bool:
    return order.job["attempts"][-1]["transactions"][-1].get("purpose") == "cancel"


# --- what clients see of it --------------------------------------------------------------------------------------------


def views(orders: list[Order]) -> dict[str, dict[str, Any]]:
    return {order.job_id: order.job for order in orders}


def is_told_in(old: Any, new: Any) -> bool:
    """Whether everything that was told is told again; more may be."""
    if isinstance(old, dict):
        return isinstance(new, dict) and all(name in new and is_told_in(told, new[name]) for name, told in old.items())
    if isinstance(old, list):
        return len(old) == len(new) and all(map(is_told_in, old, new))
    return bool(old == new)


def page_of(client: Client, **query: Any) -> tuple[list[str], str | None]:
    """The ids on one page of the jobs, and the cursor of the next."""
    answer = client.get("/api/v2/jobs", **query)
    assert answer.status_code == 200, answer.text
    return [job["_id"] for job in answer.json()["data"]], answer.json().get("nextCursor")


def listed(client: Client, cursor: str | None = None, limit: int = 100) -> list[str]:
    """The ids of all jobs, newest first; of those behind a cursor."""
    ids, more = page_of(client, limit=limit, **({"cursor": cursor} if cursor else {}))
    while more is not None:
        others, more = page_of(client, limit=limit, cursor=more)
        ids += others
    return ids


@dataclass(frozen=True)
class Upgrade:
    """What was seen on both sides of an update."""

    scene: Scene
    load: Load
    traffic: Traffic
    before: dict[str, dict[str, Any]]
    """The jobs as the old version told them last, by id."""
    after: dict[str, dict[str, Any]]
    """The same jobs as the new version told them first."""
    messages: dict[str, int]
    """Of the old version, in the queues that are worked on."""
    old_list: list[str]
    """The first issuer's jobs as the old version listed them."""
    old_page: list[str]
    old_cursor: str
    final: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def orders(self) -> list[Order]:
        return [*self.load.orders, *self.traffic.issuer.orders]


def upgrade(env: dict[str, str], deploy_the_new_version: Callable[[], None]) -> Upgrade:
    """Load the stack, update it while a client goes on, let everything go on, retry what failed, wait for all of it."""
    scene = Scene.on(env)
    first, second = scene.issuers
    with ExitStack() as until_released:
        load = put_jobs_into_every_state(scene, until_released)
        before, messages = views(load.orders), scene.queues.to_work_on()
        old_list = listed(first.client)
        old_page, old_cursor = page_of(first.client, limit=PAGE)
        assert old_cursor is not None
        with scene.traffic("meanwhile") as traffic:
            traffic.go_on()
            deploy_the_new_version()
            traffic.go_on()
        after = views(load.orders)
    scene.node.fund(first.account, 1_000 * COIN)
    missing = second.mint(to=second.account)
    assert missing.final()["status"] == "succeeded"
    for order in (load.failed, load.cancelled):
        order.retry()
    done = Upgrade(scene, load, traffic, before, after, messages, old_list, old_page, old_cursor)
    done.final.update({order.job_id: order.final() for order in done.orders})
    return done
