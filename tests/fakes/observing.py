"""What operators are told of a simulated world, through the real formatter and the real metrics."""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

from chalicelib.telemetry.emf import EmfMetrics
from chalicelib.telemetry.logs import JsonLines
from chalicelib.telemetry.observed_jobs import observed
from tests.fakes.world import World

STACK = "jobs-api-test"


@dataclass
class Told:
    """The lines, documents and marks since the beginning."""

    written: StringIO = field(default_factory=StringIO)
    marks: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    metrics: EmfMetrics = field(default_factory=lambda: EmfMetrics(STACK))

    def mark(self, event: str, fields: Mapping[str, Any]) -> None:
        self.marks.append((event, fields))

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.written.getvalue().splitlines()]

    def of(self, job_id: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line.get("jobId") == job_id]

    def events(self, job_id: str) -> list[str]:
        return [line["message"] for line in self.of(job_id)]

    def measured(self) -> "Measured":
        """What was measured since the last time this was asked."""
        output = StringIO()
        with redirect_stdout(output):
            self.metrics.flush()
        return Measured([json.loads(line) for line in output.getvalue().splitlines()])


@dataclass
class Measured:
    """Documents in the embedded metric format, read as CloudWatch reads them."""

    documents: list[dict[str, Any]]

    def values(self, name: str, /, **dimensions: str) -> list[float]:
        """Of this metric, in the series that has exactly these dimensions beside the stack's."""
        found: list[float] = []
        for document in self.documents:
            (directive,) = document["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "JobsApi"
            if name not in {metric["Name"] for metric in directive["Metrics"]}:
                continue
            series = [{key: document[key] for key in keys} for keys in directive["Dimensions"]]
            found += document[name] if {"stack": STACK, **dimensions} in series else []
        return found

    def total(self, name: str, /, **dimensions: str) -> float:
        return sum(self.values(name, **dimensions))

    def series(self) -> Counter[tuple[str, tuple[str, ...]]]:
        """How many documents have each metric, by the names of its dimensions."""
        return Counter(
            (metric["Name"], tuple(keys))
            for document in self.documents
            for directive in document["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
            for keys in directive["Dimensions"]
        )


@contextmanager
def observing(world: World) -> Iterator[Told]:
    """From here on the world's jobs are observed."""
    told = Told()
    world.ports = replace(world.ports, jobs=observed(world.ports.jobs, told.metrics, world.clock, told.mark))
    handler = logging.StreamHandler(told.written)
    handler.setFormatter(JsonLines(STACK))
    logger = logging.getLogger("chalicelib.telemetry.transitions")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield told
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
