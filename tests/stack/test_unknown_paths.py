"""Paths and verbs that there are not, over HTTP: the function answers them, whatever the Authorization header holds."""

import pytest

from tests.stack.client import Client


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/api/v2", "/api/v2/jobs/1/2/3", "/api/v3/jobs", "/health/more"])
@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
def test_a_path_that_there_is_not_is_a_404_in_the_contracts_form(path: str, verb: str, issuer: Client) -> None:
    answer = issuer.request(verb, path)
    assert answer.status_code == 404, answer.text
    assert answer.json() == {"error": "There is nothing at this path: GET /docs lists the paths.", "code": "NotFound"}
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("verb", "path", "allowed"),
    [
        ("DELETE", "/health", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/v2/jobs", "POST, GET, HEAD, OPTIONS"),
        ("PATCH", "/api/v2/jobs/62b17abc8c26160014940e87", "GET, HEAD, OPTIONS"),
        ("GET", "/api/v2/jobs/cancel/62b17abc8c26160014940e87", "POST, OPTIONS"),
    ],
)
def test_a_verb_that_a_path_does_not_take_is_a_405_that_says_which_it_takes(
    verb: str, path: str, allowed: str, issuer: Client
) -> None:
    answer = issuer.request(verb, path)
    assert answer.status_code == 405, answer.text
    assert answer.json() == {
        "error": "This path does not take this verb: the header Allow lists those that it takes.",
        "code": "MethodNotAllowed",
    }
    assert answer.headers["Allow"] == allowed
