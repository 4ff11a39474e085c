"""What is done each minute, each part on its own: one that fails does not keep the others from being done, and one that takes
all of the function's time does not take with it what was measured before.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from chalicelib.workers.gauges import GaugePorts, measure_gauges
from chalicelib.workers.nonces import NoncePorts, watch_nonces
from chalicelib.workers.ports import WorkerPorts
from chalicelib.workers.reconcile import reconcile_jobs
from chalicelib.workers.reorgs import WatchPorts, watch_chain

log = logging.getLogger(__name__)


class MinutePorts(WorkerPorts, GaugePorts, WatchPorts, NoncePorts, Protocol):
    def flush_metrics(self) -> None:
        """Write what was measured; raises nothing."""


def handle_minute(ports: MinutePorts) -> None:
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
