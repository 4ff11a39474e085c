"""X-Ray: the trace header of queue messages, and marks that let an operator find the traces of a job.

Lambda traces each invocation without this code. powertools' Tracer imports the X-Ray SDK, which takes a tenth of a second. So
it is imported with the first mark of a recorded trace, and never where tracing is off.
"""

import os
from collections.abc import Mapping
from typing import Any

ANNOTATIONS = ("jobId", "correlationId", "account")
"""The fields by which an operator can search traces."""
MARKS_AT_MOST = 100
"""Marks in one invocation. A trace holds 500 KB, and a burst has thousands of transitions."""


def trace_header() -> str | None:
    """Return the trace header of this invocation, or None. Messages carry it, so that X-Ray links the worker's trace to it."""
    return os.environ.get("_X_AMZN_TRACE_ID") or None


class Traces:
    """Adds marks to the trace of the invocation, if the trace is recorded."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._recorder: Any = None
        self._header: str | None = None
        self._marks = 0

    def mark(self, event: str, fields: Mapping[str, Any]) -> None:
        """Add a subsegment with this name, and annotate it with those of `fields` that are in ANNOTATIONS."""
        header = trace_header()
        if header is None or "Sampled=1" not in header:
            return
        if header != self._header:
            self._header, self._marks = header, 0
        self._marks += 1
        if self._marks > MARKS_AT_MOST:
            return
        with self._xray().in_subsegment(event) as mark:
            if mark is not None:
                for name in ANNOTATIONS:
                    if name in fields:
                        mark.put_annotation(name, fields[name])

    def _xray(self) -> Any:
        if self._recorder is None:
            from aws_lambda_powertools import Tracer  # noqa: PLC0415 -- see above

            # No patches: with them, every request of the patched libraries would be in the trace, with its URL.
            self._recorder = Tracer(service=self._service, auto_patch=False).provider
        return self._recorder
