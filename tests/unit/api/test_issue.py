"""POST /api/v2/jobs: what is issued, and that the same request is issued once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.api.http.values import MAX_UINT256
from chalicelib.jobs.ids import derived_job_id
from chalicelib.jobs.model import Status, TransactionRequest
from tests.unit.api.harness import ISSUER, NOW, OTHER, TARGET, Api

TRANSFER = "0xa9059cbb" + "00" * 12 + OTHER[2:].lower() + f"{5:064x}"


def test_a_transaction_is_stored_and_nudged_and_answered_as_pending(api: Api) -> None:
    answer = api.issue({"to": TARGET, "value": "12", "data": "0xABcd"})
    assert answer.status == 201
    job = answer.body["job"]
    assert job == {
        "_id": job["_id"],
        "name": "transaction",
        "status": "pending",
        "data": {"bridgeType": "home", "accountAddress": ISSUER, "to": TARGET, "value": "12", "data": "0xabcd"},
        "accountAddress": ISSUER,
        "createdAt": "2026-03-01T12:00:00.000Z",
        "updatedAt": "2026-03-01T12:00:00.000Z",
        "attempts": [],
        "history": [{"at": "2026-03-01T12:00:00.000Z", "event": "issued"}],
    }
    stored = api.jobs.rows[job["_id"]]
    assert stored.request == TransactionRequest(to=TARGET, value=12, data=b"\xab\xcd")
    assert stored.owner == ISSUER
    assert stored.is_fresh
    assert api.queue.executed == [job["_id"]]
    assert api.get(f"/api/v2/jobs/{job['_id']}").body == {"data": job}


def test_every_field_arrives(api: Api) -> None:
    job_id = api.issued(
        {
            "to": TARGET.lower(),
            "value": str(MAX_UINT256),
            "data": "0x",
            "from": TARGET,
            "network": "fuse",
            "gas": "30000000",
            "maxFeePerGas": "11000000000",
            "validUntil": "2026-03-01T14:30:00.5+02:00",
            "correlationId": "order 17/ä",
            "externalId": "e-1",
        },
        token=api.token(role="pool"),
    )
    job = api.jobs.rows[job_id]
    assert job.request == TransactionRequest(
        to=TARGET,
        value=MAX_UINT256,
        gas=30_000_000,
        max_fee_per_gas=11_000_000_000,
        valid_until=NOW + timedelta(minutes=30, milliseconds=500),
    )
    assert (job.account, job.network, job.chain_id) == (TARGET, "fuse", 122)
    assert (job.correlation_id, job.external_id) == ("order 17/ä", "e-1")


def test_a_call_is_encoded(api: Api) -> None:
    job_id = api.issued({"to": TARGET, "call": {"function": "transfer(address,uint256)", "args": [OTHER, "5"]}})
    assert "0x" + api.jobs.rows[job_id].request.data.hex() == TRANSFER
    assert api.issue({"to": TARGET, "call": {"function": "pause()"}}).status == 201


def test_no_to_deploys(api: Api) -> None:
    job_id = api.issued({"data": "0x6000"})
    assert api.jobs.rows[job_id].request == TransactionRequest(to=None, data=b"\x60\x00")


def test_neither_data_nor_call_is_a_transfer_of_value(api: Api) -> None:
    assert api.jobs.rows[api.issued({"to": TARGET, "value": "7"})].request == TransactionRequest(to=TARGET, value=7)


def test_null_means_absent(api: Api) -> None:
    absent = api.issued({"to": TARGET})
    nulls = dict.fromkeys(("value", "data", "call", "from", "network", "gas", "maxFeePerGas", "validUntil"))
    null = api.issued({"to": TARGET, "correlationId": None, "externalId": None, **nulls})
    assert api.jobs.rows[absent].fingerprint == api.jobs.rows[null].fingerprint


def test_gas_may_be_a_json_integer(api: Api) -> None:
    assert api.jobs.rows[api.issued({"to": TARGET, "gas": 21_000})].request.gas == 21_000


def test_call_data_may_have_64_kib(api: Api) -> None:
    assert len(api.jobs.rows[api.issued({"to": TARGET, "data": "0x" + "ab" * 65_536})].request.data) == 65_536


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=UTF-8", "application/vnd.api+json"]
)
def test_every_way_to_say_json_is_taken(api: Api, content_type: str) -> None:
    assert api.issue(headers={"Content-Type": content_type}).status == 201


def test_a_nudge_that_cannot_be_sent_does_not_fail_the_request(api: Api) -> None:
    api.queue.broken = OSError("the queue is away")
    answer = api.issue()
    assert answer.status == 201
    assert list(api.jobs.rows) == [answer.body["job"]["_id"]]


# --- idempotency -------------------------------------------------------------------------------------------------------


def test_the_same_request_again_is_the_same_job_and_says_so(api: Api) -> None:
    body = {"to": TARGET, "value": "1", "correlationId": "c-1"}
    first = api.issue(body)
    api.now += timedelta(seconds=1)
    second = api.issue(body)
    assert (first.status, second.status) == (201, 200)
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.body == first.body
    assert list(api.jobs.rows) == [derived_job_id(ISSUER, "c-1")]


def test_the_same_request_written_otherwise_is_the_same_job(api: Api) -> None:
    first = api.issue(
        {"to": TARGET, "data": TRANSFER, "correlationId": "c", "validUntil": "2027-01-01T00:00:00Z", "gas": "50000"}
    )
    api.now += timedelta(seconds=1)
    second = api.issue(
        {
            "correlationId": "c",
            "network": "fuse",
            "from": ISSUER.lower(),
            "gas": 50_000,
            "validUntil": "2027-01-01T01:00:00+01:00",
            "value": "0",
            "call": {"function": "transfer(address, uint256)", "args": [OTHER, 5]},
            "to": TARGET.lower(),
        }
    )
    assert (first.status, second.status) == (201, 200)


@pytest.mark.parametrize(
    "change",
    [
        {"value": "2"},
        {"to": OTHER},
        {"data": "0x01"},
        {"gas": "50000"},
        {"maxFeePerGas": "1"},
        {"externalId": "e"},
        {"validUntil": "2030-01-01T00:00:00Z"},
    ],
)
def test_the_same_correlation_id_with_another_request_conflicts(api: Api, change: dict[str, Any]) -> None:
    body = {"to": TARGET, "value": "1", "correlationId": "c-1"}
    job_id = api.issued(body)
    before = api.jobs.rows[job_id]
    answer = api.issue(body | change)
    assert answer.status == 409
    assert answer.body["code"] == "CorrelationIdReused"
    assert api.jobs.rows == {job_id: before}
    assert api.queue.is_empty


def test_two_issuers_may_use_the_same_correlation_id(api: Api) -> None:
    body = {"to": TARGET, "correlationId": "c-1"}
    mine, others = api.issued(body), api.issued(body, token=api.other_token())
    assert mine != others
    assert api.jobs.rows[others].owner == OTHER


def test_without_a_correlation_id_every_request_is_a_job_of_its_own(api: Api) -> None:
    assert api.issued() != api.issued()


def test_a_replay_of_a_job_that_went_on_shows_how_it_is_now_and_starts_nothing(api: Api) -> None:
    body = {"to": TARGET, "correlationId": "c-1"}
    api.change(api.issued(body), status=Status.SUCCEEDED, pending_since=None, next_check_at=None)
    answer = api.issue(body)
    assert (answer.status, answer.body["job"]["status"]) == (200, "succeeded")
    assert api.queue.is_empty


def test_a_replay_after_valid_until_still_finds_its_job(api: Api) -> None:
    body = {"to": TARGET, "correlationId": "c-1", "validUntil": "2026-03-01T12:05:00Z"}
    job_id = api.issued(body)
    api.now = NOW + timedelta(minutes=10)
    answer = api.issue(body)
    assert (answer.status, answer.body["job"]["_id"]) == (200, job_id)
    assert api.issue(body | {"correlationId": "c-2"}).status == 400


# --- accounts ----------------------------------------------------------------------------------------------------------


def test_an_account_of_the_issuers_own_role_or_name_may_sign(api: Api) -> None:
    assert api.issue({"to": OTHER, "from": TARGET}, token=api.token(role="pool")).status == 201
    api.accounts.rows[f"122:{OTHER}"] = replace(api.accounts.rows[f"122:{OTHER}"], owner="the shop")
    assert api.issue({"to": TARGET, "from": OTHER}, token=api.token(sub="the shop")).status == 201


def test_an_administrator_may_sign_with_any_account(api: Api) -> None:
    assert api.issue({"to": TARGET, "from": OTHER}, token=api.admin_token()).status == 201


@pytest.mark.parametrize("sender", [OTHER, TARGET, "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"])
def test_an_account_that_is_not_the_issuers_is_refused_whether_it_exists_or_not(api: Api, sender: str) -> None:
    answer = api.issue({"to": TARGET, "from": sender, "correlationId": "c"}, token=api.token(role="another pool"))
    assert answer.status == 403
    assert answer.body["code"] == "Forbidden"
    assert api.untouched


def test_a_token_whose_account_is_not_set_up_is_told_so(api: Api) -> None:
    answer = api.issue(token=api.token(accountAddress="0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"))
    assert answer.status == 400
    assert "not set up" in answer.body["error"]
    assert api.untouched
