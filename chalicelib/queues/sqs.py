"""The `Queue` of `chalicelib.jobs.ports` on SQS."""

import secrets
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import ServiceUnavailable
from chalicelib.jobs.model import Job, account_id
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, encode

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

SEND_BATCH_LIMIT = 10
IDS_PER_MESSAGE = 100
MAX_DELAY_SECONDS = 900


class SqsQueue:
    """Sends to two queues: `execute` is FIFO, grouped by account; `confirm` is standard, because polls need delays.

    Every method raises ServiceUnavailable when a message may not have been sent.
    """

    def __init__(
        self, client: "SQSClient", execute_url: str, confirm_url: str, trace_header: Callable[[], str | None] = lambda: None
    ) -> None:
        """`trace_header` returns the X-Ray trace that messages belong to, or None."""
        self._client = client
        self._execute_url = execute_url
        self._confirm_url = confirm_url
        self._trace_header = trace_header

    def execute(self, jobs: Sequence[Job]) -> None:
        self._send(
            self._execute_url,
            [
                {
                    "MessageBody": encode(ExecuteJobs(account_id(job.chain_id, job.account), (job.job_id,))),
                    "MessageGroupId": account_id(job.chain_id, job.account),
                    "MessageDeduplicationId": _deduplication_id(f"{job.job_id}-{job.attempt_count}"),
                }
                for job in jobs
            ],
        )

    def execute_now(self, account: str, job_ids: Sequence[str]) -> None:
        body = encode(ExecuteJobs(account, tuple(job_ids)))
        entry = {"MessageBody": body, "MessageGroupId": account, "MessageDeduplicationId": _deduplication_id("delayed")}
        self._send(self._execute_url, [entry])

    def execute_later(self, account: str, job_ids: Sequence[str], delay_seconds: int) -> None:
        # A FIFO queue cannot delay one message: the confirm queue holds it, and its worker passes it on.
        body = encode(ExecuteJobs(account, tuple(job_ids)))
        self._send(self._confirm_url, [{"MessageBody": body, "DelaySeconds": _delay(delay_seconds)}])

    def confirm(self, job_ids: Sequence[str], delay_seconds: int) -> None:
        delay = _delay(delay_seconds)
        parts = [job_ids[start : start + IDS_PER_MESSAGE] for start in range(0, len(job_ids), IDS_PER_MESSAGE)]
        self._send(
            self._confirm_url,
            [{"MessageBody": encode(ConfirmJobs(tuple(part))), "DelaySeconds": delay} for part in parts],
        )

    def _send(self, url: str, messages: Sequence[dict[str, Any]]) -> None:
        """Send in batches of ten. SQS can accept a part of a batch, so the answer to each entry is checked."""
        traced = self._traced()
        for start in range(0, len(messages), SEND_BATCH_LIMIT):
            entries: Any = [
                {"Id": str(number), **message, **traced}
                for number, message in enumerate(messages[start : start + SEND_BATCH_LIMIT])
            ]
            try:
                answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise ServiceUnavailable(f"The queue does not answer: {type(error).__name__}.") from error
            if answer.get("Failed"):
                raise ServiceUnavailable(f"The queue refused {len(answer['Failed'])} messages.")

    def _traced(self) -> dict[str, Any]:
        """Return the trace attribute. It counts neither for the message's size nor for the queue's deduplication."""
        header = self._trace_header()
        if header is None:
            return {}
        return {"MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": header}}}


def _delay(seconds: int) -> int:
    return max(0, min(seconds, MAX_DELAY_SECONDS))


def _deduplication_id(subject: str) -> str:
    """Return an id that is never the same twice: SQS silently drops a second message with the same id for five minutes."""
    return f"{subject}-{secrets.token_hex(8)}"
