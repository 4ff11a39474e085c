"""Metrics as CloudWatch reads them from the log, written by powertools itself."""

import json

import pytest

from chalicelib.metrics import Metric
from chalicelib.telemetry.emf import CountedRpc, EmfMetrics
from tests.fakes.observing import STACK, Measured

VALUES_AT_MOST = 100
DIMENSIONS_AT_MOST = 30
UNBOUNDED = {"jobId", "owner", "correlationId", "txHash", "nonce"}
BOUNDED = {"name", "outcome", "account", "endpoint", "age"}


def written(metrics: EmfMetrics, capsys: pytest.CaptureFixture[str]) -> Measured:
    metrics.flush()
    return Measured([json.loads(line) for line in capsys.readouterr().out.splitlines()])


@pytest.fixture
def metrics() -> EmfMetrics:
    return EmfMetrics(STACK)


def test_nothing_is_written_when_there_is_nothing(metrics: EmfMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    metrics.flush()
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("metric", Metric)
def test_every_metric_is_written_in_each_of_its_series(
    metric: Metric, metrics: EmfMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    dimensions = {name: f"some {name}" for names in metric.value.series for name in names}
    metrics.add(metric, 2, **dimensions)
    measured = written(metrics, capsys)
    (document,) = measured.documents
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "JobsApi"
    assert directive["Metrics"] == [{"Name": metric.name, "Unit": metric.value.unit}]
    for names in metric.value.series:
        assert measured.values(metric.name, **{name: f"some {name}" for name in names}) == [2]
    assert len(directive["Dimensions"]) == len(metric.value.series)
    assert len({name for names in directive["Dimensions"] for name in names}) <= DIMENSIONS_AT_MOST


@pytest.mark.parametrize("metric", Metric)
def test_no_dimension_grows_with_use(metric: Metric) -> None:
    names = {name for names in metric.value.series for name in names}
    assert names <= BOUNDED
    assert not names & UNBOUNDED


def test_counts_are_added_up_and_seconds_are_kept_apart(metrics: EmfMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    for seconds in (1.5, 2.5):
        metrics.add(Metric.JobsIssued, 1, name="mint")
        metrics.add(Metric.SecondsToFinal, seconds)
    measured = written(metrics, capsys)
    assert measured.values("JobsIssued", name="mint") == measured.values("JobsIssued") == [2]
    assert measured.values("SecondsToFinal") == [1.5, 2.5]


@pytest.mark.parametrize("count", [1, VALUES_AT_MOST - 1, VALUES_AT_MOST, VALUES_AT_MOST + 1, 250])
def test_no_document_has_more_values_of_a_metric_than_the_format_takes(
    count: int, metrics: EmfMetrics, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    for number in range(count):
        metrics.add(Metric.SecondsToBroadcast, number)
    measured = written(metrics, capsys)
    assert measured.values("SecondsToBroadcast") == list(range(count))
    assert max(len(document["SecondsToBroadcast"]) for document in measured.documents) <= VALUES_AT_MOST
    assert recwarn.list == []


def test_metrics_of_the_same_dimensions_share_a_document_and_others_do_not(
    metrics: EmfMetrics, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics.add(Metric.SecondsToFinal, 1)
    metrics.add(Metric.Reverts, 1)
    metrics.add(Metric.FeeSpent, 0.1, account="0xA")
    metrics.add(Metric.FeeSpent, 0.2, account="0xB")
    metrics.add(Metric.AccountBalance, 3, account="0xB")
    measured = written(metrics, capsys)
    assert len(measured.documents) == 3
    assert (measured.values("FeeSpent", account="0xA"), measured.values("FeeSpent", account="0xB")) == ([0.1], [0.2])
    assert measured.values("AccountBalance", account="0xA") == []


def test_what_was_written_is_not_written_again(metrics: EmfMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    metrics.add(Metric.JobsIssued, 1, name="mint")
    assert written(metrics, capsys).total("JobsIssued") == 1
    metrics.add(Metric.JobsIssued, 1, name="burn")
    measured = written(metrics, capsys)
    assert (measured.total("JobsIssued", name="mint"), measured.total("JobsIssued", name="burn")) == (0, 1)


def test_a_metric_that_cannot_be_written_is_a_line_in_the_log_and_the_others_are_written(
    metrics: EmfMetrics, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    metrics.add(Metric.FeeSpent, 1)  # without its account
    metrics.add(Metric.OldestOpenJob, "long", age="x")  # type: ignore[arg-type]
    metrics.add(Metric.Reverts, 1)
    assert written(metrics, capsys).total("Reverts") == 1
    assert caplog.messages == ["metrics could not be written"] * 2


def test_an_endpoint_is_counted_by_its_host(metrics: EmfMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    health = CountedRpc(metrics)
    health.failed("rpc.fuse.io")
    health.failed("rpc.fuse.io")
    health.failed("127.0.0.1:8545")
    health.down()
    measured = written(metrics, capsys)
    assert measured.values("RpcErrors", endpoint="rpc.fuse.io") == [2]
    assert measured.values("RpcErrors", endpoint="127.0.0.1:8545") == [1]
    assert measured.values("RpcDown") == [1]
