"""What the gateway sends the function without a route: the path `/{proxy+}` or `/`, or a verb that a path does not take."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.settings import settings_from
from tests.unit.api.harness import Api, environment, new_api

SHOP = "https://shop.example"
PREFLIGHT = {"origin": SHOP, "access-control-request-method": "GET"}


def event(verb: str = "GET", resource: str = "/{proxy+}", **headers: str) -> dict[str, Any]:
    """As API Gateway makes it of a request for a path that no resource of the API has."""
    return {
        "requestContext": {"httpMethod": verb, "resourcePath": resource, "requestId": "from-the-gateway"},
        "path": "/api/v3/nothing",
        "headers": headers,
        "multiValueQueryStringParameters": None,
        "pathParameters": {"proxy": "api/v3/nothing"} if resource != "/" else None,
        "stageVariables": None,
        "body": None,
        "isBase64Encoded": False,
    }


@pytest.fixture
def open_api() -> Api:
    return replace(new_api(), settings=settings_from(environment() | {"CORS_ORIGINS": SHOP}))


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("resource", ["/{proxy+}", "/"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer eyJ.x.y"}, {"authorization": "AWS4-HMAC-SHA256 x"}])
def test_a_path_that_there_is_not_is_a_404_in_the_contracts_form(
    api: Api, verb: str, resource: str, headers: dict[str, str]
) -> None:
    answer = api.app(event(verb, resource, **headers), None)
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"]) == {
        "error": "There is nothing at this path: GET /docs lists the paths.",
        "code": "NotFound",
    }
    assert answer["headers"]["X-Request-Id"] == "from-the-gateway"
    assert answer["headers"]["Cache-Control"] == "no-store"


def test_a_page_that_may_call_can_read_that_there_is_no_such_path_or_verb(open_api: Api) -> None:
    preflight = open_api.app(event("OPTIONS", **PREFLIGHT), None)
    assert preflight["statusCode"] == 204
    assert preflight["headers"]["Access-Control-Allow-Origin"] == SHOP
    assert preflight["headers"]["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    missing = open_api.app(event(origin=SHOP), None)
    assert (missing["statusCode"], missing["headers"]["Access-Control-Allow-Origin"]) == (404, SHOP)
    refused = open_api.app(event("DELETE", "/api/v2/jobs", origin=SHOP), None)
    assert (refused["statusCode"], refused["headers"]["Access-Control-Allow-Origin"]) == (405, SHOP)
    assert refused["headers"]["Allow"] == "POST, GET, HEAD, OPTIONS"


@pytest.mark.parametrize("verb", ["GET", "OPTIONS"])
def test_any_other_page_cannot(open_api: Api, api: Api, verb: str) -> None:
    elsewhere = PREFLIGHT | {"origin": "https://evil.example"}
    for answer in (open_api.app(event(verb, **elsewhere), None), api.app(event(verb, **PREFLIGHT), None)):
        assert answer["statusCode"] == 404
        assert not [name for name in answer["headers"] if name.lower().startswith("access-control")]
