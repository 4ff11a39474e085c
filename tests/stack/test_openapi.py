"""The running stack against its own API reference: requests made up by schemathesis, with and without a token.

All jobs are of an account of its own that has no coins, so none is ever sent; at the end they are cancelled.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from hypothesis import given
from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from stack.machine.local import LocalStack
from stack.operation.accounts import create_secret_account
from stack.operation.tokens import token
from tests.access import ACCESS
from tests.fuzzing import cases, quickly, schema_of
from tests.stack.client import PATIENCE_SECONDS, Client
from tests.unit.api.documented import document, operation_of, strict

EXAMPLES = {"nobody": 2, "issuer": 16, "admin": 12}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EVERYBODYS_JOBS = "/api/v2/jobs/retry"
"""With an administrator's token, other tests' jobs would be retried."""
PHONE = "+12025550147"
OWNER = "schemathesis"


@dataclass(frozen=True)
class Fuzzed:
    """The served document, and callers of an account that nobody else uses."""

    url: str
    schema: Any
    tokens: dict[str, str | None]
    known: dict[str, str]
    session: requests.Session

    def ask(self, case: Case) -> bool:
        """Whether it was the operation's to answer."""
        answer = case.call(base_url=self.url, session=self.session, timeout=PATIENCE_SECONDS)
        assert answer.status_code < 500, answer.text
        if not is_ours(case, answer):
            return False
        case.validate_response(answer, checks=CHECKS)
        return True


def is_ours(case: Case, answer: Response) -> bool:
    """Whether one of our functions answered, and as the operation that was meant: a value can make another path of it."""
    path = requests.Request(**case.as_transport_kwargs(base_url="http://api")).prepare().path_url
    return (
        "x-request-id" in answer.headers
        and operation_of(case.method, path) == document()["paths"][case.path][case.method.lower()]
    )


@pytest.fixture(scope="module")
def fuzzed(stack: LocalStack, env: dict[str, str]) -> Iterator[Fuzzed]:
    account = create_secret_account(stack.client, env["STACK_NAME"], env["ACCOUNTS_TABLE"], int(env["CHAIN_ID"])).address
    served = requests.get(f"{env['API_URL']}/openapi.json", timeout=PATIENCE_SECONDS).json()
    whose = {"sub": OWNER, "accountAddress": account, "isCommunityAdmin": True}
    issuer = token(env["JWT_SECRET"], **whose)
    client = Client(env, issuer)
    job = client.issue(to=account, correlationId="known-1", externalId="known-batch")
    known = {
        "jobId": job["_id"],
        "correlationId": "known-1",
        "externalId": "known-batch",
        "tokenAddress": env["TOKEN_ADDRESS"],
        "ownerAddress": account,
        "accountAddress": account,
        "from": account,
        "to": account,
        "phoneNumber": PHONE,
        "network": "fuse",
        "networkType": "fuse",
    }
    callers = {"nobody": None, "issuer": issuer, "admin": token(env["JWT_SECRET"], **whose, isAdmin=True)}
    with requests.Session() as session:
        yield Fuzzed(env["API_URL"], schema_of(strict(served)), callers, known, session)
    cancel_everything(client)


def cancel_everything(client: Client) -> None:
    while jobs := client.get("/api/v2/jobs", status="pending", limit=100).json()["data"]:
        for job in jobs:
            client.post(f"/api/v2/jobs/cancel/{job['_id']}")


def test_what_is_served_is_what_the_code_says(env: dict[str, str]) -> None:
    answer = requests.get(f"{env['API_URL']}/openapi.json", timeout=PATIENCE_SECONDS)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == document()


def test_the_page_is_served_and_its_link_leads_to_the_document(env: dict[str, str]) -> None:
    page = requests.get(f"{env['API_URL']}/docs", timeout=PATIENCE_SECONDS)
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<h1" in page.text
    assert 'href="openapi.json"' in page.text
    beside = requests.compat.urljoin(page.url, "openapi.json")
    assert requests.get(beside, timeout=PATIENCE_SECONDS).status_code == 200


@pytest.mark.parametrize("caller", EXAMPLES)
@pytest.mark.parametrize("name", ACCESS)
def test_every_answer_is_one_that_the_reference_describes(name: str, caller: str, fuzzed: Fuzzed) -> None:
    answered = []

    @quickly(EXAMPLES[caller])
    @given(cases(fuzzed.schema, name, fuzzed.tokens[caller], fuzzed.known))
    def ask(case: Case) -> None:
        if caller == "admin" and case.path == EVERYBODYS_JOBS:
            case.query = {**(case.query or {}), "owner": OWNER}
        answered.append(fuzzed.ask(case))

    ask()
    assert any(answered)
