"""The whole system at a glance: the HTTP routes, and one function per event source."""

from chalice.app import Chalice, CloudWatchEvent, SQSEvent

from chalicelib.api.health import register_health_route
from chalicelib.api.jobs import register_job_routes
from chalicelib.wiring import Wiring

app = Chalice(app_name="jobs-api")
wiring = Wiring()

register_health_route(app)
register_job_routes(app, lambda: wiring.api)

# The workers' steps are imported by the functions that run them: the API's start pays for none of it.


@app.on_sqs_message(queue="execute.fifo", batch_size=10, name="execute_jobs")
def execute_jobs(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    from chalicelib.workers.events import handle_execute  # noqa: PLC0415

    return handle_execute(event.to_dict(), wiring.workers)


@app.on_sqs_message(queue="confirm", batch_size=10, name="confirm_jobs")
def confirm_jobs(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    from chalicelib.workers.events import handle_confirm  # noqa: PLC0415

    return handle_confirm(event.to_dict(), wiring.workers)


@app.schedule("rate(1 minute)", name="reconcile_jobs")
def reconcile_jobs(event: CloudWatchEvent) -> None:
    from chalicelib.workers.reconcile import reconcile_jobs as reconcile  # noqa: PLC0415

    reconcile(wiring.workers)


@app.on_sqs_message(queue="execute-dead-letters.fifo", batch_size=10, name="record_dead_letters")
def record_dead_letters(event: SQSEvent) -> dict[str, list[dict[str, str]]]:
    from chalicelib.workers.events import handle_dead_letters  # noqa: PLC0415

    return handle_dead_letters(event.to_dict(), wiring.workers)
