"""Requests to the API's function, as API Gateway hands them over: to one of some processes, whichever is free."""

import json
import queue
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from tests.bench.processes import FunctionProcess, Invocations

JOBS = "/api/v2/jobs"
JOB = "/api/v2/jobs/{job_id}"
RETRY = "/api/v2/jobs/retry"


class Refused(RuntimeError):
    """The API answered with another status than was to be expected."""


def http_event(
    method: str,
    route: str,
    token: str,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Any = None,
) -> dict[str, Any]:
    """A REST API's proxy event. `route` has its parameters in braces, `path` their values."""
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json"}
    actual = route
    for name, value in (path or {}).items():
        actual = actual.replace(f"{{{name}}}", value)
    return {
        "resource": route,
        "path": actual,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": dict(path) if path else None,
        "stageVariables": None,
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": route,
            "httpMethod": method,
            "path": actual,
            "stage": "local",
            "requestId": str(uuid4()),
            "identity": {"sourceIp": "127.0.0.1"},
        },
    }


class Api:
    """The processes of the API's function. Their invocations go to `invocations` unless a request is not to be counted."""

    def __init__(self, processes: Sequence[FunctionProcess], invocations: Invocations) -> None:
        self._processes = processes
        self._invocations = invocations
        self._free: queue.SimpleQueue[FunctionProcess] = queue.SimpleQueue()
        for process in processes:
            self._free.put(process)

    def request(self, event: Mapping[str, Any], *, wanted: int = 200, counted: bool = True) -> dict[str, Any]:
        """The body. Raises Refused when the status is not the wanted one."""
        with self._one() as process:
            invocation = process.invoke(event)
        if counted:
            self._invocations.add(invocation)
        if invocation.error is not None or invocation.result["statusCode"] != wanted:
            raise Refused(f"{event['httpMethod']} {event['path']}: {invocation.error or invocation.result}")
        body: dict[str, Any] = json.loads(invocation.result["body"])
        return body

    @contextmanager
    def _one(self) -> Iterator[FunctionProcess]:
        process = self._free.get()
        try:
            yield process
        finally:
            self._free.put(process)

    def issue(self, token: str, **body: Any) -> str:
        """The id of a new job."""
        answer = self.request(http_event("POST", JOBS, token, body=body), wanted=201)
        return str(answer["job"]["_id"])

    def issue_many(self, requests: Iterable[tuple[str, Mapping[str, Any]]]) -> list[str]:
        """Jobs of (token, body), as many at a time as there are processes; their ids in order."""
        with ThreadPoolExecutor(len(self._processes)) as pool:
            return list(pool.map(lambda request: self.issue(request[0], **request[1]), requests))

    def job(self, token: str, job_id: str) -> dict[str, Any]:
        """As it is now; not counted."""
        answer = self.request(http_event("GET", JOB, token, path={"job_id": job_id}), counted=False)
        return dict(answer["data"])
