"""X-Ray: what goes along with messages, and the marks by which a trace is found by a job.

Lambda traces each invocation by itself; nothing is loaded for that. powertools' Tracer, and with it the X-Ray SDK (a tenth of a
second), comes with the first mark of a trace that is recorded: never where tracing is off.
"""

import os
from collections.abc import Mapping
from typing import Any

ANNOTATIONS = ("jobId", "correlationId", "account")
"""What traces can be searched by."""
MARKS_AT_MOST = 100
"""In one invocation: a trace takes 500 KB, a burst has thousands of transitions."""


def trace_header() -> str | None:
    """Of this invocation, as Lambda tells it: what a message carries, so that its worker's trace is linked to this one."""
    return os.environ.get("_X_AMZN_TRACE_ID") or None


class Traces:
    """Marks in the trace of the invocation, if it is recorded."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._recorder: Any = None
        self._header: str | None = None
        self._marks = 0

    def mark(self, event: str, fields: Mapping[str, Any]) -> None:
        """A subsegment of this name, which can be found by what of `fields` is one of ANNOTATIONS."""
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

            # Without patches: of libraries that are patched, every request would be in the trace, its address included.
            self._recorder = Tracer(service=self._service, auto_patch=False).provider
        return self._recorder
