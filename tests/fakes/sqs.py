"""Two queues and their dead letters in memory, as SQS and its Lambda triggers behave, on a clock that a test moves.

FIFO: the messages of one group are handled in order, and one that failed holds back its group until it is visible again.
Standard: any order, with delays. Both deliver at least once, and move what was received too often to the dead letters.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from chalicelib.jobs.model import Job, account_id
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, encode

BATCH_SIZE = 10
MAX_RECEIVE_COUNT = 5
EXECUTE_VISIBILITY = timedelta(seconds=60)
CONFIRM_VISIBILITY = timedelta(seconds=180)
DEAD_LETTER_VISIBILITY = timedelta(seconds=180)


@dataclass
class Message:
    message_id: str
    body: str
    group: str | None
    visible_at: datetime
    receives: int = 0


@dataclass
class SimulatedQueue:
    """One queue with its messages, oldest first. `dead_letters` None: there is nowhere to move a message to."""

    visibility: timedelta
    dead_letters: "SimulatedQueue | None" = None
    messages: list[Message] = field(default_factory=list)

    def receive(self, now: datetime, shuffle: Callable[[list[Message]], None] | None = None) -> list[Message]:
        """One batch, now in flight: it comes again after the visibility timeout unless it is deleted."""
        taken: list[Message] = []
        held: set[str] = set()
        candidates = list(self.messages)
        if shuffle is not None:
            shuffle(candidates)
        for message in candidates:
            if message.group in held:
                continue
            if message.visible_at > now:
                if message.group is not None:
                    held.add(message.group)
                continue
            if self.dead_letters is not None and message.receives >= MAX_RECEIVE_COUNT:
                self.messages.remove(message)
                message.receives = 0
                self.dead_letters.messages.append(message)
                continue
            message.receives += 1
            message.visible_at = now + self.visibility
            taken.append(message)
            if len(taken) == BATCH_SIZE:
                break
        return taken

    def delete(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message in self.messages:
                self.messages.remove(message)

    def next_visible(self) -> datetime | None:
        """When there is something to receive: in a group, its first message holds back the others."""
        firsts: dict[str, datetime] = {}
        for message in self.messages:
            firsts.setdefault(message.group or message.message_id, message.visible_at)
        return min(firsts.values(), default=None)


class SimulatedQueues:
    """The `Queue` port over the two queues, in the message format of the real ones."""

    def __init__(self, clock: Callable[[], datetime], dice: random.Random) -> None:
        self._clock = clock
        self._numbers = count(1)
        self.dice = dice
        self.execute_dead_letters = SimulatedQueue(DEAD_LETTER_VISIBILITY)
        self.confirm_dead_letters = SimulatedQueue(DEAD_LETTER_VISIBILITY)
        self.execute_queue = SimulatedQueue(EXECUTE_VISIBILITY, self.execute_dead_letters)
        self.confirm_queue = SimulatedQueue(CONFIRM_VISIBILITY, self.confirm_dead_letters)
        self.sent: list[str] = []
        """What the service has sent, without what a test has put there."""

    def execute(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            account = account_id(job.chain_id, job.account)
            self.send_execute(self._written(ExecuteJobs(account, (job.job_id,))), account)

    def execute_now(self, account_id: str, job_ids: Sequence[str]) -> None:
        self.send_execute(self._written(ExecuteJobs(account_id, tuple(job_ids))), account_id)

    def execute_later(self, account_id: str, job_ids: Sequence[str], delay_seconds: int) -> None:
        self.send_confirm(self._written(ExecuteJobs(account_id, tuple(job_ids))), delay_seconds)

    def confirm(self, job_ids: Sequence[str], delay_seconds: int) -> None:
        if job_ids:
            self.send_confirm(self._written(ConfirmJobs(tuple(job_ids))), delay_seconds)

    def _written(self, message: ExecuteJobs | ConfirmJobs) -> str:
        self.sent.append(encode(message))
        return self.sent[-1]

    def send_execute(self, body: str, group: str) -> str:
        return self._send(self.execute_queue, body, group, 0)

    def send_confirm(self, body: str, delay_seconds: int) -> str:
        return self._send(self.confirm_queue, body, None, delay_seconds)

    def _send(self, queue: SimulatedQueue, body: str, group: str | None, delay_seconds: int) -> str:
        if not 0 <= delay_seconds <= 900:
            raise ValueError(f"a message can be delayed by 0 to 900 seconds, not {delay_seconds}")
        message_id = f"message-{next(self._numbers)}"
        queue.messages.append(Message(message_id, body, group, self._clock() + timedelta(seconds=delay_seconds)))
        return message_id
