"""Dead letters: show them without removing them, and send them back to the queues that they came from.

RecordDeadLetters receives them too, and writes into their jobs why they could not be handled. The messages here are those that
it has not received yet or could not record. To lose, double or delay a message changes only when things happen (invariant 6).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chalicelib.jobs.model import Job
from chalicelib.queues.messages import ExecuteJobs, PoisonMessage, decode
from stack.errors import StackError
from stack.progress import Say

BATCH = 10
HELD_SECONDS = 120
"""The visibility timeout while a message is shown or sent back."""
PROGRESS_SECONDS = 2.0
JOBS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Queues:
    """The URLs of a dead-letter queue and of the queue that its messages come from."""

    name: str
    dead_letters: str
    source: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message of a dead-letter queue."""

    message_id: str
    body: str
    sent_at: datetime
    receives: int
    receipt: str = field(repr=False)
    group: str | None = None

    @property
    def job_ids(self) -> tuple[str, ...] | None:
        """The ids of its jobs; None when the service did not write the message."""
        try:
            message = decode(self.body)
        except PoisonMessage:
            return None
        return message.job_ids

    @property
    def command(self) -> str:
        try:
            return "execute" if isinstance(decode(self.body), ExecuteJobs) else "confirm"
        except PoisonMessage:
            return "unreadable"


def look(sqs: Any, queues: Queues, say: Say) -> list[DeadLetter]:
    """Return every dead letter that can be received, oldest first. All are visible to other consumers again afterwards.

    A FIFO queue shows only ten messages of one account at a time.
    """
    found: list[DeadLetter] = []
    try:
        for letters in _received(sqs, queues.dead_letters, say):
            found += letters
    finally:
        _make_visible(sqs, queues.dead_letters, found)
    return sorted(found, key=lambda letter: letter.sent_at)


def send_back(sqs: Any, queues: Queues, say: Say) -> Counter[str]:
    """Send each dead letter to its source queue, and delete it once that queue has accepted it.

    Returns how many were `sent`, were refused (`left`) and are `unreadable`. The last two stay in the dead-letter queue.
    """
    counts: Counter[str] = Counter()
    kept: list[DeadLetter] = []
    try:
        for letters in _received(sqs, queues.dead_letters, say):
            readable = [letter for letter in letters if letter.job_ids is not None]
            kept += [letter for letter in letters if letter.job_ids is None]
            counts["unreadable"] += len(letters) - len(readable)
            accepted = _sent(sqs, queues.source, readable) if readable else set()
            kept += [letter for letter in readable if letter.message_id not in accepted]
            counts["left"] += len(readable) - len(accepted)
            counts["sent"] += len(accepted)
            _delete(sqs, queues.dead_letters, [letter for letter in readable if letter.message_id in accepted])
    finally:
        _make_visible(sqs, queues.dead_letters, kept)
    return counts


def _received(sqs: Any, url: str, say: Say) -> Iterator[list[DeadLetter]]:
    """Receive messages until there are no more, or only messages that were received before."""
    seen: set[str] = set()
    spoke = time.monotonic()
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HELD_SECONDS,
            WaitTimeSeconds=1,  # with 0, SQS asks only some of the queue's servers
            AttributeNames=["All"],
        )
        letters = [_letter(message) for message in answer.get("Messages", [])]
        if not letters or {letter.message_id for letter in letters} <= seen:
            return
        seen |= {letter.message_id for letter in letters}
        if time.monotonic() - spoke > PROGRESS_SECONDS:
            spoke = time.monotonic()
            say(f"{len(seen)} dead letters so far")
        yield letters


def _letter(message: Mapping[str, Any]) -> DeadLetter:
    attributes = message.get("Attributes", {})
    return DeadLetter(
        message["MessageId"],
        message["Body"],
        datetime.fromtimestamp(int(attributes.get("SentTimestamp", 0)) / 1_000, UTC),
        int(attributes.get("ApproximateReceiveCount", 1)),
        message["ReceiptHandle"],
        attributes.get("MessageGroupId"),
    )


def _sent(sqs: Any, url: str, letters: Sequence[DeadLetter]) -> set[str]:
    """Send the messages and return the ids of those that the queue accepted: it may accept a part of a batch."""
    entries = [
        {
            "Id": str(number),
            "MessageBody": letter.body,
            # A letter that could not be deleted may be sent twice. The FIFO queue then accepts it once.
            **(
                {"MessageGroupId": letter.group, "MessageDeduplicationId": f"redrive-{letter.message_id}"}
                if url.endswith(".fifo")
                else {}
            ),
        }
        for number, letter in enumerate(letters)
    ]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    return {letters[int(entry["Id"])].message_id for entry in answer.get("Successful", [])}


def _delete(sqs: Any, url: str, letters: Sequence[DeadLetter]) -> None:
    if not letters:
        return
    entries = [{"Id": str(number), "ReceiptHandle": letter.receipt} for number, letter in enumerate(letters)]
    failed = sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
    if failed:
        raise StackError(
            f"{len(failed)} dead letters were sent back, but could not be deleted: run this again; it is harmless."
        )


def _make_visible(sqs: Any, url: str, letters: Sequence[DeadLetter]) -> None:
    for start in range(0, len(letters), BATCH):
        part = letters[start : start + BATCH]
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0} for number, letter in enumerate(part)
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


# --- in words ----------------------------------------------------------------------------------------------------------


def described(letter: DeadLetter, jobs: Mapping[str, Job], now: datetime) -> str:
    """Return one line: the message's command, its age, and the state of its jobs."""
    line = f"{letter.command:10} sent {age((now - letter.sent_at).total_seconds())} ago, received {times(letter.receives)}"
    if letter.job_ids is None:
        return f"{line}: no message of this service's ({len(letter.body)} characters)"
    shown = ", ".join(_job(job_id, jobs.get(job_id)) for job_id in letter.job_ids[:JOBS_SHOWN])
    more = len(letter.job_ids) - JOBS_SHOWN
    what = shown or f"the pending jobs of {letter.group or 'its account'}"
    return f"{line}: {what}{f', and {more} more' if more > 0 else ''}"


def _job(job_id: str, job: Job | None) -> str:
    if job is None:
        return f"job {job_id} (it does not exist)"
    reason = job.failure.reason if job.failure else job.waits_because
    dead = next((event.detail for event in reversed(job.history) if event.event == "deadLettered"), None)
    why = reason if not job.is_open or dead is None else dead
    return f"job {job_id} ({job.status.value}{f': {why}' if why else ''})"


def age(seconds: float) -> str:
    """Return the age in the largest unit that fits. Examples: 40 s, 12 min, 3 h, 2 d."""
    units: Sequence[tuple[str, Callable[[float], float]]] = (
        ("d", lambda s: s / 86_400),
        ("h", lambda s: s / 3_600),
        ("min", lambda s: s / 60),
    )
    for unit, amount in units:
        if amount(seconds) >= 1:
            return f"{amount(seconds):.0f} {unit}"
    return f"{max(0, seconds):.0f} s"


def times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
