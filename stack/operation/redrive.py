"""Dead letters: shown without taking them, and sent back to the queues they came from.

A function of the stack takes them, too, and writes the reason into their jobs: what is to be seen here it has not come to, or
could not write down. Losing, doubling or delaying any of them changes when things happen, not what (invariant 6).
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
"""How long a message is hidden from others while it is looked at or sent back."""
PROGRESS_SECONDS = 2.0
JOBS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Queues:
    """URLs: where dead letters lie, and where they came from."""

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
        """None: it is no message of this service's."""
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
    """Every dead letter that can be seen, the oldest first; all are visible to others again afterwards.

    Of one account's messages a FIFO queue shows only ten while nobody takes them.
    """
    found: list[DeadLetter] = []
    try:
        for letters in _received(sqs, queues.dead_letters, say):
            found += letters
    finally:
        _let_go(sqs, queues.dead_letters, found)
    return sorted(found, key=lambda letter: letter.sent_at)


def send_back(sqs: Any, queues: Queues, say: Say) -> Counter[str]:
    """Each to its source queue, and out of the dead letters once it was accepted there. Counts `sent`, `left` (refused) and
    `unreadable`; these two are still among the dead letters.
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
        _let_go(sqs, queues.dead_letters, kept)
    return counts


def _received(sqs: Any, url: str, say: Say) -> Iterator[list[DeadLetter]]:
    """Until there are none, or only such as were seen before."""
    seen: set[str] = set()
    spoke = time.monotonic()
    while True:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HELD_SECONDS,
            WaitTimeSeconds=1,  # asks every server of the queue, which none at all does not
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
    """Ids of those that the queue took: a batch can be accepted in part."""
    entries = [
        {
            "Id": str(number),
            "MessageBody": letter.body,
            # The same letter sent twice, because it could not be deleted, is one message to a FIFO queue.
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


def _let_go(sqs: Any, url: str, letters: Sequence[DeadLetter]) -> None:
    for start in range(0, len(letters), BATCH):
        part = letters[start : start + BATCH]
        entries = [
            {"Id": str(number), "ReceiptHandle": letter.receipt, "VisibilityTimeout": 0} for number, letter in enumerate(part)
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


# --- in words ----------------------------------------------------------------------------------------------------------


def described(letter: DeadLetter, jobs: Mapping[str, Job], now: datetime) -> str:
    """One line: what it asks for, of which jobs, how old it is, and what the jobs say themselves."""
    line = f"{letter.command:10} sent {age((now - letter.sent_at).total_seconds())} ago, received {times(letter.receives)}"
    if letter.job_ids is None:
        return f"{line}: no message of this service's ({len(letter.body)} characters)"
    shown = ", ".join(_job(job_id, jobs.get(job_id)) for job_id in letter.job_ids[:JOBS_SHOWN])
    more = len(letter.job_ids) - JOBS_SHOWN
    what = shown or f"whatever is pending on {letter.group or 'its account'}"
    return f"{line}: {what}{f', and {more} more' if more > 0 else ''}"


def _job(job_id: str, job: Job | None) -> str:
    if job is None:
        return f"job {job_id} (there is none)"
    reason = job.failure.reason if job.failure else job.waits_because
    dead = next((event.detail for event in reversed(job.history) if event.event == "deadLettered"), None)
    why = reason if not job.is_open or dead is None else dead
    return f"job {job_id} ({job.status.value}{f': {why}' if why else ''})"


def age(seconds: float) -> str:
    """Such as 40 s, 12 min, 3 h, 2 d."""
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
