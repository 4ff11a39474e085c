"""What a handler answers SQS: which messages of its batch to deliver again."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.errors import JobsApiError
from chalicelib.queues.messages import Message, PoisonMessage, decode

log = logging.getLogger(__name__)

Record = Mapping[str, Any]
BatchAnswer = dict[str, list[dict[str, str]]]


def messages_of(event: Mapping[str, Any]) -> tuple[list[tuple[str, Message]], set[str]]:
    """The event's (message id, message) pairs, and the ids of bodies that are none of ours.

    Those are answered as failed: after maxReceiveCount deliveries they are in the dead-letter queue, and nobody waits for them.
    """
    messages: list[tuple[str, Message]] = []
    poison: set[str] = set()
    for record in event["Records"]:
        try:
            messages.append((record["messageId"], decode(record["body"])))
        except PoisonMessage as error:
            log.error("poison message", extra={"messageId": record["messageId"], "reason": error.message})
            poison.add(record["messageId"])
    return messages, poison


def run_step(name: str, step: Callable[[], None]) -> bool:
    """Run one part of a batch on its own: whether its messages are done with. A fault in it never touches the others."""
    try:
        step()
    except JobsApiError as error:
        log.warning("step put off" if error.passing else "step failed", extra={"step": name, "code": error.code}, exc_info=True)
        return False
    except Exception:
        log.exception("step failed", extra={"step": name})
        return False
    return True


def batch_answer(failed: Iterable[str]) -> BatchAnswer:
    """The partial-batch answer (ReportBatchItemFailures): only these are delivered again."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in sorted(failed)]}
