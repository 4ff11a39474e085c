"""The back-off of one endpoint: after a failure it is not asked for a while, and for longer with each failure in a row."""

from collections.abc import Callable

from chalicelib.backoff import doubled

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_RETRY_AFTER_SECONDS = 300.0


class BackOff:
    """1, 2, 4 … 60 seconds, or what the endpoint asks for in `Retry-After` where that is longer, up to 300 seconds."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self.ends_at = float("-inf")
        """On the monotonic clock."""
        self._monotonic = monotonic
        self._failures = 0

    def failed(self, retry_after_seconds: float | None = None) -> None:
        """Begin a pause. `retry_after_seconds` is what the endpoint asked for, if anything."""
        self._failures += 1
        pause = doubled(FIRST_PAUSE_SECONDS, self._failures - 1, LONGEST_PAUSE_SECONDS)
        self.ends_at = self._monotonic() + max(pause, min(retry_after_seconds or 0, LONGEST_RETRY_AFTER_SECONDS))

    def succeeded(self) -> None:
        """End the pause. The next one is as short as the first."""
        self._failures, self.ends_at = 0, float("-inf")
