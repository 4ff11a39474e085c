"""Writes the metrics of each invocation at its end."""

from collections.abc import Callable
from typing import Any

from chalice.app import Chalice


def flush_after_invocations(app: Chalice, flush: Callable[[], None]) -> None:
    """Run `flush` after every request and every event, also after failed ones. `flush` must raise nothing."""

    def flushing(event: Any, get_response: Callable[[Any], Any]) -> Any:
        try:
            return get_response(event)
        finally:
            flush()

    app.register_middleware(flushing, "all")
