"""Alarms, dashboard and limits on the emulator: deployed as they are, and the alarms rung one by one."""

import json
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from stack.aws import Client
from stack.build.metrics import OURS
from stack.build.package import package
from stack.build.runtime import of_this_machine
from stack.deployment.deploy import Outputs, deploy
from stack.progress import silent

STACK = "watched"
RINGS_AT = {
    "OldestOpenJob": (900, 901),
    "DeadLetters": (0, 1),
    "RpcDown": (0, 1),
    "AccountLow": (2.5, 2.4),
    "AccountPaused": (0, 1),
    "ApiErrors": (0.05, 1),  # the average of both
    "ExecuteQueueAge": (300, 301),
    "ExecuteDeadLettersWaiting": (0, 1),
    "JobsTablePutItemThrottles": (0, 1),
}
"""A value that does not ring it, and one that does. The emulator itself measures functions; those alarms are in test_alarms."""


@pytest.fixture(scope="module")
def outputs(aws: Client, tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """Packaged for this Python, by which the emulator runs every function, whatever its runtime."""
    given = {"AlarmEmail": "on-call@example.com", "LowBalance": "2.5", "AccessLogs": "on", "ConfirmConcurrency": "7"}
    slow = {"ApiRate": "1", "ApiBurst": "2"}
    built = package("spark", silent, tmp_path_factory.mktemp("package"), runtime=of_this_machine())
    return deploy(built, aws, silent, name=STACK, parameters=given | slow)


def alarm(aws: Client, name: str) -> dict[str, Any]:
    (found,) = aws("cloudwatch").describe_alarms(AlarmNames=[f"{STACK}-{name}"])["MetricAlarms"]
    return dict(found)


def measure(aws: Client, of: dict[str, Any], value: float) -> None:
    datum = {"MetricName": of["MetricName"], "Dimensions": of["Dimensions"], "Value": value}
    aws("cloudwatch").put_metric_data(Namespace=of["Namespace"], MetricData=[datum])


def test_every_alarm_of_the_template_is_there_and_tells_the_topic(aws: Client, outputs: Outputs) -> None:
    pages = aws("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{STACK}-")
    found = {one["AlarmName"].removeprefix(f"{STACK}-"): one for page in pages for one in page["MetricAlarms"]}
    assert found.keys() >= RINGS_AT.keys()
    for name, one in found.items():
        assert one["AlarmActions"] == one["OKActions"] == [outputs["AlarmTopicArn"]], name
        assert all(dimension["Value"] for dimension in one["Dimensions"]), name


@pytest.mark.parametrize("name", RINGS_AT)
def test_an_alarm_rings_at_its_value_and_not_short_of_it(aws: Client, outputs: Outputs, name: str) -> None:
    quiet, rings = RINGS_AT[name]
    measure(aws, alarm(aws, name), quiet)
    assert alarm(aws, name)["StateValue"] == "OK"
    measure(aws, alarm(aws, name), rings)
    assert alarm(aws, name)["StateValue"] == "ALARM"


def test_who_listens_to_the_topic_is_told_what_to_do(aws: Client, outputs: Outputs) -> None:
    topic = {"ArnEquals": {"aws:SourceArn": outputs["AlarmTopicArn"]}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Condition": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement | {"Resource": "*"}]})
    queue = aws("sqs").create_queue(QueueName="on-call", Attributes={"Policy": policy})["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("sns").subscribe(TopicArn=outputs["AlarmTopicArn"], Protocol="sqs", Endpoint=arn)
    name = f"{STACK}-AccountPaused"
    aws("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="to begin with")
    measure(aws, alarm(aws, "AccountPaused"), 1)
    told = [
        json.loads(json.loads(message["Body"])["Message"])
        for message in aws("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
    ]
    (rung,) = (one for one in told if one["AlarmName"] == name and one["NewStateValue"] == "ALARM")
    assert "unlock it" in rung["AlarmDescription"]
    assert "Runbook" in rung["AlarmDescription"]


def test_the_mail_address_is_subscribed(aws: Client, outputs: Outputs) -> None:
    subscribed = aws("sns").list_subscriptions_by_topic(TopicArn=outputs["AlarmTopicArn"])["Subscriptions"]
    assert [one["Endpoint"] for one in subscribed if one["Protocol"] == "email"] == ["on-call@example.com"]


def test_the_dashboard_is_there_and_is_json(aws: Client, outputs: Outputs) -> None:
    body = aws("cloudwatch").get_dashboard(DashboardName=STACK)["DashboardBody"]
    assert outputs["DashboardURL"].endswith(f"/{STACK}")
    assert "${" not in body
    widgets = json.loads(body)["widgets"]
    alarms = widgets[0]["properties"]["alarms"]
    assert all(arn.startswith("arn:aws:cloudwatch:") for arn in alarms)
    own = [entry for one in widgets[1:] for entry in one["properties"]["metrics"] if entry[0] == OURS]
    assert own and all(entry[2:4] == ["stack", STACK] for entry in own)


def test_the_limit_that_is_given_is_the_one_that_holds(aws: Client, outputs: Outputs) -> None:
    mappings = aws("lambda").list_event_source_mappings()["EventSourceMappings"]
    limits = {
        one["EventSourceArn"].rpartition(":")[2]: one["ScalingConfig"]["MaximumConcurrency"]
        for one in mappings
        if one["EventSourceArn"].rpartition(":")[2].startswith(f"{STACK}-")
    }
    assert {queue.removeprefix(f"{STACK}-"): int(limit) for queue, limit in limits.items()} == {
        "execute.fifo": 10,
        "confirm": 7,
        "execute-dead-letters.fifo": 2,
        "confirm-dead-letters": 2,
    }


def test_requests_beyond_the_rate_are_refused(aws: Client, outputs: Outputs) -> None:
    host = aws("apigateway").meta.endpoint_url.removeprefix("http://")

    def status(_: int) -> int:
        connection = HTTPConnection(host, timeout=60)
        connection.request("GET", f"/restapis/{outputs['RestAPIId']}/spark/_user_request_/health")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    with ThreadPoolExecutor(max_workers=10) as threads:
        assert set(threads.map(status, range(10))) == {200, 429}
