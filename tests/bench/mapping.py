"""The event source mappings: real queues polled, batches handed to function processes, what succeeded deleted.

As Lambda does it: up to ten messages a batch, whatever one ReceiveMessage brings, no batching window; a message of a FIFO group
is held back by the queue while an earlier one of its group is with a worker. Each process has a poller of its own, so that as
many batches are in work as there are processes. SQS fills a FIFO batch from one group as far as it can, so that groups are
worked on side by side; the emulator mixes them, so a mixed batch is delivered as one batch a group.
"""

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from tests.bench.processes import FunctionProcess, Invocations

BATCH = 10
WAIT_SECONDS = 1


class Mapping:
    """From one queue to some processes of one function; it polls from `start` until `stop`."""

    def __init__(self, sqs: Any, queue_url: str, workers: Sequence[FunctionProcess], invocations: Invocations) -> None:
        self._sqs = sqs
        self.queue_url = queue_url
        self.workers = list(workers)
        self.invocations = invocations
        self._received: deque[Sequence[Any]] = deque()
        """Batches that nobody works on yet."""
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._broken: BaseException | None = None

    def start(self, only: int | None = None) -> None:
        """With all its processes, or one of them, by its number (modulo how many there are)."""
        self._stopping.clear()
        chosen = self.workers if only is None else [self.workers[only % len(self.workers)]]
        self._threads = [threading.Thread(target=self._poll, args=(worker,), daemon=True) for worker in chosen]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """After everything that was received is done. Raises RuntimeError when a poller ended by itself."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._threads = []
        if self._broken is not None:
            raise RuntimeError(f"the mapping of {self.queue_url} broke") from self._broken

    def _poll(self, worker: FunctionProcess) -> None:
        try:
            while self._received or not self._stopping.is_set():
                try:
                    batch = self._received.popleft()
                except IndexError:
                    self._receive()
                else:
                    self._deliver(worker, batch)
        except Exception as error:  # noqa: BLE001 -- told by stop
            self._broken = error

    def _receive(self) -> None:
        answer = self._sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=WAIT_SECONDS,
            MessageSystemAttributeNames=["All"],
        )
        by_group: dict[str, list[Any]] = {}
        for message in answer.get("Messages", []):
            by_group.setdefault(message["Attributes"].get("MessageGroupId", ""), []).append(message)
        self._received.extend(by_group.values())

    def _deliver(self, worker: FunctionProcess, messages: Sequence[Any]) -> None:
        invocation = worker.invoke({"Records": [record(message) for message in messages]})
        self.invocations.add(invocation, queue=self.queue_url)
        if invocation.error is not None:
            return
        failed = {item["itemIdentifier"] for item in (invocation.result or {}).get("batchItemFailures", ())}
        done = [message for message in messages if message["MessageId"] not in failed]
        if done:
            entries = [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(done)]
            self._sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=entries)


def record(message: Any) -> dict[str, Any]:
    """As it stands in a Lambda event."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def taken(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    """Every message that is visible now, out of the queue, as records of an event."""
    records: list[dict[str, Any]] = []
    while messages := sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=BATCH, MessageSystemAttributeNames=["All"]
    ).get("Messages"):
        for message in messages:
            records.append(record(message))
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return records


def left_in(sqs: Any, queue_url: str) -> int:
    """Messages a queue still has: visible, delayed or with a worker."""
    attributes = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    return sum(int(count) for name, count in attributes.items() if name.startswith("ApproximateNumberOfMessages"))
