"""Reads the messages of a batch, runs one step, and answers SQS which messages it must deliver again."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from chalicelib.errors import JobsApiError
from chalicelib.queues.messages import Message, PoisonMessage, decode

log = logging.getLogger(__name__)

BatchAnswer = dict[str, list[dict[str, str]]]


def messages_of(event: Mapping[str, Any]) -> tuple[list[tuple[str, Message]], set[str]]:
    """Return the (message id, message) pairs of the Lambda event, and the ids of the messages that cannot be read.

    The handler answers those as failed: after maxReceiveCount deliveries SQS moves them to the dead-letter queue.
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
    """Run one part of a batch, and return whether it succeeded. An error of it is logged and never stops the other parts."""
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
    """Return the partial-batch answer (ReportBatchItemFailures). SQS delivers only these messages again."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in sorted(failed)]}
