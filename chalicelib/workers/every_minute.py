"""What is done each minute, each part on its own: one that fails does not keep the others from being done, and one that takes
all of the function's time does not take with it what was measured before.
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
    """Raises what the first part that failed has raised, after all were tried: the invocation counts as failed."""
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
            if failures:  # Lambda's own line tells the first
                log.error("a part of the minute failed", exc_info=error)
            failures.append(error)
        ports.flush_metrics()
    if failures:
        raise failures[0]
