"""The dashboard of a stage, with the alarms at its top and functions and tables at its foot."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from stack.build.alarms import FUNCTION
from stack.build.metrics import AGES, OURS, OUTCOMES, Metric, names_of, of_api, of_function, of_jobs, of_queue, of_table

WIDTH = 24
HEIGHT = 6
PERIOD_SECONDS = 60
QUEUES = ("ExecuteQueue", "ConfirmQueue")
DEAD_LETTER_QUEUES = ("ExecuteDeadLetters", "ConfirmDeadLetters")
TABLES = ("JobsTable", "AccountsTable")

Series = list[Any]
"""An entry in the `metrics` of a widget."""


def dashboard(template: Mapping[str, Any], alarms: Iterable[str]) -> dict[str, Any]:
    """Return the dashboard's resource, for a packaged template and the logical ids of its alarms."""
    functions = list(names_of(FUNCTION, template["Resources"]))
    stage = template["Resources"]["RestAPI"]["Properties"]["StageName"]
    rows = [[_alarm_widget(alarms)], *_of_jobs(), _of_the_chain(), *_of_queues(), _of_the_api(stage), *_of_functions(functions)]
    body = {"start": "-PT3H", "widgets": list(_placed([*rows, _of_tables()]))}
    name = {"Fn::Sub": "${AWS::StackName}"}
    properties = {"DashboardName": name, "DashboardBody": {"Fn::Sub": json.dumps(body, separators=(",", ":"))}}
    return {"Type": "AWS::CloudWatch::Dashboard", "Properties": properties}


def _of_jobs() -> Iterator[list[dict[str, Any]]]:
    finished = [series(of_jobs("JobsFinished", outcome=outcome), label=outcome) for outcome in OUTCOMES]
    times = {"SecondsToBroadcast": "accepted → broadcast", "SecondsToMined": "→ mined", "SecondsToFinal": "→ final"}
    yield [
        _graph("Jobs issued and finished, a minute", [series(of_jobs("JobsIssued"), label="issued"), *finished], "Sum"),
        *(
            _graph(
                f"Seconds: {label}",
                [series(of_jobs(name), label=stat, stat=stat) for stat in ("p50", "p99")],
                "p50",
            )
            for name, label in times.items()
        ),
    ]
    yield [
        _graph("Open jobs by age", [series(of_jobs("OpenJobs", age=age), label=age) for age in AGES], "Maximum", stacked=True),
        _graph("Oldest open job, seconds", [series(of_jobs("OldestOpenJob"))], "Maximum"),
        _graph("Replacements and reverts", [series(of_jobs(name), label=name) for name in ("Replacements", "Reverts")], "Sum"),
    ]


def _of_the_chain() -> list[dict[str, Any]]:
    return [
        _graph("Balances, coins", [search("AccountBalance", "account", "Minimum")], "Minimum"),
        _graph("Fees paid, coins", [search("FeeSpent", "account", "Sum")], "Sum"),
        _graph("Paused accounts", [series(of_jobs("PausedAccounts"))], "Maximum"),
        _graph(
            "RPC errors by endpoint",
            [search("RpcErrors", "endpoint", "Sum"), series(of_jobs("RpcDown"), label="none answered")],
            "Sum",
        ),
    ]


def _of_queues() -> Iterator[list[dict[str, Any]]]:
    def each(name: str, queues: Sequence[str]) -> list[Series]:
        return [series(of_queue(name, queue), label=queue) for queue in queues]

    in_flight = [
        series(of_queue("ApproximateNumberOfMessagesNotVisible", queue), label=f"{queue}, in flight") for queue in QUEUES
    ]
    yield [
        _graph("Messages waiting", [*each("ApproximateNumberOfMessagesVisible", QUEUES), *in_flight], "Maximum"),
        _graph("Oldest message, seconds", each("ApproximateAgeOfOldestMessage", QUEUES), "Maximum"),
        _graph(
            "Dead letters: waiting, and recorded into jobs",
            [*each("ApproximateNumberOfMessagesVisible", DEAD_LETTER_QUEUES), series(of_jobs("DeadLetters"), stat="Sum")],
            "Maximum",
        ),
    ]


def _of_the_api(stage: str) -> list[dict[str, Any]]:
    latency = [series(of_api("Latency", stage), label=stat, stat=stat) for stat in ("p50", "p99")]
    return [
        _graph("API requests", [series(of_api("Count", stage), label="requests")], "Sum"),
        _graph("API latency, ms", latency, "p50"),
        _graph(
            "API answers 4xx and 5xx", [series(of_api(name, stage), label=name) for name in ("4XXError", "5XXError")], "Sum"
        ),
    ]


def _of_functions(functions: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    titles = {
        "Duration": ("Function duration p99, ms", "p99"),
        "Errors": ("Function errors", "Sum"),
        "Throttles": ("Function throttles", "Sum"),
        "ConcurrentExecutions": ("Concurrent executions", "Maximum"),
    }
    yield [
        _graph(title, [series(of_function(name, function), label=function) for function in functions], stat)
        for name, (title, stat) in titles.items()
    ]


def _of_tables() -> list[dict[str, Any]]:
    def units(kind: str) -> list[Series]:
        name = f"Consumed{kind}CapacityUnits"
        of_the_tables = [series(of_table(name, table), label=table) for table in TABLES]
        return [*of_the_tables, *(search_indexes(name, table) for table in TABLES)]

    throttled = [series(of_table(name, table), label=f"{table} {name}") for table in TABLES for name in THROTTLE_EVENTS]
    of_indexes = [search_indexes(name, table) for table in TABLES for name in THROTTLE_EVENTS]
    return [
        _graph("DynamoDB read units, indexes apart", units("Read"), "Sum"),
        _graph("DynamoDB write units, indexes apart", units("Write"), "Sum"),
        _graph("DynamoDB throttles", [*throttled, *of_indexes], "Sum"),
    ]


THROTTLE_EVENTS = ("ReadThrottleEvents", "WriteThrottleEvents")


def series(metric: Metric, *, label: str = "", stat: str = "") -> Series:
    """Return one line of a graph. Its dimensions are text for Fn::Sub."""
    options = {name: value for name, value in (("label", label), ("stat", stat)) if value}
    pairs = [text for name, value in metric.dimensions.items() for text in (name, _substituted(value))]
    return [metric.namespace, metric.name, *pairs, *([options] if options else [])]


def search(name: str, dimension: str, stat: str) -> Series:
    """Return a search with a line for each value of the second dimension of one of the service's own metrics."""
    Metric(OURS, name, {"stack": "", dimension: ""})
    return _search(f'{{{OURS},stack,{dimension}}} MetricName="{name}" stack="${{AWS::StackName}}"', stat)


def search_indexes(name: str, table: str) -> Series:
    """Return a search with a line for each index of a table."""
    Metric("AWS/DynamoDB", name, {"TableName": "", "GlobalSecondaryIndexName": ""})
    return _search(f'{{AWS/DynamoDB,TableName,GlobalSecondaryIndexName}} MetricName="{name}" TableName="${{{table}}}"', "Sum")


def _search(what: str, stat: str) -> Series:
    return [{"expression": f"SEARCH('{what}', '{stat}', {PERIOD_SECONDS})"}]


def _substituted(value: Any) -> str:
    """Return an intrinsic function as Fn::Sub writes it."""
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"${{{value['Ref']}}}"
    resource, attribute = value["Fn::GetAtt"]
    return f"${{{resource}.{attribute}}}"


def _alarm_widget(alarms: Iterable[str]) -> dict[str, Any]:
    return {"type": "alarm", "properties": {"title": "Alarms", "alarms": [f"${{{name}.Arn}}" for name in alarms]}}


def _graph(title: str, metrics: list[Series], stat: str, *, stacked: bool = False) -> dict[str, Any]:
    properties = {
        "title": title,
        "metrics": metrics,
        "stat": stat,
        "period": PERIOD_SECONDS,
        "region": "${AWS::Region}",
        "view": "timeSeries",
        "stacked": stacked,
        "yAxis": {"left": {"min": 0}},
    }
    return {"type": "metric", "properties": properties}


def _placed(rows: Sequence[Sequence[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Place the widgets: each row has the whole width, and its widgets have the same size."""
    for y, row in enumerate(rows):
        width = WIDTH // len(row)
        for x, widget in enumerate(row):
            yield {**widget, "x": x * width, "y": y * HEIGHT, "width": width, "height": HEIGHT}
