"""The alarms in the template: each can ring, does not ring for nothing, and tells the operator what to do."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from stack import paths
from stack.build.metrics import EXISTING, OURS, Metric
from tests.deploy.reading import functions, of_type

GAUGES = {"OldestOpenJob", "LowestAccountBalance", "PausedAccounts"}
"""Own metrics that reconcile writes each minute, also when all is well."""
WATCHED = {
    (OURS, "OldestOpenJob"),
    (OURS, "DeadLetters"),
    (OURS, "RpcDown"),
    (OURS, "LowestAccountBalance"),
    (OURS, "PausedAccounts"),
    ("AWS/ApiGateway", "5XXError"),
    ("AWS/DynamoDB", "ThrottledRequests"),
    ("AWS/Lambda", "Duration"),
    ("AWS/Lambda", "Errors"),
    ("AWS/Lambda", "Invocations"),
    ("AWS/Lambda", "Throttles"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
}


@pytest.fixture
def alarms(resources: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: alarm["Properties"] for name, alarm in of_type(resources, "AWS::CloudWatch::Alarm").items()}


def of_metric(alarms: dict[str, dict[str, Any]], namespace: str, metric: str) -> Iterator[dict[str, Any]]:
    return (alarm for alarm in alarms.values() if (alarm["Namespace"], alarm["MetricName"]) == (namespace, metric))


def dimensions(alarm: dict[str, Any]) -> dict[str, Any]:
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}


def test_all_that_has_to_be_watched_is(alarms: dict[str, dict[str, Any]]) -> None:
    assert {(alarm["Namespace"], alarm["MetricName"]) for alarm in alarms.values()} == WATCHED


def test_every_alarm_is_of_a_metric_that_exists(alarms: dict[str, dict[str, Any]]) -> None:
    """One of a misspelt metric, or of other dimensions, is silent for ever."""
    for name, alarm in alarms.items():
        assert frozenset(dimensions(alarm)) in EXISTING[alarm["Namespace"]][alarm["MetricName"]], name


def test_a_metric_that_nobody_writes_cannot_be_watched() -> None:
    with pytest.raises(KeyError):
        Metric(OURS, "OldestOpenJobs", {"stack": "one"})
    with pytest.raises(ValueError, match="OpenJobs is not kept by stack"):
        Metric(OURS, "OpenJobs", {"stack": "one"})


def test_every_own_metric_is_this_stacks(alarms: dict[str, dict[str, Any]]) -> None:
    for alarm in alarms.values():
        if alarm["Namespace"] == OURS:
            assert dimensions(alarm)["stack"] == {"Ref": "AWS::StackName"}


def test_every_alarm_says_what_to_do_and_where_to_read_on(alarms: dict[str, dict[str, Any]]) -> None:
    runbook_lines = (paths.ROOT / "docs" / "runbook.md").read_text(encoding="utf-8").splitlines()
    headings = {line.removeprefix("## ") for line in runbook_lines if line.startswith("## ")}
    for name, alarm in alarms.items():
        what, _, runbook = alarm["AlarmDescription"].partition(" Runbook (docs/runbook.md): ")
        happened, do = what.split(". ", 1)
        assert happened, name
        assert do.split()[0] in {"See", "Read", "Find", "Look", "Raise"}, do
        assert runbook.strip('".') in headings, name
        assert len(alarm["AlarmDescription"]) <= 1024, name


def test_the_document_for_operators_lists_every_alarm(resources: dict[str, Any], alarms: dict[str, dict[str, Any]]) -> None:
    text = (paths.ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
    for name in alarms:
        listed = re.sub(rf"^({'|'.join(functions(resources))})", "<function>", name.removesuffix("Alarm"))
        listed = re.sub(r"^(Jobs|Accounts)Table[A-Za-z]+Throttles$", "<table><operation>Throttles", listed)
        assert f"`{listed}`" in text, name


def test_every_alarm_is_heard_when_it_rings_and_when_it_is_over(alarms: dict[str, dict[str, Any]]) -> None:
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}], name
        assert alarm.get("ActionsEnabled", True), name


def test_no_alarm_rings_for_one_bad_minute_or_comes_and_goes(alarms: dict[str, dict[str, Any]]) -> None:
    """Three minutes of five; or, of what is an event, up for an hour after the last one."""
    for name, alarm in alarms.items():
        assert alarm["Period"] == 60, name
        assert alarm["EvaluationPeriods"] * alarm["Period"] <= 86_400, name
        assert alarm["DatapointsToAlarm"] >= 3 or alarm["EvaluationPeriods"] >= 60, name


def test_a_minute_without_data_means_what_it_means(alarms: dict[str, dict[str, Any]]) -> None:
    """Without data a count is 0, a gauge is unknown and keeps its alarm as it is, and a schedule has stopped."""
    for name, alarm in alarms.items():
        if alarm["MetricName"] in GAUGES:
            expected = "ignore"
        elif alarm["MetricName"] == "Invocations":
            expected = "breaching"
        else:
            expected = "notBreaching"
        assert alarm["TreatMissingData"] == expected, name


def test_every_function_is_watched_for_errors_throttles_and_its_timeout(
    resources: dict[str, Any], alarms: dict[str, dict[str, Any]]
) -> None:
    for metric in ("Errors", "Throttles", "Duration"):
        watched = {dimensions(alarm)["FunctionName"]["Ref"]: alarm for alarm in of_metric(alarms, "AWS/Lambda", metric)}
        assert set(watched) == set(functions(resources)), metric
    for alarm in of_metric(alarms, "AWS/Lambda", "Duration"):
        timeout = resources[dimensions(alarm)["FunctionName"]["Ref"]]["Properties"]["Timeout"]
        assert alarm["Statistic"] == "Maximum"
        assert 0.5 * timeout < alarm["Threshold"] / 1000 < timeout


def test_both_dead_letter_queues_are_watched(alarms: dict[str, dict[str, Any]]) -> None:
    watched = of_metric(alarms, "AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert {dimensions(alarm)["QueueName"]["Fn::GetAtt"][0] for alarm in watched} == {
        "ExecuteDeadLetters",
        "ConfirmDeadLetters",
    }


def test_the_apis_errors_are_a_share_of_its_own_requests(resources: dict[str, Any], alarms: dict[str, dict[str, Any]]) -> None:
    """API Gateway keeps its metrics by the API's name: two stacks with one name would ring for each other."""
    (alarm,) = of_metric(alarms, "AWS/ApiGateway", "5XXError")
    api = resources["RestAPI"]["Properties"]
    assert dimensions(alarm) == {"ApiName": api["Name"], "Stage": api["StageName"]}
    assert alarm["Statistic"] == "Average"
    assert alarm["Threshold"] < 1


def test_reconcile_is_missed_when_it_stops(alarms: dict[str, dict[str, Any]]) -> None:
    (alarm,) = of_metric(alarms, "AWS/Lambda", "Invocations")
    assert dimensions(alarm) == {"FunctionName": {"Ref": "ReconcileJobs"}}
    assert (alarm["ComparisonOperator"], alarm["Threshold"], alarm["EvaluationPeriods"]) == ("LessThanThreshold", 1, 5)


def test_an_account_is_low_below_the_parameter(template: dict[str, Any], alarms: dict[str, dict[str, Any]]) -> None:
    (alarm,) = of_metric(alarms, OURS, "LowestAccountBalance")
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", {"Ref": "LowBalance"})
    assert template["Parameters"]["LowBalance"]["Type"] == "Number"


def test_alarms_are_mailed_to_whom_the_parameter_names_and_to_nobody_else(template: dict[str, Any]) -> None:
    mail = template["Resources"]["AlarmMail"]
    assert template["Conditions"][mail["Condition"]] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmEmail"}, ""]}]}
    assert mail["Properties"] == {"TopicArn": {"Ref": "AlarmTopic"}, "Protocol": "email", "Endpoint": {"Ref": "AlarmEmail"}}
    assert list(of_type(template["Resources"], "AWS::SNS::Subscription")) == ["AlarmMail"]
    assert template["Outputs"]["AlarmTopicArn"]["Value"] == {"Ref": "AlarmTopic"}
