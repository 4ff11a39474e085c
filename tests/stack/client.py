"""A client as an issuer would write it: plain HTTP, and the chain asked independently of the service."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import boto3
import requests
from web3 import HTTPProvider, Web3
from web3.contract import Contract

ARTIFACTS = Path(__file__).parents[2] / "contracts" / "out"
FINAL = {"succeeded", "failed", "cancelled"}
PATIENCE_SECONDS = 120
"""How long a condition is awaited before the test fails. It decides nothing else."""

T = TypeVar("T")


def wait_for(what: str, look: Callable[[], T | None], seconds: float = PATIENCE_SECONDS) -> T:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.2)
    return found


class Client:
    """One token's view of the API."""

    def __init__(self, env: dict[str, str], token: str) -> None:
        self._base = env["API_URL"]
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return self._session.request(method, f"{self._base}{path}", timeout=PATIENCE_SECONDS, **options)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.request("GET", path, params=query)

    def post(self, path: str, body: Any = None) -> requests.Response:
        return self.request("POST", path, json=body)

    def issue(self, **body: Any) -> dict[str, Any]:
        """A new job. Fails the test when the API does not take it."""
        answer = self.post("/api/v2/jobs", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json()["job"])

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.get(f"/api/v2/jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["data"])

    def await_job(self, job_id: str, statuses: set[str] | None = None) -> dict[str, Any]:
        """The job, once it is in one of these states (any final one by default)."""

        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["status"] in (statuses or FINAL) else None

        return wait_for(f"job {job_id} in {statuses or FINAL}", look)


def aws(env: dict[str, str], service: str) -> Any:
    """A client of the stack's emulated AWS, with rights to everything."""
    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        region_name=env["AWS_REGION"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
    )


def chain_of(env: dict[str, str]) -> Web3:
    return Web3(HTTPProvider(env["RPC_URL"]))


def artifact(name: str) -> dict[str, Any]:
    """ABI and bytecode, as contracts/compile.js wrote them."""
    return dict(json.loads((ARTIFACTS / f"{name}.json").read_text()))


def contract_at(chain: Web3, name: str, address: str) -> Contract:
    return chain.eth.contract(address=Web3.to_checksum_address(address), abi=artifact(name)["abi"])
