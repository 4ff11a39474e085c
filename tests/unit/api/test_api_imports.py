"""What a cold start of the API pays for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.api.routes import ROUTES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]

ANSWER = """
import json, sys
from tests.unit.api.harness import new_api
api = new_api()
before = sorted(sys.modules)
job = api.get("/api/v2/jobs/62b17abc8c26160014940e87")
lists = api.get("/api/v2/jobs")
print(json.dumps({"statuses": [job.status, lists.status], "modules": sorted(sys.modules)}))
"""

IMPORT = """
import json, sys
import chalicelib.api.routes, chalicelib.api.http.errors, chalicelib.api.services
if sys.argv[1:]:
    chalicelib.api.http.routing.handler_of(sys.argv[1])
print(json.dumps({"modules": sorted(sys.modules)}))
"""


def run(program: str, *arguments: str) -> dict[str, list[str]]:
    finished = subprocess.run([sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(finished.stdout)  # type: ignore[no-any-return]


def rooms(modules: list[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def test_importing_the_api_imports_no_chain_library_no_aws_client_and_no_model() -> None:
    imported = rooms(run(IMPORT)["modules"])
    assert imported.isdisjoint({"web3", "eth_abi", "eth_utils", "eth_account", "eth_keys", "boto3", "botocore", "pydantic"})


def is_of_the_reference(module: str) -> bool:
    """True for what only the API reference is made of."""
    last = module.rpartition(".")[2]
    return module.startswith("chalicelib.api.") and last in {
        "descriptions",
        "description",
        "replies",
        "texts",
        "openapi",
        "page",
    }


@pytest.mark.parametrize(
    ("handler", "resources"),
    [
        ("jobs.fetch.fetch_by_id", {"jobs"}),
        ("tokens.handlers.mint", {"tokens", "jobs"}),  # it answers with the job it issued
        ("wallets.handlers.create_wallet", {"wallets", "jobs"}),
        ("accounts.handlers.list_accounts", {"accounts"}),
        ("health.handlers.health", {"health"}),
        ("reference.handlers.docs", {"reference"}),
    ],
)
def test_a_route_imports_its_own_resource_and_nothing_of_the_reference(handler: str, resources: set[str]) -> None:
    modules = run(IMPORT, handler)["modules"]
    assert not [module for module in modules if is_of_the_reference(module)]
    of_the_api = {module.split(".")[2] for module in modules if module.startswith("chalicelib.api.")}
    assert of_the_api & {route.resource for route in ROUTES} == resources


def test_serving_the_reference_imports_no_model() -> None:
    assert rooms(run(IMPORT, "reference.handlers.docs")["modules"]).isdisjoint({"pydantic", "stack"})


def test_reading_a_job_imports_no_chain_library() -> None:
    answered = run(ANSWER)
    assert answered["statuses"] == [404, 200]
    # the test client itself, not the API, brings botocore along
    assert rooms(answered["modules"]).isdisjoint({"web3", "eth_abi", "eth_utils", "eth_account", "eth_keys"})


def test_issuing_a_transaction_imports_no_web3() -> None:
    issued = ANSWER.replace('api.get("/api/v2/jobs/62b17abc8c26160014940e87")', "api.issue()")
    answered = run(issued)
    assert answered["statuses"] == [201, 200]
    assert rooms(answered["modules"]).isdisjoint({"web3", "eth_account", "eth_keys"})
