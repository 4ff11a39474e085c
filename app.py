"""The whole system at a glance: the HTTP routes, and one function per event source."""

from typing import Any

from chalice.app import Chalice, CloudWatchEvent, SQSEvent

app = Chalice(app_name="jobs-api")


@app.route("/health")
def health() -> dict[str, str]:
    return {"response": "ok"}


@app.on_sqs_message(queue="execute.fifo", batch_size=10, name="execute_jobs")
def execute_jobs(event: SQSEvent) -> dict[str, Any]:
    return {"batchItemFailures": []}


@app.on_sqs_message(queue="confirm", batch_size=10, name="confirm_jobs")
def confirm_jobs(event: SQSEvent) -> dict[str, Any]:
    return {"batchItemFailures": []}


@app.schedule("rate(1 minute)", name="reconcile_jobs")
def reconcile_jobs(event: CloudWatchEvent) -> None:
    return None


@app.on_sqs_message(queue="execute-dead-letters.fifo", batch_size=10, name="record_dead_letters")
def record_dead_letters(event: SQSEvent) -> dict[str, Any]:
    return {"batchItemFailures": []}
