"""429: who is limited, when, and how the answer says it."""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.errors import ServiceUnavailable
from chalicelib.settings import settings_from
from tests.unit.api.harness import TARGET, Api, environment, new_api

JOB = "/api/v2/jobs/62b17abc8c26160014940e87"


@pytest.fixture
def limited() -> Api:
    """Three requests a minute: two leased one by one, after a free one."""
    settings = settings_from(environment() | {"REQUESTS_PER_MINUTE": "2", "LIMITS_TABLE": "limits"})
    return replace(new_api(), settings=settings)


def test_the_request_too_many_is_a_429_in_the_form_of_every_error(limited: Api) -> None:
    assert [limited.get(JOB).status for _ in range(4)] == [404, 404, 404, 429]
    answer = limited.get(JOB)
    assert answer.body == {"error": answer.body["error"], "code": "TooManyRequests"}
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_nothing_is_read_or_stored_of_a_request_too_many(limited: Api) -> None:
    for _ in range(3):
        limited.get(JOB)
    assert limited.issue({"to": TARGET}).status == 429
    assert limited.post("/api/v2/jobs", raw=b"{not json").status == 429
    assert limited.untouched


def test_an_administrator_is_limited_too_and_nobody_uses_anothers_requests(limited: Api) -> None:
    def asked(token: str) -> list[int]:
        return [limited.get("/api/v2/jobs", token=token).status for _ in range(4)]

    for token in (limited.token(), limited.other_token(), limited.admin_token()):
        assert asked(token) == [200, 200, 200, 429]


def test_a_request_without_the_right_counts_and_one_without_a_token_does_not(limited: Api) -> None:
    for _ in range(10):
        assert limited.get("/api/v2/jobs", token="").status == 401
    assert [limited.get("/api/v2/accounts").status for _ in range(4)] == [403, 403, 403, 429]


@pytest.mark.parametrize("path", ["/health", "/openapi.json", "/docs"])
def test_what_needs_no_token_is_not_limited(limited: Api, path: str) -> None:
    assert {limited.request("GET", path, token="").status for _ in range(20)} == {200}


def test_an_outage_of_the_limiter_is_none_of_the_api(limited: Api) -> None:
    class Away:
        def lease(self, *_: Any) -> int:
            raise ServiceUnavailable("away")

    limited.limits = Away()  # type: ignore[assignment]
    assert {limited.get(JOB).status for _ in range(20)} == {404}
