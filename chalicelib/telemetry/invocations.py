"""What is done around each invocation, whatever it is for: what was measured in it is written at its end."""

from collections.abc import Callable
from typing import Any

from chalice.app import Chalice


def flush_after_invocations(app: Chalice, flush: Callable[[], None]) -> None:
    """`flush` raises nothing: it runs after requests and events alike, also after those that fail."""

    def flushing(event: Any, get_response: Callable[[Any], Any]) -> Any:
        try:
            return get_response(event)
        finally:
            flush()

    app.register_middleware(flushing, "all")
