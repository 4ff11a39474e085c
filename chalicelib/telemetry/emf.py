"""Writes metrics in CloudWatch's embedded metric format: JSON documents on standard output. CloudWatch reads the log.

This needs no request and no permission. powertools writes the documents and splits them at the format's limits (100 metrics,
100 values each). It is imported when there is something to write.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.metrics import NAMESPACE, STACK, Metric, Unit

log = logging.getLogger(__name__)

Dimensions = tuple[tuple[str, str], ...]
Values = tuple[Metric, list[float]]


class EmfMetrics:
    """The `Metrics` of `chalicelib.metrics`. Keeps the values since the last flush, and adds up counts."""

    def __init__(self, stack_name: str) -> None:
        self._stack_name = stack_name
        self._values: dict[Metric, dict[Dimensions, list[float]]] = {}

    def add(self, metric: Metric, value: float, **dimensions: str) -> None:
        values = self._values.setdefault(metric, {}).setdefault(tuple(sorted(dimensions.items())), [])
        if metric.value.unit is Unit.COUNT and values:
            values[0] += value
        else:
            values.append(value)

    def flush(self) -> None:
        """Write the kept values. Raises nothing: a metric that cannot be written is logged."""
        measured, self._values = self._values, {}
        for dimensions, values in _by_document(measured):
            try:
                self._write(dimensions, values)
            except Exception:
                log.exception("metrics could not be written", extra={"metrics": [metric.name for metric, _ in values]})

    def _write(self, dimensions: Mapping[str, str], values: Sequence[Values]) -> None:
        """Write one document of metrics that have the same series and dimensions."""
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (  # noqa: PLC0415 -- see above
            AmazonCloudWatchEMFProvider,
        )

        document = AmazonCloudWatchEMFProvider(namespace=NAMESPACE)
        series = values[0][0].value.series
        first, *others = ({STACK: self._stack_name} | {name: dimensions[name] for name in names} for names in series)
        for name, named in first.items():
            document.add_dimension(name, named)
        for other in others:
            document.add_dimensions(**other)
        for metric, measured in values:
            for value in measured:
                document.add_metric(metric.name, metric.value.unit.value, value)
        if document.metric_set:  # powertools writes the document itself at a metric's hundredth value
            document.flush_metrics()


def _by_document(
    measured: Mapping[Metric, Mapping[Dimensions, list[float]]],
) -> Iterator[tuple[Mapping[str, str], list[Values]]]:
    """Yield each document: its dimensions, and the values of the metrics that have these dimensions and the same series."""
    found: dict[Any, list[Values]] = {}
    for metric, of_metric in measured.items():
        for dimensions, values in of_metric.items():
            found.setdefault((dimensions, metric.value.series), []).append((metric, values))
    for (dimensions, _), together in found.items():
        yield dict(dimensions), together


class CountedRpc:
    """The `RpcHealth` of `chalicelib.chain.rpc.health`. Counts failures as metrics."""

    def __init__(self, metrics: EmfMetrics) -> None:
        self._metrics = metrics

    def failed(self, endpoint: str) -> None:
        self._metrics.add(Metric.RpcErrors, 1, endpoint=endpoint)

    def down(self) -> None:
        self._metrics.add(Metric.RpcDown, 1)
