"""Logs as JSON lines, formatted by powertools, which is loaded with the first line: most requests log nothing."""

import json
import logging
import sys
from typing import Any

FIELDS = "fields"
"""The `extra` whose entries become keys of the line: `logging` itself refuses some names there, such as `name`."""


class JsonLines(logging.Formatter):
    """One JSON object a line: level, location, message, timestamp, service, what was given as `extra`, the X-Ray trace's id if
    there is one, and the traceback if there is one.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._powertools: logging.Formatter | None = None

    def format(self, record: logging.LogRecord) -> str:
        if self._powertools is None:
            from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter  # noqa: PLC0415 -- see above

            self._powertools = LambdaPowertoolsFormatter(
                json_serializer=_line,
                use_rfc3339=True,
                utc=True,
                serialize_stacktrace=False,  # the traceback is in the line already, as text
                location="%(name)s:%(lineno)d",
                service=self._service,
            )
        return self._powertools.format(record)


def _line(keys: Any) -> str:
    fields = keys.pop(FIELDS, {})
    return json.dumps(keys | fields, default=str, separators=(",", ":"))


def configure_logging(level: str, service: str) -> None:
    """Send this package's logs, and everybody else's warnings, to standard error; Lambda's own handler is replaced."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("chalicelib").setLevel(level)
