"""Turn a Lambda event into the work of a step, and its outcome into the answer to SQS.

A message that fails never affects the rest of its batch.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chalicelib.errors import RowTooNew
from chalicelib.queues.batch import BatchAnswer, batch_answer, messages_of, run_step
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, Message
from chalicelib.workers.confirm import confirm_jobs
from chalicelib.workers.dead_letters import record_dead_letter
from chalicelib.workers.execute import execute_jobs
from chalicelib.workers.ports import WorkerPorts

log = logging.getLogger(__name__)

Event = Mapping[str, Any]


def handle_execute(event: Event, ports: WorkerPorts) -> BatchAnswer:
    """Handle a batch of the execute queue: one run for each account, all within `Bounds.run_seconds`.

    The accounts share the time that is left. Accounts whose estimates were cut off a moment ago come last, because their runs
    take long (invariant 12). If no run of an account began in time, its messages are answered as failed. SQS
    delivers them again, and then their account comes first.
    """
    messages, failed = messages_of(event)
    by_account: dict[str, dict[str, tuple[str, ...]]] = {}
    for message_id, message in _longest_waiting_first(messages, event):
        if isinstance(message, ExecuteJobs):
            by_account.setdefault(message.account_id, {})[message_id] = message.job_ids
    deadline = _deadline(ports)
    quick_first = sorted(by_account.items(), key=lambda each: ports.paces.of(each[0]).may_be_busy(ports.clock()))
    for position, (account_id, of_account) in enumerate(quick_first):
        now = ports.clock()
        if now >= deadline:
            _log_not_reached(account_id, of_account.keys())
            failed |= of_account.keys()
            continue
        until = now + (deadline - now) / (len(quick_first) - position)
        job_ids = [job_id for ids in of_account.values() for job_id in ids]
        if not run_step("execute", lambda a=account_id, ids=job_ids, u=until: execute_jobs(a, ids, ports, u)):  # type: ignore[misc]
            failed |= of_account.keys()
    return batch_answer(failed)


def handle_confirm(event: Event, ports: WorkerPorts) -> BatchAnswer:
    """Handle a batch of the confirm queue: pass delayed messages on to the execute queue, then poll all jobs in one run.

    A message is answered as failed if the run did not reach the account of one of its jobs within `Bounds.run_seconds`.
    """
    deadline = _deadline(ports)
    messages, failed = messages_of(event)
    for message_id, message in messages:
        if isinstance(message, ExecuteJobs) and not run_step("pass on", _pass_on(message, ports)):
            failed.add(message_id)
    polls = {
        message_id: message.job_ids
        for message_id, message in _longest_waiting_first(messages, event)
        if isinstance(message, ConfirmJobs)
    }
    failed |= _failed_polls(polls, deadline, ports)
    return batch_answer(failed)


def _failed_polls(polls: Mapping[str, Sequence[str]], deadline: datetime, ports: WorkerPorts) -> set[str]:
    """Poll the jobs of these messages (job ids by message id) in one run. Returns the messages to be delivered again.

    If a newer version of this service wrote one of the rows, each message gets a run of its own, so that the others go on.
    """
    if not polls:
        return set()
    not_reached: set[str] = set()
    newer: list[RowTooNew] = []

    def together() -> None:
        job_ids = dict.fromkeys(job_id for ids in polls.values() for job_id in ids)
        try:
            not_reached.update(confirm_jobs(list(job_ids), ports, deadline))
        except RowTooNew as error:
            if len(polls) == 1:
                raise
            newer.append(error)

    if not run_step("confirm", together):
        return set(polls)
    if newer:
        parts = ({message_id: ids} for message_id, ids in polls.items())
        return {message_id for part in parts for message_id in _failed_polls(part, deadline, ports)}
    return {message_id for message_id, ids in polls.items() if not not_reached.isdisjoint(ids)}


def _deadline(ports: WorkerPorts) -> datetime:
    return ports.clock() + timedelta(seconds=ports.bounds.run_seconds)


def _longest_waiting_first(messages: Sequence[tuple[str, Message]], event: Event) -> list[tuple[str, Message]]:
    """Order messages by how often they were delivered before, so that no account is the last one again and again."""
    receives = {
        record["messageId"]: int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)) for record in event["Records"]
    }
    return sorted(messages, key=lambda message: -receives[message[0]])


def _log_not_reached(account_id: str, message_ids: Iterable[str]) -> None:
    log.warning("account not reached in time", extra={"account": account_id, "messageIds": sorted(message_ids)})


def _pass_on(message: ExecuteJobs, ports: WorkerPorts) -> Callable[[], None]:
    return lambda: ports.queue.execute_now(message.account_id, message.job_ids)


def handle_dead_letters(event: Event, ports: WorkerPorts) -> BatchAnswer:
    """Handle a batch of either dead-letter queue. A body that is not a message of this service is logged and dropped."""
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
