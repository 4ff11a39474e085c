"""The whole system at a glance: the HTTP routes, and one function per event source."""

from chalice.app import Chalice, CloudWatchEvent, SQSEvent

from chalicelib.api.errors import use_error_format
from chalicelib.api.routes import register_routes
from chalicelib.api.services import ApiServices
from chalicelib.queues.batch import BatchAnswer
from chalicelib.wiring import Wiring
from chalicelib.workers.events import handle_confirm, handle_dead_letters, handle_execute
from chalicelib.workers.reconcile import reconcile_jobs as reconcile
from chalicelib.workers.watch import watch_chain

app = Chalice(app_name="jobs-api")
wiring = Wiring()

use_error_format(app)
register_routes(app, lambda: ApiServices.of(wiring))


@app.on_sqs_message(queue="execute.fifo", batch_size=10, name="execute_jobs")
def execute_jobs(event: SQSEvent) -> BatchAnswer:
    return handle_execute(event.to_dict(), wiring)


@app.on_sqs_message(queue="confirm", batch_size=10, name="confirm_jobs")
def confirm_jobs(event: SQSEvent) -> BatchAnswer:
    return handle_confirm(event.to_dict(), wiring)


@app.schedule("rate(1 minute)", name="reconcile_jobs")
def reconcile_jobs(event: CloudWatchEvent) -> None:
    reconcile(wiring)
    watch_chain(wiring)


@app.on_sqs_message(queue="execute-dead-letters.fifo", batch_size=10, name="record_dead_letters")
def record_dead_letters(event: SQSEvent) -> BatchAnswer:
    return handle_dead_letters(event.to_dict(), wiring)
