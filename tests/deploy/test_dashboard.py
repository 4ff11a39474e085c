"""The dashboard in the template: CloudWatch shows an empty graph for whatever is misspelt in it, and says nothing."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from stack.build.metrics import EXISTING, OURS
from tests.deploy.reading import of_type

SEARCH = re.compile(
    r"SEARCH\('\{(?P<schema>[^}]+)\} MetricName=\"(?P<name>\w+)\" (?P<by>\w+)=\"[^\"]+\"', '(?P<stat>\w+)', 60\)"
)
WIDTH = 24


@pytest.fixture
def body(resources: dict[str, Any]) -> dict[str, Any]:
    """As it is once Fn::Sub has been at it, with values as awkward as they get."""
    text: str = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    found: dict[str, Any] = json.loads(re.sub(r"\$\{[^}]+\}", "some-value.fifo", text))
    return found


def graphs(body: dict[str, Any]) -> Iterator[tuple[str, list[list[Any]]]]:
    """(title, metrics)"""
    for widget in body["widgets"]:
        if widget["type"] == "metric":
            yield widget["properties"]["title"], widget["properties"]["metrics"]


def shown(body: dict[str, Any]) -> Iterator[tuple[str, str, str, frozenset[str]]]:
    """(graph, namespace, metric, dimensions)"""
    for title, metrics in graphs(body):
        for entry in metrics:
            words = [word for word in entry if isinstance(word, str)]
            if words:
                namespace, name, *pairs = words
                assert len(pairs) % 2 == 0, (title, entry)
                yield title, namespace, name, frozenset(pairs[::2])
                continue
            found = SEARCH.fullmatch(entry[0]["expression"])
            assert found, (title, entry)
            namespace, *names = found["schema"].split(",")
            assert found["by"] in names, (title, entry)
            yield title, namespace, found["name"], frozenset(names)


def test_whatever_is_put_into_the_body_is_in_the_template(template: dict[str, Any]) -> None:
    text = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    named = set(re.findall(r"\$\{([^}]+)\}", text))
    assert {"AWS::StackName", "AWS::Region"} <= named
    known = template["Resources"].keys() | {"AWS::StackName", "AWS::Region"}
    assert {name.partition(".")[0] for name in named} <= known


def test_every_graph_is_of_metrics_that_exist(body: dict[str, Any]) -> None:
    for title, namespace, name, dimensions in shown(body):
        assert dimensions in EXISTING[namespace][name], (title, name, dimensions)


def test_every_metric_of_our_own_is_shown(body: dict[str, Any]) -> None:
    """The lowest balance is one of the balances."""
    assert {name for _, namespace, name, _ in shown(body) if namespace == OURS} == EXISTING[OURS].keys() - {
        "LowestAccountBalance"
    }


def test_the_functions_queues_tables_and_the_api_are_shown(body: dict[str, Any]) -> None:
    assert {(namespace, name) for _, namespace, name, _ in shown(body)} >= {
        ("AWS/ApiGateway", "Count"),
        ("AWS/ApiGateway", "Latency"),
        ("AWS/ApiGateway", "4XXError"),
        ("AWS/ApiGateway", "5XXError"),
        ("AWS/DynamoDB", "ConsumedReadCapacityUnits"),
        ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"),
        ("AWS/Lambda", "Duration"),
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/Lambda", "ConcurrentExecutions"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
    }


def test_all_alarms_stand_at_the_top(resources: dict[str, Any]) -> None:
    (first, *_) = json.loads(resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])["widgets"]
    assert (first["type"], first["x"], first["y"]) == ("alarm", 0, 0)
    alarms = of_type(resources, "AWS::CloudWatch::Alarm")
    assert sorted(first["properties"]["alarms"]) == sorted(f"${{{name}.Arn}}" for name in alarms)


def test_no_widget_lies_over_another_or_beyond_the_edge(body: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body["widgets"]:
        assert widget["x"] + widget["width"] <= WIDTH
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken, widget["properties"]["title"]
        taken |= cells


def test_every_graph_says_what_it_shows_where_and_over_a_minute(body: dict[str, Any]) -> None:
    titles = [title for title, _ in graphs(body)]
    assert len(set(titles)) == len(titles)
    for widget in body["widgets"]:
        if widget["type"] == "metric":
            assert widget["properties"]["region"], widget
            assert widget["properties"]["period"] == 60, widget
