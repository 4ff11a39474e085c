"""The event source mappings: messages received from the real queues, kept until due, deleted when they are done with.

A message that was handed to a worker and not deleted becomes visible again when the template's visibility timeout is over in
the case's time; the real queue counts its deliveries, keeps a FIFO group's order, and moves it to its dead-letter queue.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from types_boto3_sqs.client import SQSClient

    from tests.faults.ground import Place

BATCH = 10
QUEUES = {
    "ExecuteQueue": "execute",
    "ConfirmQueue": "confirm",
    "ExecuteDeadLetters": "dead letters",
    "ConfirmDeadLetters": "dead letters",
}
"""By the template's names: the function that handles them. Those that may move a message into another come before it."""


@dataclass(slots=True)
class Held:
    """A received message: invisible to everybody else until it is deleted or given back."""

    message_id: str
    receipt: str
    body: str
    attributes: dict[str, str]
    due: float
    fresh: bool = True
    """Nothing has befallen it yet."""

    @property
    def record(self) -> dict[str, Any]:
        """As it stands in a Lambda event."""
        return {
            "messageId": self.message_id,
            "receiptHandle": self.receipt,
            "body": self.body,
            "attributes": self.attributes,
            "messageAttributes": {},
            "eventSource": "aws:sqs",
        }


class Queues:
    def __init__(self, client: "SQSClient", place: "Place", proxy: Proxy) -> None:
        self._client = client
        self._place = place
        self._proxy = proxy
        self._waiting: dict[str, list[Held]] = {name: [] for name in place.queues}
        self._handed_out: dict[str, dict[str, tuple[Held, float]]] = {name: {} for name in place.queues}
        """By message id: the message, and when it becomes visible again."""
        self.stale = True
        """Whether there may be messages nobody has received: nothing but a worker sends any."""

    @property
    def open(self) -> bool:
        """Whether any message is known that is not done with."""
        return any(self._waiting.values()) or any(self._handed_out.values())

    def collect(self, now: float) -> None:
        """Receive whatever is there, after making visible again what its worker did not delete in time."""
        for name, handed_out in self._handed_out.items():
            for message_id, (held, until) in list(handed_out.items()):
                if until <= now:
                    del handed_out[message_id]
                    self._proxy.due[message_id] = now
                    self.give_back(name, held)
                    self.stale = True
        if not self.stale:
            return
        self.stale = False
        for name in QUEUES:
            url = self._place.queues[name]
            full = True
            while full and (messages := self._receive(url)):
                full = len(messages) == BATCH or name.startswith("Execute")  # a FIFO queue answers one group after the other
                for message in messages:
                    due = self._proxy.due.get(message["MessageId"], now)
                    attributes = dict(message.get("Attributes", {}))
                    self._waiting[name].append(
                        Held(message["MessageId"], message["ReceiptHandle"], message["Body"], attributes, due)
                    )

    def _receive(self, url: str) -> list[Any]:
        answer = self._client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=0, MessageSystemAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def give_back(self, name: str, held: Held) -> None:
        self._client.change_message_visibility(
            QueueUrl=self._place.queues[name], ReceiptHandle=held.receipt, VisibilityTimeout=0
        )

    def waiting(self, name: str) -> list[Held]:
        return self._waiting[name]

    def due(self, name: str, now: float) -> list[Held]:
        """Up to ten messages that are due: from now on they are with a worker."""
        batch = [held for held in self._waiting[name] if held.due <= now][:BATCH]
        taken = {held.message_id for held in batch}
        self._waiting[name] = [held for held in self._waiting[name] if held.message_id not in taken]
        for held in batch:
            self._handed_out[name][held.message_id] = (held, now + self._place.visibility[name])
        return batch

    def done(self, name: str, messages: Sequence[Held], now: float) -> None:
        """Delete them, as far as they are still with the worker that says so."""
        entries: list[Any] = []
        for held in messages:
            current = self._handed_out[name].get(held.message_id)
            if current is not None and current[0].receipt == held.receipt:
                del self._handed_out[name][held.message_id]
                entries.append({"Id": str(len(entries)), "ReceiptHandle": held.receipt})
        if entries:
            self._client.delete_message_batch(QueueUrl=self._place.queues[name], Entries=entries)

    def send(self, name: str, body: str, group: str | None = None) -> None:
        """A message from nobody."""
        fifo: Any = {"MessageGroupId": group, "MessageDeduplicationId": secrets.token_hex(8)} if group else {}
        self._client.send_message(QueueUrl=self._place.queues[name], MessageBody=body, **fifo)
        self.stale = True

    def lose(self, name: str, held: Held) -> None:
        """Delete a message nobody has seen."""
        self._waiting[name].remove(held)
        self._client.delete_message(QueueUrl=self._place.queues[name], ReceiptHandle=held.receipt)

    def moments(self) -> Iterable[float]:
        """When something is due."""
        for held in (held for waiting in self._waiting.values() for held in waiting):
            yield held.due
        for _, until in (entry for handed_out in self._handed_out.values() for entry in handed_out.values()):
            yield until

    def left(self) -> dict[str, int]:
        """How many messages each queue still has, seen or unseen."""
        left: dict[str, int] = {}
        for queue, url in self._place.queues.items():
            attributes = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            left[queue] = sum(
                int(count) for name, count in attributes.items() if name.startswith("ApproximateNumberOfMessages")
            )
        return {queue: count for queue, count in left.items() if count}
