"""Wrong input over HTTP: a 4xx that says what is wrong, and nothing stored or sent."""

import json
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
import requests

from tests.stack.client import Client, aws

ADDRESS = "0x" + "11" * 20
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module", autouse=True)
def nothing_is_stored_or_sent(env: dict[str, str]) -> Iterator[None]:
    """Counted before and after all of this module's requests; no test here issues a job that is taken."""

    def stored() -> int:
        pages = aws(env, "dynamodb").get_paginator("scan").paginate(TableName=env["JOBS_TABLE"], Select="COUNT")
        return sum(page["Count"] for page in pages)

    before = stored()
    yield
    assert stored() == before


def refused(answer: requests.Response, status: int, code: str) -> dict[str, Any]:
    body = answer.json()
    assert (answer.status_code, body.get("code")) == (status, code), answer.text
    assert isinstance(body["error"], str)
    assert body["error"]
    return dict(body)


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        ("{not json", JSON, 400, "InvalidRequest"),
        ("", JSON, 400, "InvalidRequest"),
        ("[]", JSON, 400, "InvalidRequest"),
        ('{"to": NaN}', JSON, 400, "InvalidRequest"),
        (json.dumps({"to": ADDRESS, "value": "1"}), {"Content-Type": "text/plain"}, 415, "UnsupportedMediaType"),
        (json.dumps({"to": ADDRESS, "value": "1"}), {}, 415, "UnsupportedMediaType"),
        (json.dumps({"to": ADDRESS, "data": "0x" + "00" * 500_000}), JSON, 413, "BodyTooLarge"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    content: str, headers: dict[str, str], status: int, code: str, issuer: Client
) -> None:
    refused(issuer.request("POST", "/api/v2/jobs", data=content, headers=headers), status, code)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"to": ADDRESS, "vlaue": "1"}, "vlaue"),
        ({"to": "0x1234"}, "to"),
        ({"to": "0x5aaeb6053F3E94C9b9A09f33669435E7Ef1BeAed"}, "to"),
        ({"to": ADDRESS, "data": "0x00", "call": {"function": "f()", "args": []}}, None),
        ({"to": ADDRESS, "call": {"function": "transfer(address,uint256)", "args": [ADDRESS]}}, None),
        ({"to": ADDRESS, "call": {"function": "transfer(address", "args": [ADDRESS]}}, None),
        ({"to": ADDRESS, "call": {"function": "f(uint8)", "args": ["256"]}}, None),
        ({"to": ADDRESS, "value": "-1"}, "value"),
        ({"to": ADDRESS, "value": str(2**256)}, "value"),
        ({"to": ADDRESS, "value": 1.5}, "value"),
        ({"to": ADDRESS, "value": "1e18"}, "value"),
        ({"to": ADDRESS, "data": "0x123"}, "data"),
        ({"to": ADDRESS, "data": "0xzz"}, "data"),
        ({"to": ADDRESS, "correlationId": "x" * 2_000}, "correlationId"),
        ({"to": ADDRESS, "correlationId": "a\u0000b"}, "correlationId"),
        ({"to": ADDRESS, "correlationId": "a\nb"}, "correlationId"),
        ({"to": ADDRESS, "network": "mainnet"}, "network"),
        ({"to": ADDRESS, "validUntil": "2020-01-01T00:00:00Z"}, "validUntil"),
        ({}, None),
    ],
)
def test_a_field_that_breaks_a_rule_is_refused_by_name(body: dict[str, Any], field: str | None, issuer: Client) -> None:
    answer = refused(issuer.post("/api/v2/jobs", body), 400, "InvalidRequest")
    if field is not None:
        assert field in json.dumps(answer["details"])


def test_an_account_of_somebody_else_is_refused(issuer: Client, env: dict[str, str]) -> None:
    refused(issuer.post("/api/v2/jobs", {"to": ADDRESS, "from": env["OTHER_ISSUER_ACCOUNT"]}), 403, "Forbidden")
    refused(issuer.post("/api/v2/jobs", {"to": ADDRESS, "from": ADDRESS}), 403, "Forbidden")


def token(env: dict[str, str], key: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
    content = {"accountAddress": env["ISSUER_ACCOUNT"], "exp": time.time() + 600, **claims}
    return str(jwt.encode(content, env["JWT_SECRET"] if key is None else key, algorithm=algorithm))


@pytest.mark.parametrize(
    "forge",
    [
        lambda env: None,
        lambda env: "Basic abc",
        lambda env: "Bearer abc",
        lambda env: f"Bearer {token(env, exp=time.time() - 3600)}",
        lambda env: f"Bearer {token(env, key='x' * 64)}",
        lambda env: f"Bearer {token(env, key='', algorithm='none')}",
        lambda env: f"Bearer {token(env, algorithm='HS512')}",
        lambda env: f"Bearer {token(env)[:-4]}AAAA",
    ],
    ids=[
        "none at all",
        "not bearer",
        "garbage",
        "expired",
        "wrong key",
        "algorithm none",
        "another algorithm",
        "bad signature",
    ],
)
def test_a_token_that_is_not_ours_is_refused(forge: Callable[[dict[str, str]], str | None], env: dict[str, str]) -> None:
    authorization = forge(env)
    for method, path in (("GET", f"/api/v2/jobs/{'0' * 24}"), ("POST", "/api/v2/jobs"), ("GET", "/api/v2/jobs/retry")):
        headers = {"Authorization": authorization} if authorization else {}
        body = {"json": {"to": ADDRESS}} if method == "POST" else {}
        refused(requests.request(method, env["API_URL"] + path, headers=headers, timeout=60, **body), 401, "Unauthorized")


@pytest.mark.parametrize("job_id", ["x", "0" * 23, "0" * 25, "Z" * 24, "62b17abc8c26160014940e87%20"])
@pytest.mark.parametrize("path", ["/api/v2/jobs/{}", "/api/v2/jobs/retry/{}"])
def test_a_malformed_job_id_is_refused(job_id: str, path: str, issuer: Client) -> None:
    answer = issuer.get(path.format(job_id))
    assert 400 <= answer.status_code < 500


def test_a_cursor_somebody_changed_is_refused(issuer: Client) -> None:
    for cursor in ("x", secrets.token_urlsafe(60), "eyJiZWxvdyI6ICIyMDI2In0.AAAA"):
        for path in ("/api/v2/jobs", "/api/v2/jobs/retry"):
            refused(issuer.get(path, status="failed", cursor=cursor), 400, "InvalidCursor")


def test_a_retry_of_everything_has_to_be_asked_for(issuer: Client) -> None:
    refused(issuer.get("/api/v2/jobs/retry"), 400, "InvalidRequest")
    refused(issuer.post("/api/v2/jobs/retry", {}), 400, "InvalidRequest")
