"""What a cold start of the API costs: the chain's libraries are not among it."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

ANSWER_ONE_GET = """
import json, sys, time
import jwt
import app
from tests.fakes.memory import MemoryJobStore

SECRET = "an HS256 key of 40 random characters: 8sK"
app.wiring.jobs = MemoryJobStore()
app.wiring.accounts = app.wiring.queue = object()
app.wiring.jwt_secret = lambda: SECRET
token = jwt.encode(
    {"accountAddress": "0x7f0A2cF4b252F76F1946D0152267d82d8977547B", "exp": time.time() + 60}, SECRET, algorithm="HS256"
)
event = {
    "httpMethod": "GET",
    "requestContext": {"resourcePath": "/api/v2/jobs/{job_id}", "httpMethod": "GET", "requestId": "1"},
    "resource": "/api/v2/jobs/{job_id}",
    "path": "/api/v2/jobs/62b17abc8c26160014940e87",
    "pathParameters": {"job_id": "62b17abc8c26160014940e87"},
    "headers": {"authorization": "Bearer " + token},
    "multiValueQueryStringParameters": None,
    "queryStringParameters": None,
    "body": None,
    "isBase64Encoded": False,
    "stageVariables": None,
}
answer = app.app(event, None)
print(json.dumps({"status": answer["statusCode"], "body": json.loads(answer["body"]), "modules": sorted(sys.modules)}))
"""

ENVIRONMENT = {
    "STAGE": "local",
    "STACK_NAME": "jobs-api-local",
    "JOBS_TABLE": "jobs",
    "ACCOUNTS_TABLE": "accounts",
    "EXECUTE_QUEUE_URL": "http://127.0.0.1/execute.fifo",
    "CONFIRM_QUEUE_URL": "http://127.0.0.1/confirm",
    "JWT_SECRET_ID": "jobs-api-local/jwt",
    "PHONE_KEY_ID": "jobs-api-local/phone-numbers",
    "NETWORK": "fuse",
    "PYTHONPATH": str(ROOT),
}


def test_answering_a_get_job_never_imports_web3() -> None:
    run = subprocess.run(
        [sys.executable, "-c", ANSWER_ONE_GET],
        cwd=ROOT,
        env=ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer = json.loads(run.stdout)
    assert (answer["status"], answer["body"]["code"]) == (404, "JobNotFound")
    loaded = {module.split(".")[0] for module in answer["modules"]}
    assert not loaded & {"web3", "eth_abi", "eth_account", "eth_utils", "aiohttp", "requests"}
