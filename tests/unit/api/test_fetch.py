"""Fetching and listing: by id, by correlationId, by externalId, page by page, and each owner its own."""

import json
from datetime import timedelta
from itertools import chain
from urllib.parse import quote

import pytest

from chalicelib.jobs.model import Status
from tests.unit.api.harness import ISSUER, NOW, OTHER, TARGET, Api

UNKNOWN = "62b17abc8c26160014940e87"


# --- by id -------------------------------------------------------------------------------------------------------------


def test_a_job_is_fetched_by_id(api: Api) -> None:
    job_id = api.issued()
    answer = api.get(f"/api/v2/jobs/{job_id}")
    assert (answer.status, answer.body["data"]["_id"]) == (200, job_id)


def test_anothers_job_looks_exactly_like_one_that_does_not_exist(api: Api) -> None:
    job_id = api.issued({"to": TARGET, "correlationId": "c", "externalId": "e"}, token=api.other_token())
    for method, there, not_there in [
        ("GET", f"/api/v2/jobs/{job_id}", f"/api/v2/jobs/{UNKNOWN}"),
        ("GET", "/api/v2/jobs/correlationId/c", "/api/v2/jobs/correlationId/d"),
        ("POST", f"/api/v2/jobs/retry/{job_id}", f"/api/v2/jobs/retry/{UNKNOWN}"),
        ("POST", f"/api/v2/jobs/cancel/{job_id}", f"/api/v2/jobs/cancel/{UNKNOWN}"),
    ]:
        anothers, nobodys = api.request(method, there), api.request(method, not_there)
        assert anothers.status == nobodys.status == 404
        assert anothers.body == nobodys.body
        assert anothers.body["code"] == "JobNotFound"
    assert api.get("/api/v2/jobs/external?externalId=e").body == {"data": []}
    assert api.get("/api/v2/jobs").body == {"data": []}
    assert api.jobs.rows[job_id].status is Status.PENDING


def test_an_administrator_sees_every_job(api: Api) -> None:
    mine, others = api.issued({"to": TARGET, "correlationId": "c", "externalId": "e"}), api.issued(token=api.other_token())
    token = api.admin_token()
    assert api.get(f"/api/v2/jobs/{mine}", token=token).body["data"]["_id"] == mine
    assert api.get("/api/v2/jobs/correlationId/c", token=token).body["data"]["_id"] == mine
    assert [job["_id"] for job in api.get("/api/v2/jobs/external?externalId=e", token=token).body["data"]] == [mine]
    assert {job["_id"] for job in api.get("/api/v2/jobs", token=token).body["data"]} == {mine, others}


def test_a_community_administrator_sees_only_its_own(api: Api) -> None:
    job_id = api.issued(token=api.other_token())
    assert api.get(f"/api/v2/jobs/{job_id}", token=api.token(isCommunityAdmin=True)).status == 404


@pytest.mark.parametrize(
    "job_id",
    ["1", "x", UNKNOWN[:-1], UNKNOWN + "0", UNKNOWN.upper(), "%00", UNKNOWN + "%0A", "..", "é", "%F0%9F%98%80", "a" * 5_000],
)
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "retry/"), ("POST", "retry/"), ("POST", "cancel/")])
def test_what_cannot_be_a_job_id_is_refused(api: Api, method: str, path: str, job_id: str) -> None:
    answer = api.request(method, f"/api/v2/jobs/{path}{job_id}")
    assert (answer.status, answer.body["code"]) == (400, "InvalidJobId")


@pytest.mark.parametrize("path", [f"/api/v2/jobs/{UNKNOWN}", "/api/v2/jobs/correlationId/c", f"/api/v2/jobs/retry/{UNKNOWN}"])
def test_a_parameter_that_does_not_exist_is_refused_by_name(api: Api, path: str) -> None:
    answer = api.get(path + "?dryRun=true")
    assert answer.status == 400
    assert answer.body["details"] == [{"field": "dryRun", "error": "This path has no parameter of this name: leave it out."}]


# --- by correlationId --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "correlation_id",
    [
        "c-1",
        "order/17",
        "a b",
        "100%",
        "50%25",
        "a%41",
        "%",
        "%zz",
        "%ff",
        "a+b",
        "ä€😀",
        "a?b=c&d#e",
        "..",
        "x" * 256,
        "retry",
        "ü" * 256,
    ],
)
def test_a_job_is_fetched_by_any_correlation_id_it_was_issued_with(api: Api, correlation_id: str) -> None:
    job_id = api.issued({"to": TARGET, "correlationId": correlation_id})
    encoded = api.get("/api/v2/jobs/correlationId/" + quote(correlation_id, safe=""))
    assert (encoded.status, encoded.body["data"]["_id"]) == (200, job_id)
    assert encoded.body["data"]["data"]["correlationId"] == correlation_id


@pytest.mark.parametrize("correlation_id", ["a b", "ä€😀", "100%", "50%25", "a%41", "a+b", "%ff"])
def test_a_gateway_that_decodes_the_path_itself_finds_the_same_job(api: Api, correlation_id: str) -> None:
    job_id = api.issued({"to": TARGET, "correlationId": correlation_id})
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/api/v2/jobs/correlationId/{correlation_id}"},
        "headers": {"authorization": f"Bearer {api.token()}"},
        "multiValueQueryStringParameters": None,
        "pathParameters": {"correlation_id": correlation_id},
        "stageVariables": None,
        "body": None,
    }
    answer = api.app(event, None)
    assert answer["statusCode"] == 200
    assert job_id in answer["body"]


@pytest.mark.parametrize("gateway", ["hands the path over as it was sent", "decodes the path"])
def test_ids_that_differ_only_in_percent_encoding_are_two_jobs(api: Api, gateway: str) -> None:
    ids = ["a b", "a%20b", "a%2520b"]
    jobs = {one: api.issued({"to": TARGET, "correlationId": one}) for one in ids}
    decodes = gateway == "decodes the path"

    def fetched(correlation_id: str) -> str:
        encoded = quote(correlation_id, safe="")
        event = {
            "requestContext": {
                "httpMethod": "GET",
                "resourcePath": "/api/v2/jobs/correlationId/{correlation_id}",
                "path": f"/api/v2/jobs/correlationId/{encoded}",
            },
            "headers": {"authorization": f"Bearer {api.token()}"},
            "multiValueQueryStringParameters": None,
            "pathParameters": {"correlation_id": correlation_id if decodes else encoded},
            "stageVariables": None,
            "body": None,
            **({"version": "1.0"} if decodes else {}),
        }
        return str(json.loads(api.app(event, None)["body"])["data"]["_id"])

    assert {one: fetched(one) for one in ids} == jobs


def test_an_id_that_looks_like_the_encoding_of_another_is_not_found_by_it(api: Api) -> None:
    api.issued({"to": TARGET, "correlationId": "a%41"})
    assert api.get("/api/v2/jobs/correlationId/a%41").status == 404


def test_a_job_is_listed_by_its_correlation_id_exactly(api: Api) -> None:
    jobs = {one: api.issued({"to": TARGET, "correlationId": one}) for one in ("a b", "a%20b", "a+b")}
    for one, job_id in jobs.items():
        found = api.get(f"/api/v2/jobs?correlationId={quote(one, safe='')}").body
        assert ([job["_id"] for job in found["data"]], "nextCursor" in found) == ([job_id], False)
    assert api.get("/api/v2/jobs?correlationId=a").body == {"data": []}
    assert api.get("/api/v2/jobs?correlationId=a%20b&status=failed").body == {"data": []}


def test_a_list_by_correlation_id_shows_an_issuer_its_own_and_an_administrator_everybodys(api: Api) -> None:
    mine = api.issued({"to": TARGET, "correlationId": "c"})
    theirs = api.issued({"to": TARGET, "correlationId": "c"}, token=api.other_token())
    listed = "/api/v2/jobs?correlationId=c"
    assert [job["_id"] for job in api.get(listed).body["data"]] == [mine]
    assert {job["_id"] for job in api.get(listed, token=api.admin_token()).body["data"]} == {mine, theirs}


def test_jobs_are_listed_by_the_account_that_signs_them(api: Api) -> None:
    of_pool = api.issued({"to": OTHER}, token=api.token(role="pool"))
    own = api.issued({"to": OTHER, "from": ISSUER}, token=api.token(role="pool"))
    for account, job_id in ((TARGET, of_pool), (ISSUER.lower(), own)):
        listed = api.get(f"/api/v2/jobs?accountAddress={account}", token=api.token(role="pool")).body["data"]
        assert [job["_id"] for job in listed] == [job_id]
    assert api.get("/api/v2/jobs?accountAddress=0x12").status == 400


@pytest.mark.parametrize("correlation_id", ["x" * 257, "x" * 2_000, "a%00b", "%0A"])
def test_a_correlation_id_that_no_job_can_have_is_refused_or_not_found(api: Api, correlation_id: str) -> None:
    answer = api.get(f"/api/v2/jobs/correlationId/{correlation_id}")
    assert (answer.status, answer.body["code"]) in {(400, "InvalidRequest"), (404, "JobNotFound")}


# --- by externalId -----------------------------------------------------------------------------------------------------


def test_all_jobs_of_an_external_id_are_fetched_newest_first(api: Api) -> None:
    issued = []
    for minute in range(3):
        api.now = NOW + timedelta(minutes=minute)
        issued.append(api.issued({"to": TARGET, "externalId": "order 1"}))
    api.issued({"to": TARGET, "externalId": "order 2"})
    answer = api.get("/api/v2/jobs/external?externalId=order%201")
    assert [job["_id"] for job in answer.body["data"]] == issued[::-1]


@pytest.mark.parametrize(
    "query", ["", "?externalId=", "?externalId=a%00", "?external=1", "?externalId=a&externalId=b", "?externalId=" + "x" * 257]
)
def test_an_external_id_is_needed_once(api: Api, query: str) -> None:
    answer = api.get("/api/v2/jobs/external" + query)
    assert (answer.status, answer.body["code"]) == (400, "InvalidRequest")
    assert answer.body["details"]


# --- lists -------------------------------------------------------------------------------------------------------------


def pages(api: Api, path: str, token: str | None = None) -> list[list[str]]:
    """The ids of every page, followed by their cursors to the end."""
    found, cursor = [], ""
    for _ in range(20):
        answer = api.get(path + cursor, token=token)
        assert answer.status == 200, answer.text
        found.append([job["_id"] for job in answer.body["data"]])
        if "nextCursor" not in answer.body:
            return found
        cursor = f"&cursor={answer.body['nextCursor']}"
    raise AssertionError("the pages have no end")


def test_a_list_is_newest_first_and_its_cursors_lead_to_the_end_without_gap_or_repeat(api: Api) -> None:
    issued = []
    for second in range(7):
        api.now = NOW + timedelta(seconds=second)
        issued.append(api.issued())
        api.issued(token=api.other_token())
    assert [len(page) for page in pages(api, "/api/v2/jobs?limit=3")] == [3, 3, 1]
    assert [*chain(*pages(api, "/api/v2/jobs?limit=3"))] == issued[::-1]
    assert len({*chain(*pages(api, "/api/v2/jobs?limit=4", token=api.admin_token()))}) == 14


def test_a_list_is_filtered_by_status_and_name(api: Api) -> None:
    pending, failed, mint = api.issued(), api.failed(), api.failed(name="mint")
    assert {job["_id"] for job in api.get("/api/v2/jobs?status=failed").body["data"]} == {failed, mint}
    assert {job["_id"] for job in api.get("/api/v2/jobs?status=failed&name=mint").body["data"]} == {mint}
    assert {job["_id"] for job in api.get("/api/v2/jobs?name=transaction").body["data"]} == {pending, failed}


def test_a_page_has_50_jobs_unless_asked_otherwise(api: Api) -> None:
    for _ in range(51):
        api.issued()
    assert len(api.get("/api/v2/jobs").body["data"]) == 50
    assert len(api.get("/api/v2/jobs?limit=100").body["data"]) == 51


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("limit=9999999999", "limit"),
        ("status=done", "status"),
        ("status=Failed", "status"),
        ("status=", "status"),
        ("name=", "name"),
        ("name=%00", "name"),
        ("owner=x", "owner"),
        ("page=2", "page"),
        ("limit=1&limit=2", "limit"),
        ("status=failed&status=failed", "status"),
    ],
)
def test_a_bad_or_unknown_or_repeated_parameter_is_refused_by_name(api: Api, query: str, field: str) -> None:
    answer = api.get(f"/api/v2/jobs?{query}")
    assert (answer.status, answer.body["code"]) == (400, "InvalidRequest")
    assert [detail["field"] for detail in answer.body["details"]] == [field]


def test_a_cursor_somebody_changed_or_of_another_question_or_caller_is_refused(api: Api) -> None:
    for _ in range(3):
        api.issued()
    cursor = api.get("/api/v2/jobs?limit=1&status=pending").body["nextCursor"]
    assert api.get(f"/api/v2/jobs?limit=2&status=pending&cursor={cursor}").status == 200
    changed = cursor[:5] + ("A" if cursor[5] != "A" else "B") + cursor[6:]
    for query, token in [
        (f"limit=1&status=pending&cursor={changed}", api.token()),
        (f"limit=1&status=pending&cursor={cursor[:-1]}", api.token()),
        ("cursor=", api.token()),
        ("cursor=garbage", api.token()),
        (f"limit=1&cursor={cursor}", api.token()),
        (f"limit=1&status=failed&cursor={cursor}", api.token()),
        (f"limit=1&status=pending&name=mint&cursor={cursor}", api.token()),
        (f"limit=1&status=pending&cursor={cursor}", api.other_token()),
        (f"limit=1&status=pending&cursor={cursor}", api.token(isAdmin=True)),
    ]:
        answer = api.get(f"/api/v2/jobs?{query}", token=token)
        assert (answer.status, answer.body["code"]) == (400, "InvalidCursor")
    retry = api.get(f"/api/v2/jobs/retry?status=failed&cursor={cursor}")
    assert (retry.status, retry.body["code"]) == (400, "InvalidCursor")


def test_a_cursor_expires(api: Api) -> None:
    for _ in range(2):
        api.issued()
    cursor = api.get("/api/v2/jobs?limit=1").body["nextCursor"]
    api.now = NOW + timedelta(seconds=api.settings.cursor_ttl_seconds)
    assert api.get(f"/api/v2/jobs?cursor={cursor}").body["code"] == "InvalidCursor"


def test_long_call_data_is_left_out_of_lists_only(api: Api) -> None:
    job_id = api.issued({"to": TARGET, "data": "0x" + "ab" * 5_000})
    assert "data" not in api.get("/api/v2/jobs").body["data"][0]["data"]
    assert len(api.get(f"/api/v2/jobs/{job_id}").body["data"]["data"]["data"]) == 10_002
