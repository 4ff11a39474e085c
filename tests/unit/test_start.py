"""What a cold start pays for, counted in modules: what each function imports, beside the smallest app there can be."""

import json
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest

from chalicelib.jobs.model import Outcome, Status
from chalicelib.store.records import job_item
from tests.unit.api.harness import ISSUER, a_job, attempt

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
JOB_ID = "62b17abc8c26160014940e87"
KEY = "an HS256 key of 40 random characters: 8sK"

FIRST_JOB = """
import json, sys
import app
path = {"by id": "/api/v2/jobs/{job_id}", "by correlationId": "/api/v2/jobs/correlationId/{correlation_id}"}[sys.argv[2]]
event = {
    "requestContext": {"resourcePath": path, "httpMethod": "GET", "requestId": "1"},
    "pathParameters": {"job_id": "62b17abc8c26160014940e87", "correlation_id": "order-1"},
    "headers": {"authorization": "Bearer " + sys.argv[1]},
    "multiValueQueryStringParameters": None,
    "body": None,
    "isBase64Encoded": False,
    "stageVariables": None,
}
answer = app.app(event, None)
print(json.dumps({"status": answer["statusCode"], "modules": sorted(sys.modules)}))
"""

SMALLEST = """
import json, sys
import boto3
from chalice import Chalice
app = Chalice(app_name="smallest")
dynamodb = boto3.client("dynamodb")
@app.route("/jobs/{job_id}")
def fetch(job_id):
    return dynamodb.get_item(TableName="jobs", Key={"jobId": {"S": job_id}})["Item"]["jobId"]
event = {
    "requestContext": {"resourcePath": "/jobs/{job_id}", "httpMethod": "GET", "requestId": "1"},
    "pathParameters": {"job_id": "62b17abc8c26160014940e87"},
    "headers": {},
    "multiValueQueryStringParameters": None,
    "body": None,
    "isBase64Encoded": False,
    "stageVariables": None,
}
answer = app(event, None)
print(json.dumps({"status": answer["statusCode"], "modules": sorted(sys.modules)}))
"""

NOTHING_TO_DO = """
import json, sys
import app
sys.argv[1:] and getattr(app, sys.argv[1])({"Records": []}, None)
print(json.dumps({"modules": sorted(sys.modules)}))
"""

MODULES_BESIDE_THE_SMALLEST = 1.05
"""What is ours, beside what boto3 imports around botocore."""
NOT_FOR_READING = {
    "boto3",
    "s3transfer",
    "pydantic",
    "pydantic_core",
    "web3",
    "eth_abi",
    "eth_account",
    "eth_keys",
    "eth_utils",
    "rlp",
    "cryptography",  # for tokens of an identity provider only
    "_cffi_backend",
}


class Aws(BaseHTTPRequestHandler):
    """Has the key of the tokens, and one job."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        attempts = (attempt(outcome=Outcome.CONFIRMED),)
        row = job_item(a_job(job_id=JOB_ID, status=Status.SUCCEEDED, attempts=attempts, correlation_id="order-1"))
        answers = {"GetSecretValue": {"ARN": "arn", "Name": "jwt", "SecretString": KEY}, "GetItem": {"Item": row}}
        called = self.headers["X-Amz-Target"].rpartition(".")[2]
        answer = json.dumps(answers[called], default=lambda content: b64encode(content).decode()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """A function's, with an AWS that answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "STAGE": "local",
        "STACK_NAME": "jobs-api-local",
        "JOBS_TABLE": "jobs",
        "ACCOUNTS_TABLE": "accounts",
        "EXECUTE_QUEUE_URL": "http://127.0.0.1/execute.fifo",
        "CONFIRM_QUEUE_URL": "http://127.0.0.1/confirm",
        "JWT_SECRET_ID": "jobs-api-local/jwt",
        "PHONE_KEY_ID": "jobs-api-local/phone-numbers",
        "NETWORK": "fuse",
    }
    server.shutdown()
    server.server_close()


def run(environment: dict[str, str], program: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def token() -> str:
    return jwt.encode({"accountAddress": ISSUER, "exp": time.time() + 60}, KEY, algorithm="HS256")


def packages(modules: list[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def rooms(modules: list[str]) -> set[str]:
    return {module.split(".")[1] for module in modules if module.startswith("chalicelib.")}


@pytest.mark.parametrize("how", ["by id", "by correlationId"])
def test_the_first_job_fetched_imports_about_as_many_modules_as_the_smallest_app(environment: dict[str, str], how: str) -> None:
    ours = run(environment, FIRST_JOB, token(), how)
    smallest = run(environment, SMALLEST)
    assert (ours["status"], smallest["status"]) == (200, 200)
    assert len(ours["modules"]) <= MODULES_BESIDE_THE_SMALLEST * len(smallest["modules"])
    assert packages(ours["modules"]) - packages(smallest["modules"]) - sys.stdlib_module_names == {"app", "chalicelib", "jwt"}


@pytest.mark.parametrize("how", ["by id", "by correlationId"])
def test_fetching_a_job_imports_no_model_no_worker_and_nothing_of_the_chain(environment: dict[str, str], how: str) -> None:
    modules = run(environment, FIRST_JOB, token(), how)["modules"]
    assert packages(modules).isdisjoint(NOT_FOR_READING)
    assert rooms(modules).isdisjoint({"workers", "admin"})
    assert {module for module in modules if module.startswith("chalicelib.chain.")} == {"chalicelib.chain.addresses"}
    assert "chalicelib.queues.sqs" not in modules


def test_with_an_identity_provider_what_checks_public_keys_is_imported_as_well(environment: dict[str, str]) -> None:
    provider = {"JWKS_URL": "http://127.0.0.1:1/", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a", "SECRET_TOKENS": "true"}
    ours = run(environment | provider, FIRST_JOB, token(), "by id")
    assert ours["status"] == 200
    assert "cryptography" in packages(ours["modules"])


@pytest.mark.parametrize("function", ["execute_jobs", "confirm_jobs", "record_dead_letters"])
def test_a_function_of_a_queue_starts_with_the_table_of_routes_and_nothing_else_of_the_api(
    environment: dict[str, str], function: str
) -> None:
    modules = run(environment, NOTHING_TO_DO, function)["modules"]
    of_the_api = {module for module in modules if module.startswith("chalicelib.api.")}
    plumbing = {f"http.{name}" for name in ("body", "cors", "errors", "reply", "request", "routing")}
    assert of_the_api == {f"chalicelib.api.{name}" for name in ("http", "routes", *plumbing)}
    assert packages(modules).isdisjoint(NOT_FOR_READING | {"jwt"})
    assert "workers" in rooms(modules)
    assert rooms(modules).isdisjoint({"auth", "admin"})


def test_importing_the_app_imports_no_workers_and_no_resource(environment: dict[str, str]) -> None:
    modules = run(environment, NOTHING_TO_DO)["modules"]
    assert rooms(modules).isdisjoint({"workers", "auth", "admin", "chain"})
    assert packages(modules).isdisjoint(NOT_FOR_READING | {"jwt"})
    assert "botocore.session" in modules, "what every function uses is imported before the first event"
