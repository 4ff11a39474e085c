"""Retry one, retry by query, cancel."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.jobs.model import Outcome, Status
from tests.unit.api.harness import ISSUER, NOW, OTHER, TARGET, Answer, Api, attempt

UNKNOWN = "62b17abc8c26160014940e87"


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    assert answer.body["size"] == len(answer.body["data"])
    return [entry["_id"] for entry in answer.body["data"]]


def codes(answer: Answer) -> list[str | None]:
    """For each entry the code it was refused with, or None."""
    assert answer.status == 200, answer.text
    return [entry.get("code") for entry in answer.body["data"]]


# --- one ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_failed_job_is_retried_under_the_same_id(api: Api, method: str) -> None:
    job_id = api.failed(attempts=(attempt(outcome=Outcome.REVERTED, succeeded=False),), attempt_count=1)
    answer = api.request(method, f"/api/v2/jobs/retry/{job_id}")
    assert (answer.status, answer.body["data"]["_id"], answer.body["data"]["status"]) == (200, job_id, "pending")
    assert answer.headers["Cache-Control"] == "no-store"
    assert api.queue.executed == [job_id]
    assert api.jobs.rows[job_id].status is Status.PENDING


def test_a_cancelled_job_is_retried(api: Api) -> None:
    assert api.post(f"/api/v2/jobs/retry/{api.cancelled()}").status == 200


def test_a_second_retry_conflicts(api: Api) -> None:
    job_id = api.failed()
    assert api.post(f"/api/v2/jobs/retry/{job_id}").status == 200
    answer = api.post(f"/api/v2/jobs/retry/{job_id}")
    assert (answer.status, answer.body["code"]) == (409, "JobNotRetryable")
    assert api.queue.executed == [job_id]


def expired(api: Api) -> str:
    """The id of a failed job whose validUntil has passed."""
    body = {"to": TARGET, "validUntil": "2026-03-01T12:00:30Z", "correlationId": "c"}
    job_id = api.issued(body)
    api.change(job_id, status=Status.FAILED, pending_since=None, last_finished_at=NOW, failed_at=NOW)
    api.now += timedelta(minutes=1)
    return job_id


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_job_whose_time_has_passed_is_not_retried_as_it_is(api: Api, method: str) -> None:
    job_id = expired(api)
    answer = api.request(method, f"/api/v2/jobs/retry/{job_id}")
    assert (answer.status, answer.body["code"]) == (409, "JobNotRetryable")
    assert "validUntil" in answer.body["error"] and "has passed" in answer.body["error"]
    assert (api.jobs.rows[job_id].status, api.queue.executed) == (Status.FAILED, [])


def test_a_retry_by_query_tells_of_each_job_whose_time_has_passed(api: Api) -> None:
    late, in_time = expired(api), api.failed(minutes_ago=0)
    assert codes(api.get("/api/v2/jobs/retry?status=failed")) == ["JobNotRetryable", None]
    assert api.queue.executed == [in_time]
    assert codes(api.get(f"/api/v2/jobs/retry?ids={late}&dryRun=true")) == ["JobNotRetryable"]


def test_a_retry_may_carry_a_new_time_and_the_first_request_still_finds_its_job(api: Api) -> None:
    job_id = expired(api)
    answer = api.post(f"/api/v2/jobs/retry/{job_id}", {"validUntil": "2026-03-01T13:00:00Z"})
    assert (answer.status, answer.body["data"]["status"]) == (200, "pending")
    assert api.jobs.rows[job_id].request.valid_until == NOW + timedelta(hours=1)
    again = api.issue({"to": TARGET, "validUntil": "2026-03-01T12:00:30Z", "correlationId": "c"})
    assert (again.status, again.body["job"]["_id"]) == (200, job_id)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"validUntil": "2026-03-01T12:00:59Z"}, "validUntil"),
        ({"validUntil": "tomorrow"}, "validUntil"),
        ({"validUntil": 7}, "validUntil"),
        ({"gas": "21000"}, "gas"),
    ],
    ids=str,
)
def test_a_new_time_is_checked_as_that_of_a_new_job(api: Api, body: dict[str, Any], field: str) -> None:
    job_id = expired(api)
    answer = api.post(f"/api/v2/jobs/retry/{job_id}", body)
    assert (answer.status, answer.body["details"][0]["field"]) == (400, field)
    assert api.jobs.rows[job_id].status is Status.FAILED


@pytest.mark.parametrize("status", [Status.PENDING, Status.STARTED, Status.SUCCEEDED, Status.CANCEL_REQUESTED])
def test_a_job_in_any_other_state_conflicts(api: Api, status: Status) -> None:
    job_id = api.issued()
    before = api.change(job_id, status=status)
    answer = api.get(f"/api/v2/jobs/retry/{job_id}")
    assert (answer.status, answer.body["code"]) == (409, "JobNotRetryable")
    assert api.jobs.rows[job_id] == before
    assert api.queue.is_empty


@pytest.mark.parametrize("raw", [b"{}", b"null"])
def test_an_empty_object_as_body_of_a_retry_is_taken(api: Api, raw: bytes) -> None:
    assert api.post(f"/api/v2/jobs/retry/{api.failed()}", raw=raw).status == 200


@pytest.mark.parametrize("path", ["retry", "cancel"])
@pytest.mark.parametrize("body", [{"dryRun": True}, [], 0, False, "x"])
def test_a_body_where_none_is_wanted_is_refused(api: Api, path: str, body: Any) -> None:
    job_id = api.failed()
    assert api.post(f"/api/v2/jobs/{path}/{job_id}", body).status == 400
    assert api.jobs.rows[job_id].status is Status.FAILED


# --- by query ----------------------------------------------------------------------------------------------------------


def test_without_a_filter_nothing_is_retried(api: Api) -> None:
    job_id = api.failed()
    for answer in [
        api.get("/api/v2/jobs/retry"),
        api.get("/api/v2/jobs/retry?limit=5&dryRun=false"),
        api.post("/api/v2/jobs/retry"),
        api.post("/api/v2/jobs/retry", raw=b"{}"),
        api.post("/api/v2/jobs/retry", raw=b"null"),
        api.post("/api/v2/jobs/retry", {"limit": 5, "dryRun": True, "name": None}),
    ]:
        assert (answer.status, answer.body["code"]) == (400, "InvalidRequest")
        assert "filter" in answer.body["error"]
    assert api.jobs.rows[job_id].status is Status.FAILED


def test_ids_are_retried_each_on_its_own(api: Api) -> None:
    first, second, pending, others = api.failed(), api.failed(), api.issued(), api.failed(token=api.other_token())
    bad = "not-an-id"
    answer = api.get(f"/api/v2/jobs/retry?ids={first},{bad},{pending},{others},{UNKNOWN},{second}")
    assert ids(answer) == [first, bad, pending, others, UNKNOWN, second]
    assert codes(answer) == [None, "InvalidJobId", "JobNotRetryable", "JobNotFound", "JobNotFound", None]
    assert all(set(entry) == {"_id", "error", "code"} for entry in answer.body["data"] if "code" in entry)
    assert sorted(api.queue.executed) == sorted([first, second])
    assert api.jobs.rows[others].status is Status.FAILED


@pytest.mark.parametrize("shape", [lambda found: found, lambda found: {"ids": found}, lambda found: {"ids": ",".join(found)}])
def test_a_body_names_ids_in_three_ways(api: Api, shape: Any) -> None:
    first, second = api.failed(), api.failed()
    assert ids(api.post("/api/v2/jobs/retry", shape([first, second]))) == [first, second]
    assert api.jobs.rows[first].status is Status.PENDING


def test_a_post_may_have_its_filters_in_the_query_string(api: Api) -> None:
    job_id = api.failed()
    assert ids(api.post(f"/api/v2/jobs/retry?ids={job_id}&dryRun=true")) == [job_id]
    twice = api.post(f"/api/v2/jobs/retry?ids={job_id}", {"ids": [UNKNOWN]})
    assert (twice.status, twice.body["details"][0]["field"]) == (400, "ids")
    assert api.jobs.rows[job_id].status is Status.FAILED


def test_an_id_named_twice_is_retried_once(api: Api) -> None:
    first, second = api.failed(), api.failed()
    assert ids(api.get(f"/api/v2/jobs/retry?ids={second},{first},,%20{second},{first}")) == [second, first]
    assert sorted(api.queue.executed) == sorted([first, second])


def test_ids_of_other_types_are_refused_one_by_one(api: Api) -> None:
    job_id = api.failed()
    answer = api.post("/api/v2/jobs/retry", [None, 7, {"_id": job_id}, [job_id], True, "\ud800", "x" * 5_000, "", job_id])
    assert codes(answer) == ["InvalidJobId"] * 8 + [None]
    assert len(answer.text) < 5_000
    assert api.queue.executed == [job_id]


def test_at_most_100_ids_are_taken(api: Api) -> None:
    many = [f"{number:024x}" for number in range(101)]
    assert len(ids(api.post("/api/v2/jobs/retry", many[:100] * 2))) == 100
    answer = api.post("/api/v2/jobs/retry", many)
    assert (answer.status, answer.body["details"][0]["field"]) == (400, "ids")


@pytest.mark.parametrize("body", [{"ids": []}, {"ids": ""}, {"ids": ","}, {"ids": 7}, {"ids": {}}, [], 7, "x"])
def test_no_ids_are_refused(api: Api, body: Any) -> None:
    assert api.post("/api/v2/jobs/retry", body).status == 400


def test_the_filters_all_hold(api: Api) -> None:
    early, late = api.failed(minutes_ago=30), api.failed(minutes_ago=10)
    mint, expired = api.failed(minutes_ago=20, name="mint"), api.failed(minutes_ago=20, code="Expired")
    cancelled = api.cancelled()
    between = (
        f"failedAfter={(NOW - timedelta(minutes=25)).isoformat()}&failedBefore={(NOW - timedelta(minutes=10)).isoformat()}"
    )
    for query, found in {
        "status=failed": [early, mint, expired, late],
        "status=cancelled": [cancelled],
        "name=mint": [mint],
        "code=Expired": [expired],
        between.replace("+", "%2B"): [mint, expired],
        "failedAfter=2026-03-01T11:50:00Z": [late],
        "name=mint&code=Expired": [],
        f"owner={ISSUER}&name=mint": [mint],
        f"ids={mint},{late}&name=mint": [mint, late],
    }.items():
        assert sorted(ids(api.get(f"/api/v2/jobs/retry?{query}&dryRun=true"))) == sorted(found), query
    assert codes(api.get(f"/api/v2/jobs/retry?ids={mint},{late}&name=mint&dryRun=true")) == [None, "JobNotRetryable"]


def test_a_dry_run_changes_nothing(api: Api) -> None:
    job_id = api.failed()
    before = dict(api.jobs.rows)
    for answer in [
        api.get("/api/v2/jobs/retry?status=failed&dryRun=true"),
        api.post("/api/v2/jobs/retry", {"status": "failed", "dryRun": True}),
        api.post("/api/v2/jobs/retry", {"ids": [job_id], "dryRun": "true"}),
    ]:
        assert ids(answer) == [job_id]
        assert answer.body["data"][0]["status"] == "failed"
    assert api.jobs.rows == before
    assert api.queue.is_empty


def test_a_query_goes_on_by_its_cursor_until_all_are_retried(api: Api) -> None:
    failed = [api.failed(minutes_ago=10 - number) for number in range(5)]
    first = api.get("/api/v2/jobs/retry?status=failed&limit=2")
    second = api.post("/api/v2/jobs/retry", {"status": "failed", "limit": 2, "cursor": first.body["nextCursor"]})
    third = api.get(f"/api/v2/jobs/retry?status=failed&limit=2&cursor={second.body['nextCursor']}")
    assert ids(first) + ids(second) + ids(third) == failed
    assert "nextCursor" not in third.body
    assert api.queue.executed == failed


def test_a_cursor_of_another_query_is_refused_and_nothing_is_retried(api: Api) -> None:
    for _ in range(3):
        api.failed()
    cursor = api.get("/api/v2/jobs/retry?status=failed&limit=1&dryRun=true").body["nextCursor"]
    before = dict(api.jobs.rows)
    for query in [
        f"status=failed&name=mint&cursor={cursor}",
        f"status=cancelled&cursor={cursor}",
        f"status=failed&code=Expired&cursor={cursor}",
        f"status=failed&owner={ISSUER}&cursor={cursor}",
        f"status=failed&failedAfter=2020-01-01T00:00:00Z&cursor={cursor}",
        f"status=failed&failedBefore=2030-01-01T00:00:00Z&cursor={cursor}",
        f"status=failed&ids={UNKNOWN}&cursor={cursor}",
        f"name=transaction&cursor={cursor}",
        f"ids={UNKNOWN}&cursor={cursor}",
        f"status=failed&cursor={cursor}x",
        "status=failed&cursor=",
    ]:
        answer = api.get(f"/api/v2/jobs/retry?{query}")
        assert (answer.status, answer.body["code"]) == (400, "InvalidCursor")
    assert api.jobs.rows == before
    assert api.get(f"/api/v2/jobs/retry?status=failed&cursor={cursor}").status == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=pending", "status"),
        ("status=succeeded", "status"),
        ("status=x", "status"),
        ("status=failed&limit=0", "limit"),
        ("status=failed&limit=101", "limit"),
        ("status=failed&dryRun=yes", "dryRun"),
        ("status=failed&dryRun=", "dryRun"),
        ("status=failed&dryrun=true", "dryrun"),
        ("failedAfter=2026-01-01", "failedAfter"),
        ("failedAfter=2026-01-01T00:00:00+01:00", "failedAfter"),
        ("failedBefore=yesterday", "failedBefore"),
        ("failedAfter=2026-02-01T00:00:00Z&failedBefore=2026-01-01T00:00:00Z", "failedBefore"),
        ("failedAfter=2026-02-01T00:00:00Z&failedBefore=2026-02-01T00:00:00Z", "failedBefore"),
        ("name=", "name"),
        ("code=%0A", "code"),
        ("owner=", "owner"),
        (f"ids={UNKNOWN},{ISSUER}&limit=1", "limit"),
        (f"ids={UNKNOWN}&ids={UNKNOWN}", "ids"),
        ("id=1", "id"),
    ],
)
def test_a_bad_filter_is_refused_by_name_and_nothing_is_retried(api: Api, query: str, field: str) -> None:
    job_id = api.failed()
    answer = api.get(f"/api/v2/jobs/retry?{query}")
    assert (answer.status, answer.body["code"]) == (400, "InvalidRequest")
    assert [detail["field"] for detail in answer.body["details"]] == [field]
    assert api.jobs.rows[job_id].status is Status.FAILED


@pytest.mark.parametrize(
    "filters", [{"limit": True}, {"limit": 1.0}, {"dryRun": 1}, {"dryRun": "True"}, {"cursor": 7}, {"name": 7}]
)
def test_a_filter_of_another_type_is_refused(api: Api, filters: dict[str, Any]) -> None:
    job_id = api.failed()
    answer = api.post("/api/v2/jobs/retry", {"status": "failed"} | filters)
    assert (answer.status, answer.body["details"][0]["field"]) == (400, *filters)
    assert api.jobs.rows[job_id].status is Status.FAILED


def test_a_query_finds_only_the_issuers_own_jobs(api: Api) -> None:
    mine, others = api.failed(), api.failed(token=api.other_token())
    assert ids(api.get("/api/v2/jobs/retry?status=failed")) == [mine]
    assert api.jobs.rows[others].status is Status.FAILED
    answer = api.get(f"/api/v2/jobs/retry?owner={OTHER}")
    assert (answer.status, answer.body["code"]) == (403, "Forbidden")


def test_an_administrator_retries_any_owners_jobs(api: Api) -> None:
    mine, others, cancelled = api.failed(minutes_ago=3), api.failed(minutes_ago=2, token=api.other_token()), api.cancelled()
    token = api.admin_token()
    assert ids(api.get(f"/api/v2/jobs/retry?owner={OTHER}&dryRun=true", token=token)) == [others]
    assert ids(api.get("/api/v2/jobs/retry?status=failed", token=token)) == [mine, others]
    assert api.post(f"/api/v2/jobs/retry/{cancelled}", token=token).status == 200


# --- cancel ------------------------------------------------------------------------------------------------------------


def test_a_pending_job_is_cancelled_at_once(api: Api) -> None:
    job_id = api.issued()
    answer = api.post(f"/api/v2/jobs/cancel/{job_id}")
    assert (answer.status, answer.body["data"]["status"]) == (200, "cancelled")
    assert api.queue.is_empty


def test_a_started_job_is_asked_to_cancel_and_confirm_is_nudged(api: Api) -> None:
    job_id = api.issued()
    api.change(job_id, status=Status.STARTED, attempts=(attempt(),))
    answer = api.post(f"/api/v2/jobs/cancel/{job_id}")
    assert (answer.status, answer.body["data"]["status"]) == (200, "cancelRequested")
    assert api.queue.confirmed == [((job_id,), 0)]


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.CANCEL_REQUESTED])
def test_cancelling_again_answers_the_same(api: Api, status: Status) -> None:
    job_id = api.issued()
    api.change(job_id, status=status)
    answer = api.post(f"/api/v2/jobs/cancel/{job_id}")
    assert (answer.status, answer.body["data"]["status"]) == (200, status)


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
def test_a_finished_job_cannot_be_cancelled(api: Api, status: Status) -> None:
    job_id = api.issued()
    api.change(job_id, status=status)
    answer = api.post(f"/api/v2/jobs/cancel/{job_id}")
    assert (answer.status, answer.body["code"]) == (409, "JobNotCancellable")
