"""What was measured is written at the end of each invocation, of whatever kind, and however it ends."""

import json
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib.metrics import Metric
from chalicelib.telemetry.emf import EmfMetrics
from chalicelib.telemetry.invocations import flush_after_invocations
from tests.fakes.observing import STACK


@pytest.fixture
def metrics() -> EmfMetrics:
    return EmfMetrics(STACK)


@pytest.fixture
def service(metrics: EmfMetrics) -> Chalice:
    service = Chalice("jobs-api")

    @service.route("/{what}")
    def request(what: str) -> dict[str, str]:
        handle(what)
        return {}

    @service.on_sqs_message(queue="execute")
    def worker(event: Any) -> None:
        handle(event.to_dict()["what"])

    def handle(what: str) -> None:
        if what != "nothing":
            metrics.add(Metric.Reverts, 1)
        if what == "failure":
            raise ConnectionError

    service.worker = worker
    flush_after_invocations(service, metrics.flush)
    return service


def http_event(what: str) -> dict[str, Any]:
    return {
        "requestContext": {"resourcePath": "/{what}", "httpMethod": "GET", "requestId": "1"},
        "pathParameters": {"what": what},
        "headers": {},
        "multiValueQueryStringParameters": None,
        "body": None,
        "isBase64Encoded": False,
        "stageVariables": None,
    }


def counted(capsys: pytest.CaptureFixture[str]) -> list[float]:
    return [value for line in capsys.readouterr().out.splitlines() for value in json.loads(line)["Reverts"]]


@pytest.mark.parametrize(("what", "status"), [("something", 200), ("failure", 500)])
def test_after_a_request(service: Chalice, what: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert service(http_event(what), None)["statusCode"] == status
    assert counted(capsys) == [1]


def test_after_messages(service: Chalice, capsys: pytest.CaptureFixture[str]) -> None:
    service.worker({"what": "something"}, None)
    assert counted(capsys) == [1]
    with pytest.raises(ConnectionError):
        service.worker({"what": "failure"}, None)
    assert counted(capsys) == [1]


def test_nothing_is_written_after_an_invocation_that_measured_nothing(
    service: Chalice, capsys: pytest.CaptureFixture[str]
) -> None:
    service(http_event("nothing"), None)
    service.worker({"what": "nothing"}, None)
    assert capsys.readouterr().out == ""
