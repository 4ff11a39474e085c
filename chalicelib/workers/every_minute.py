"""The work of each minute. Each part runs on its own: a part that fails does not stop the others.

Metrics are written after each part, so they are not lost when a later part takes all of the function's time.
"""

import logging
from collections.abc import Callable

from chalicelib.workers.gauges import measure_gauges
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.reconcile import reconcile_jobs
from chalicelib.workers.watch_chain import watch_chain
from chalicelib.workers.watch_nonces import watch_nonces

log = logging.getLogger(__name__)


def handle_minute(ports: WorkerPorts) -> None:
    """Run all parts. Then raise the error of the first part that failed, so that the invocation counts as failed."""
    parts: tuple[Callable[[], object], ...] = (
        lambda: reconcile_jobs(ports),
        lambda: measure_gauges(ports),
        lambda: watch_chain(ports),
        lambda: watch_nonces(ports),
    )
    failures: list[Exception] = []
    for part in parts:
        try:
            part()
        except Exception as error:
            if failures:  # Lambda logs the first one itself
                log.error("a part of the minute failed", exc_info=error)
            failures.append(error)
        ports.flush_metrics()
    if failures:
        raise failures[0]
