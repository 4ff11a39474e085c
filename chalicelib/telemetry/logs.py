"""Writes logs as JSON lines. powertools formats them. It is imported with the first line: most requests log nothing."""

import json
import logging
import sys
from typing import Any

FIELDS = "fields"
"""The key of `extra` whose entries become keys of the line. `logging` refuses some keys in `extra`, such as `name`."""


class JsonLines(logging.Formatter):
    """Formats one JSON object a line: level, location, message, timestamp, service, and the keys of `extra`.

    With an X-Ray trace the line has its id, and with an error its traceback.
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
    """Send the logs of chalicelib, and the warnings of other packages, to standard error. Replaces Lambda's own handler."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("chalicelib").setLevel(level)
