"""What API Gateway does with a request that no route takes, and with one that it answers itself."""

from typing import Any

import pytest
import requests

from stack.aws import Client
from stack.build.gateway import ANY_VERB, EVERYTHING_ELSE
from stack.build.package import Package
from stack.deployment.deploy import deploy
from stack.progress import silent

ANSWERED_BY_THE_GATEWAY = {"MISSING_AUTHENTICATION_TOKEN", "REQUEST_TOO_LARGE", "THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX"}
NOTHING = {"Ref": "AWS::NoValue"}


@pytest.fixture
def api(resources: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = resources["RestAPI"]["Properties"]
    return properties


def resolved(value: Any, conditions: dict[str, Any], origins: str) -> Any:
    """A value of the template as CloudFormation works it out with this CorsOrigins; None for no value."""
    if value == NOTHING:
        return None
    if value == {"Ref": "CorsOrigins"}:
        return origins
    if not isinstance(value, dict):
        return value
    ((function, of),) = value.items()
    if function == "Fn::If":
        condition, yes, no = of
        holds = resolved(conditions[condition], conditions, origins)
        return resolved(yes if holds else no, conditions, origins)
    parts = [resolved(part, conditions, origins) for part in of]
    match function:
        case "Fn::Equals":
            return parts[0] == parts[1]
        case "Fn::Not":
            return not parts[0]
    raise AssertionError(f"{function} is not expected here")


def test_every_path_and_verb_reaches_the_function(api: dict[str, Any]) -> None:
    """So API Gateway never looks at an Authorization header of a request that it knows no route for."""
    paths = api["DefinitionBody"]["paths"]
    assert {"/", EVERYTHING_ELSE} <= paths.keys()
    integrations = [verbs[ANY_VERB]["x-amazon-apigateway-integration"] for verbs in paths.values()]
    assert all(integration == paths["/health"]["get"]["x-amazon-apigateway-integration"] for integration in integrations)
    for path, verbs in paths.items():
        named = {one["name"] for one in verbs[ANY_VERB].get("parameters", [])}
        assert named == {part[1:-1].removesuffix("+") for part in path.split("/") if part.startswith("{")}, path


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ("", None),
        ("*", "'*'"),
        ("https://shop.example", "method.request.header.Origin"),
        ("https://shop.example,https://admin.example", "method.request.header.Origin"),
    ],
)
def test_what_the_gateway_answers_itself_can_be_read_by_pages_that_may_call_and_by_no_others(
    template: dict[str, Any], api: dict[str, Any], origins: str, allowed: str | None
) -> None:
    """A gateway response cannot compare origins. Its bodies hold nothing that is anybody's."""
    assert api["GatewayResponses"].keys() == ANSWERED_BY_THE_GATEWAY
    for name, response in api["GatewayResponses"].items():
        headers = {
            header: resolved(value, template["Conditions"], origins)
            for header, value in response["ResponseParameters"]["Headers"].items()
        }
        assert headers["Access-Control-Allow-Origin"] == allowed, name
        assert headers["Vary"] == (None if allowed is None else "'Origin'"), name
        assert headers["Cache-Control"] == "'no-store'", name
        assert "Access-Control-Allow-Credentials" not in headers, name


@pytest.mark.parametrize(
    ("origins", "origin", "allowed"),
    [
        ("", "https://shop.example", None),
        ("https://shop.example", "https://shop.example", "https://shop.example"),
        ("https://shop.example,https://admin.example", "https://admin.example", "https://admin.example"),
    ],
    ids=["closed", "one origin", "several origins"],
)
def test_a_page_that_may_call_can_read_that_it_is_throttled(
    aws: Client, packages: dict[str, Package], origins: str, origin: str, allowed: str | None
) -> None:
    given = {"CorsOrigins": origins, "ApiRate": "1", "ApiBurst": "1"}
    outputs = deploy(packages["local"], aws, silent, name="throttled", parameters=given)
    endpoint = aws("apigateway").meta.endpoint_url
    url = f"{endpoint}/restapis/{outputs['RestAPIId']}/local/_user_request_/no/such/path"
    for _ in range(50):
        answer = requests.get(url, headers={"Origin": origin}, timeout=30)
        if answer.status_code == 429:
            break
    assert answer.status_code == 429, answer.text
    assert answer.json()["code"] == "TooManyRequests"
    assert answer.headers.get("Access-Control-Allow-Origin") == allowed
