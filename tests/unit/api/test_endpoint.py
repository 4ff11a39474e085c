"""What stands under every route: headers, faults of ours, and the one form of errors."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.api.http import routing as endpoint
from chalicelib.api.http.reply import Reply
from chalicelib.errors import ChainUnavailable, ConfigurationError, ServiceUnavailable
from chalicelib.settings import settings_from
from tests.unit.api.harness import TARGET, Api, environment, new_api

JOB = "/api/v2/jobs/62b17abc8c26160014940e87"


class Broken:
    """A store whose every method raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any, **__: Any) -> None:
            raise self.error

        return fail


class Missing:
    """What cannot even be looked at."""

    def __getattr__(self, name: str) -> Any:
        raise ConfigurationError(f"there is no {name}")


def test_health_needs_no_token_no_store_and_no_settings(api: Api) -> None:
    api.settings = api.jobs = api.accounts = api.queue = Missing()  # type: ignore[assignment]
    response = api.client.http.get("/health")
    assert (response.status_code, response.json_body) == (200, {"response": "ok"})
    assert response.headers["Cache-Control"] == "no-store"


def test_every_reply_has_the_headers_that_keep_it_private(api: Api) -> None:
    job_id = api.issued()
    for answer in [api.get(f"/api/v2/jobs/{job_id}"), api.get(JOB), api.issue({}), api.request("PUT", "/api/v2/jobs")]:
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert answer.headers["X-Request-Id"]
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_the_request_id_is_the_gateways(api: Api) -> None:
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/health", "requestId": "from-the-gateway"},
        "headers": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
    }
    assert api.app(event, None)["headers"]["X-Request-Id"] == "from-the-gateway"


@pytest.mark.parametrize(
    "error",
    [RuntimeError("internal detail"), KeyError("internal detail"), ConfigurationError("internal detail of JWT_SECRET_ID")],
)
def test_a_fault_of_ours_tells_only_its_request_id_and_is_logged_once(
    api: Api, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    api.jobs = Broken(error)  # type: ignore[assignment]
    token = api.token()
    with caplog.at_level(logging.DEBUG):
        answer = api.issue({"to": TARGET, "correlationId": "private-correlation-id"}, token=token)
    assert answer.status == 500
    assert answer.body == {"error": answer.body["error"], "code": "InternalError", "requestId": answer.headers["X-Request-Id"]}
    assert "internal detail" not in answer.text
    assert "Traceback" not in answer.text
    records = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(records) == 1
    assert records[0].exc_info is not None
    assert records[0].requestId == answer.headers["X-Request-Id"]  # type: ignore[attr-defined]
    logged = logging.Formatter("%(message)s").format(records[0])
    assert "internal detail" in logged
    assert token not in logged
    assert "private-correlation-id" not in logged


def test_a_reply_that_cannot_be_written_is_a_fault_of_ours_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "handler_of", lambda _: lambda call: Reply({"body": call}))
    response = api.client.http.get("/health")
    assert (response.status_code, response.json_body["code"]) == (500, "InternalError")


@pytest.mark.parametrize(
    "error", [ServiceUnavailable("The store does not answer: try again."), ChainUnavailable("No node answers.")]
)
def test_a_part_that_is_away_is_a_503_that_may_be_repeated(api: Api, error: ServiceUnavailable) -> None:
    api.jobs = Broken(error)  # type: ignore[assignment]
    answer = api.get(JOB)
    assert answer.status == 503
    assert answer.body == {"error": error.message, "code": error.code, "requestId": answer.headers["X-Request-Id"]}
    assert int(answer.headers["Retry-After"]) > 0


def test_a_fault_of_the_callers_is_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        api.issue({"to": "0x"})
        api.get(JOB, headers={"Authorization": "Bearer x"})
    assert not caplog.records


@pytest.mark.parametrize("key", ["", "secret", "a" * 64])
def test_with_a_weak_key_every_request_with_a_token_fails_and_health_lives(key: str) -> None:
    api = replace(new_api(), key=key)
    for answer in (api.get(JOB), api.issue(), api.get("/api/v2/jobs")):
        assert (answer.status, answer.body["code"]) == (500, "InternalError")
    assert api.untouched
    assert api.client.http.get("/health").status_code == 200


def test_settings_that_cannot_be_read_are_a_fault_in_the_contracts_form(api: Api) -> None:
    api.settings = Missing()  # type: ignore[assignment]
    answer = api.get(JOB)
    assert (answer.status, answer.body["code"]) == (500, "InternalError")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/v2/jobs"),
        ("DELETE", JOB),
        ("POST", JOB),
        ("GET", "/api/v2/jobs/cancel/62b17abc8c26160014940e87"),
        ("POST", "/health"),
    ],
)
def test_a_verb_a_path_does_not_take_is_told_in_the_same_form(api: Api, method: str, path: str) -> None:
    answer = api.request(method, path)
    assert answer.status == 405
    assert answer.body == {
        "error": "This path does not take this verb: the header Allow lists those that it takes.",
        "code": "MethodNotAllowed",
    }
    assert answer.headers["Allow"]


def test_what_chalice_itself_fails_at_is_told_in_the_same_form(api: Api) -> None:
    event = {
        "requestContext": {"httpMethod": "GET", "resourcePath": "/api/v2/jobs/{job_id}"},
        "headers": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "body": None,
    }
    answer = api.app(event, None)
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 500
    assert body["code"] == "InternalError"
    assert body["requestId"]


def test_a_service_of_another_network_issues_there_and_refuses_this_one() -> None:
    spark = {"NETWORK": "spark", "CHAIN_ID": "122"}
    api = replace(new_api(), settings=settings_from(environment() | spark))
    assert api.issue({"to": TARGET, "network": "fuse"}).status == 400
    assert api.untouched
    job = api.jobs.rows[api.issued({"to": TARGET, "network": "spark"})]
    assert (job.network, job.chain_id) == ("spark", 122)
