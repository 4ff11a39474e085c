"""The whole system at a glance: the HTTP routes, and one function per event source.

Each function imports what it runs when it is called: one that works on a queue starts without the API, and the other way round.
"""
# ruff: noqa: E402, PLC0415 -- for a quick start

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

gc.disable()  # hardly anything of what imports make is garbage: not looked through until all is there, and then no more

from chalice.app import Chalice, SQSEvent

from chalicelib.api.errors import use_error_format
from chalicelib.api.routes import origins_of, register_routes
from chalicelib.telemetry.invocations import flush_after_invocations
from chalicelib.wiring import Wiring

if TYPE_CHECKING:
    from chalicelib.queues.batch import BatchAnswer

gc.freeze()
gc.enable()

app = Chalice(app_name="jobs-api")
wiring = Wiring()

use_error_format(app, origins_of(wiring))
register_routes(app, wiring)
flush_after_invocations(app, wiring.flush_metrics)


@app.on_sqs_message(queue="execute.fifo", batch_size=10, name="execute_jobs")
def execute_jobs(event: SQSEvent) -> BatchAnswer:
    from chalicelib.workers.events import handle_execute

    return handle_execute(event.to_dict(), wiring)


@app.on_sqs_message(queue="confirm", batch_size=10, name="confirm_jobs")
def confirm_jobs(event: SQSEvent) -> BatchAnswer:
    from chalicelib.workers.events import handle_confirm

    return handle_confirm(event.to_dict(), wiring)


@app.schedule("rate(1 minute)", name="reconcile_jobs")
def reconcile_jobs(_: Any) -> None:
    from chalicelib.workers.every_minute import handle_minute

    handle_minute(wiring)


reconcile_jobs.event_class = lambda event, _: event  # nothing of it is read: by hand, from the console, it may be empty


@app.on_sqs_message(queue="execute-dead-letters.fifo", batch_size=10, name="record_dead_letters")
def record_dead_letters(event: SQSEvent) -> BatchAnswer:
    from chalicelib.workers.events import handle_dead_letters

    return handle_dead_letters(event.to_dict(), wiring)
