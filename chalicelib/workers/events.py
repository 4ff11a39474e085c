"""From a Lambda's event to the step, and back to what SQS is told. One bad message never touches the rest of its batch."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.errors import RowTooNew
from chalicelib.queues.batch import BatchAnswer, batch_answer, messages_of, run_step
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs
from chalicelib.workers.confirm import confirm_jobs
from chalicelib.workers.dead_letters import record_dead_letter
from chalicelib.workers.execute import execute_jobs
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

Event = Mapping[str, Any]


def handle_execute(event: Event, ports: WorkerPorts) -> BatchAnswer:
    """The execute queue: one run for each account of the batch."""
    messages, failed = messages_of(event)
    by_account: dict[str, dict[str, tuple[str, ...]]] = {}
    for message_id, message in messages:
        if isinstance(message, ExecuteJobs):
            by_account.setdefault(message.account_id, {})[message_id] = message.job_ids
    for account_id, of_account in by_account.items():
        job_ids = [job_id for ids in of_account.values() for job_id in ids]
        if not run_step("execute", lambda a=account_id, ids=job_ids: execute_jobs(a, ids, ports)):  # type: ignore[misc]
            failed |= of_account.keys()
    return batch_answer(failed)


def handle_confirm(event: Event, ports: WorkerPorts) -> BatchAnswer:
    """The confirm queue: all polls of the batch in one run, and what was delayed for the execute queue passed on."""
    messages, failed = messages_of(event)
    polls = {message_id: message.job_ids for message_id, message in messages if isinstance(message, ConfirmJobs)}
    failed |= _failed_polls(polls, ports)
    for message_id, message in messages:
        if isinstance(message, ExecuteJobs) and not run_step("pass on", _pass_on(message, ports)):
            failed.add(message_id)
    return batch_answer(failed)


def _failed_polls(polls: Mapping[str, Sequence[str]], ports: WorkerPorts) -> set[str]:
    """Poll the jobs of these messages (job ids by message id) in one run. Returns the messages to be delivered again.

    Where a newer version of this service wrote one of the rows, each message gets a run of its own: the others go on.
    """
    newer: list[RowTooNew] = []

    def together() -> None:
        try:
            confirm_jobs(list(dict.fromkeys(job_id for ids in polls.values() for job_id in ids)), ports)
        except RowTooNew as error:
            if len(polls) == 1:
                raise
            newer.append(error)

    if polls and not run_step("confirm", together):
        return set(polls)
    if not newer:
        return set()
    return {message_id for message_id, ids in polls.items() if not run_step("confirm", lambda i=ids: confirm_jobs(i, ports))}  # type: ignore[misc]


def _pass_on(message: ExecuteJobs, ports: WorkerPorts) -> Callable[[], None]:
    return lambda: ports.queue.execute_now(message.account_id, message.job_ids)


def handle_dead_letters(event: Event, ports: WorkerPorts) -> BatchAnswer:
    """Both dead-letter queues. Bodies that are none of ours are logged for good: there is no job to tell."""
    messages, unreadable = messages_of(event)
    failed: set[str] = set()
    attempts = {
        record["messageId"]: record.get("attributes", {}).get("ApproximateReceiveCount", "?") for record in event["Records"]
    }
    for message_id, message in messages:
        command = "execute" if isinstance(message, ExecuteJobs) else "confirm"
        reason = f"the {command} message {message_id} could not be handled; the logs of that function say why"
        if not run_step("record dead letter", lambda m=message, r=reason: record_dead_letter(m.job_ids, r, ports)):  # type: ignore[misc]
            failed.add(message_id)
    for message_id in unreadable:
        log.error("unreadable dead letter dropped", extra={"messageId": message_id, "deliveries": attempts[message_id]})
    return batch_answer(failed)
