"""The whole system at a glance: the HTTP routes, and one function for each event source.

Each function imports what it runs when it is called. So a function of a queue starts without the API's resources, and the API
starts without the workers.
"""
# ruff: noqa: PLC0415 -- for a quick start

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chalice.app import Chalice, SQSEvent

from chalicelib.api.http.errors import use_error_format
from chalicelib.api.routes import origins_of, register_routes
from chalicelib.telemetry.invocations import flush_after_invocations
from chalicelib.wiring import Wiring

if TYPE_CHECKING:
    from chalicelib.queues.batch import BatchAnswer

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


reconcile_jobs.event_class = lambda event, _: event  # an operator may send any event from the console


@app.on_sqs_message(queue="execute-dead-letters.fifo", batch_size=10, name="record_dead_letters")
def record_dead_letters(event: SQSEvent) -> BatchAnswer:
    from chalicelib.workers.events import handle_dead_letters

    return handle_dead_letters(event.to_dict(), wiring)
