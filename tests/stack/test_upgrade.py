"""A new version is deployed over an older one that is in the middle of its work: nothing is lost, nothing happens twice.

The older version comes from git and is deployed by its own scripts. The world is held still around the update: no block is
mined, and the functions are not called for what is in the queues, so that the jobs are where they are by state, not by luck.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from stack.build.package import Package
from tests.stack.client import aws, wait_for
from tests.stack.upgrade.deployed import Older, deploy_over, running, this_version
from tests.stack.upgrade.history import previous_commit
from tests.stack.upgrade.scene import Upgrade, is_told_in, listed, put_jobs_into_flight, upgrade, views

PREVIOUS = "the previous version"
BEFORE_THE_COSTS = "e521fe2"
"""Before the rows and the indexes were rewritten for cost: `chalicelib.store.previous_records` reads what it wrote."""


@pytest.fixture(scope="module")
def built() -> Package:
    return this_version()


@pytest.fixture(scope="module", params=[PREVIOUS, BEFORE_THE_COSTS])
def older(request: pytest.FixtureRequest, built: Package, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Older]:
    commit = previous_commit() if request.param == PREVIOUS else request.param
    with running(commit, tmp_path_factory.mktemp("older")) as stack:
        yield stack


@pytest.fixture(scope="module")
def upgraded(older: Older, built: Package) -> Upgrade:
    return upgrade(older.env, lambda: deploy_over(older.env, built))


def test_there_were_jobs_in_every_state_and_messages_of_the_old_version(upgraded: Upgrade) -> None:
    """Or the rest would show nothing."""
    for status, orders in upgraded.load.states.items():
        assert [upgraded.before[order.job_id]["status"] for order in orders] == [status] * len(orders)
    assert upgraded.messages["execute.fifo"] >= len(upgraded.load.pending)
    assert upgraded.messages["confirm"] > 0


def test_the_new_version_tells_old_jobs_as_the_old_one_did(upgraded: Upgrade) -> None:
    for job_id, job in upgraded.before.items():
        assert is_told_in(job, upgraded.after[job_id]), (job, upgraded.after[job_id])


def test_a_client_that_goes_on_meanwhile_is_never_refused(upgraded: Upgrade) -> None:
    assert upgraded.traffic.refused == []
    assert {upgraded.final[order.job_id]["status"] for order in upgraded.traffic.issuer.orders} == {"succeeded"}


def test_every_job_ends_as_it_would_have_and_happens_exactly_once(upgraded: Upgrade) -> None:
    """By the chain's own logs and balances."""
    cancelling = {order.job_id for order in (*upgraded.load.cancelling, *upgraded.load.to_cancel)}
    for order in upgraded.orders:
        job = upgraded.final[order.job_id]
        assert job["status"] in ({"succeeded", "cancelled"} if order.job_id in cancelling else {"succeeded"}), job
        assert order.times(upgraded.scene.node) == (1 if job["status"] == "succeeded" else 0), job


def test_what_had_failed_or_was_cancelled_before_is_retried_after(upgraded: Upgrade) -> None:
    for order in (upgraded.load.failed, upgraded.load.cancelled):
        events = [event["event"] for event in upgraded.final[order.job_id]["history"]]
        assert events.count("retried") == 1
        assert events[-1] == "succeeded"


def test_no_nonce_is_missing(upgraded: Upgrade) -> None:
    assert_every_nonce_is_one_attempts(upgraded)


def test_no_message_is_left(upgraded: Upgrade) -> None:
    wait_for("every queue to be empty", lambda: not upgraded.scene.queues.left() or None)


def test_the_same_requests_again_answer_the_same_jobs(upgraded: Upgrade) -> None:
    for order in upgraded.orders:
        replay = order.client.post("/api/v2/jobs", order.body)
        assert (replay.status_code, replay.json()["job"]["_id"]) == (200, order.job_id)
        assert replay.headers["Idempotent-Replayed"] == "true"


def test_an_old_cursor_goes_on_where_the_old_page_ended(upgraded: Upgrade) -> None:
    client = upgraded.scene.issuers[0].client
    assert [*upgraded.old_page, *listed(client, upgraded.old_cursor)] == upgraded.old_list


def test_old_jobs_are_listed(upgraded: Upgrade, older: Older) -> None:
    for issuer in upgraded.scene.issuers:
        assert {order.job_id for order in issuer.orders} <= set(listed(issuer.client))
    by_the_admin = set(listed(upgraded.scene.admin))
    missing = {order.job_id for order in upgraded.orders} - by_the_admin
    # The rows of that time are in the list of all owners from their next write on; these had none.
    ended_before = {order.job_id for order in upgraded.load.succeeded}
    assert missing == (ended_before if older.commit == BEFORE_THE_COSTS else set())


@pytest.mark.parametrize("older", [PREVIOUS], indirect=True)
def test_the_version_before_takes_over_again_what_this_one_has_in_flight(upgraded: Upgrade, older: Older) -> None:
    """Rolled back by one version. An older one need not read today's rows."""
    scene = upgraded.scene
    with ExitStack() as until_released:
        orders = put_jobs_into_flight(scene, until_released)
        before = views(orders)
        with scene.traffic("rolling back") as traffic:
            traffic.go_on()
            older.deploy_again()
            traffic.go_on()
        after = views(orders)
        assert all(is_told_in(after[job_id], job) for job_id, job in before.items())
    orders += traffic.issuer.orders
    assert {order.final()["status"] for order in orders} == {"succeeded"}
    assert [order.times(scene.node) for order in orders] == [1] * len(orders)
    assert traffic.refused == []
    assert_every_nonce_is_one_attempts(upgraded)
    wait_for("every queue to be empty", lambda: not scene.queues.left() or None)


def assert_every_nonce_is_one_attempts(upgraded: Upgrade) -> None:
    """What the accounts' jobs say they used is what the chain counts, and what is taken next."""
    scene = upgraded.scene
    for issuer in scene.issuers:
        jobs = [issuer.client.job(job_id) for job_id in listed(issuer.client)]
        nonces = [attempt["nonce"] for job in jobs for attempt in job["attempts"]]
        assert sorted(nonces) == list(range(scene.node.nonces_used(issuer.account)))
        key = {"accountId": {"S": f"{scene.env['CHAIN_ID']}:{issuer.account}"}}
        row = aws(scene.env, "dynamodb").get_item(TableName=scene.env["ACCOUNTS_TABLE"], Key=key, ConsistentRead=True)["Item"]
        assert int(row["nextNonce"]["N"]) == len(nonces)
