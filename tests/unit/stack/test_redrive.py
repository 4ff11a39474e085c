"""Dead letters: looking takes nothing away, and what is sent back is gone only once it was accepted."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.jobs.model import Event, Failure, Status
from stack.errors import StackError
from stack.operation.redrive import DeadLetter, Queues, age, described, look, send_back
from stack.progress import silent
from tests.unit.jobs.a_job import NOW, pending_job

DEAD, SOURCE = "http://sqs/dead.fifo", "http://sqs/execute.fifo"
FIFO = Queues("execute", DEAD, SOURCE)
STANDARD = Queues("confirm", "http://sqs/dead", "http://sqs/confirm")
GROUP = "122:0xA"


@dataclass
class Stored:
    body: str
    group: str | None
    hidden: bool = False
    attributes: dict[str, str] = field(default_factory=dict)


class Sqs:
    """The requests that redrive makes, answered as SQS does. In a FIFO group with a hidden message nothing else is shown."""

    def __init__(self) -> None:
        self.dead: dict[str, Stored] = {}
        self.sent: list[dict[str, Any]] = []
        self.refuses: set[str] = set()
        """Bodies that the source queue does not take."""
        self.keeps: set[str] = set()
        """Message ids that cannot be deleted."""

    def put(self, *bodies: str, group: str | None = GROUP) -> None:
        for body in bodies:
            number = len(self.dead) + 1
            self.dead[f"m{number}"] = Stored(body, group)

    def receive_message(self, **request: Any) -> dict[str, Any]:
        assert request["VisibilityTimeout"] > 0
        assert request["WaitTimeSeconds"] > 0, "short polling asks only some of the servers"
        held = {stored.group for stored in self.dead.values() if stored.hidden and stored.group is not None}
        free = [(id_, stored) for id_, stored in self.dead.items() if not stored.hidden and stored.group not in held]
        for _, stored in free[: request["MaxNumberOfMessages"]]:
            stored.hidden = True
        return {
            "Messages": [
                {
                    "MessageId": id_,
                    "Body": stored.body,
                    "ReceiptHandle": f"r-{id_}",
                    "Attributes": {
                        "SentTimestamp": "1000",
                        "ApproximateReceiveCount": "2",
                        **({"MessageGroupId": stored.group} if stored.group else {}),
                    },
                }
                for id_, stored in free[: request["MaxNumberOfMessages"]]
            ]
        }

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        assert 1 <= len(request["Entries"]) <= 10
        taken = [entry for entry in request["Entries"] if entry["MessageBody"] not in self.refuses]
        self.sent += [{"QueueUrl": request["QueueUrl"], **entry} for entry in taken]
        refused = [entry for entry in request["Entries"] if entry not in taken]
        return {"Successful": [{"Id": entry["Id"]} for entry in taken], "Failed": [{"Id": entry["Id"]} for entry in refused]}

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        failed = []
        for entry in request["Entries"]:
            id_ = entry["ReceiptHandle"].removeprefix("r-")
            if id_ in self.keeps:
                failed.append({"Id": entry["Id"]})
            else:
                del self.dead[id_]
        return {"Failed": failed}

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        assert 1 <= len(request["Entries"]) <= 10
        for entry in request["Entries"]:
            assert entry["VisibilityTimeout"] == 0
            self.dead[entry["ReceiptHandle"].removeprefix("r-")].hidden = False
        return {}


def body(job_id: str, command: str = "execute") -> str:
    return json.dumps({"command": command, "accountId": GROUP, "jobIds": [job_id]})


def bodies(count: int) -> list[str]:
    return [body(f"{number:024x}") for number in range(count)]


def test_looking_leaves_every_message_where_it_is_and_visible() -> None:
    sqs = Sqs()
    sqs.put(*bodies(25), group=None)
    sqs.put("no message of ours", group=None)
    letters = look(sqs, STANDARD, silent)
    assert len(letters) == 26
    assert (letters[0].job_ids, letters[0].receives) == (("0" * 24,), 2)
    assert [letter.job_ids for letter in letters].count(None) == 1
    assert not any(stored.hidden for stored in sqs.dead.values())
    assert sqs.sent == []


def test_messages_are_visible_again_also_when_looking_is_interrupted() -> None:
    sqs = Sqs()
    sqs.put(*bodies(25), group=None)
    receive = sqs.receive_message
    answers = iter([receive, receive])

    def interrupted(**request: Any) -> Any:
        answer = next(answers, None)
        if answer is None:
            raise KeyboardInterrupt
        return answer(**request)

    sqs.receive_message = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        look(sqs, STANDARD, silent)
    assert not any(stored.hidden for stored in sqs.dead.values())


def test_they_go_back_in_their_order_and_group_and_are_deleted() -> None:
    sqs = Sqs()
    sqs.put(*bodies(23))
    assert send_back(sqs, FIFO, silent) == Counter(sent=23, left=0, unreadable=0)
    assert sqs.dead == {}
    assert [entry["MessageBody"] for entry in sqs.sent] == bodies(23)
    assert {(entry["QueueUrl"], entry["MessageGroupId"]) for entry in sqs.sent} == {(SOURCE, GROUP)}
    assert len({entry["MessageDeduplicationId"] for entry in sqs.sent}) == 23


def test_a_standard_queue_is_sent_no_group() -> None:
    sqs = Sqs()
    sqs.put(body("a" * 24, "confirm"), group=None)
    send_back(sqs, STANDARD, silent)
    assert set(sqs.sent[0]) == {"QueueUrl", "Id", "MessageBody"}


def test_one_that_is_not_accepted_is_not_deleted_and_is_counted() -> None:
    sqs = Sqs()
    sqs.put(*bodies(3))
    sqs.refuses = {bodies(3)[1]}
    assert send_back(sqs, FIFO, silent) == Counter(sent=2, left=1, unreadable=0)
    assert [stored.body for stored in sqs.dead.values()] == [bodies(3)[1]]
    assert not any(stored.hidden for stored in sqs.dead.values())


def test_what_is_no_message_of_ours_stays() -> None:
    sqs = Sqs()
    sqs.put("nonsense", bodies(1)[0])
    assert send_back(sqs, FIFO, silent) == Counter(sent=1, left=0, unreadable=1)
    assert [stored.body for stored in sqs.dead.values()] == ["nonsense"]
    assert not any(stored.hidden for stored in sqs.dead.values())


def test_one_that_cannot_be_deleted_is_the_same_message_when_it_is_sent_again() -> None:
    sqs = Sqs()
    sqs.put(*bodies(1))
    sqs.keeps = {"m1"}
    with pytest.raises(StackError, match="run this again; it is harmless"):
        send_back(sqs, FIFO, silent)
    sqs.dead["m1"].hidden = False
    sqs.keeps = set()
    send_back(sqs, FIFO, silent)
    assert len(sqs.sent) == 2
    assert len({entry["MessageDeduplicationId"] for entry in sqs.sent}) == 1


def letter(text: str) -> DeadLetter:
    return DeadLetter("m", text, NOW, 6, "receipt", GROUP)


def test_a_line_says_what_the_job_says() -> None:
    later = datetime.fromtimestamp(NOW.timestamp() + 7_200, UTC)
    job = replace(pending_job(), history=(Event(NOW, "issued"), Event(NOW, "deadLettered", "too often")))
    line = described(letter(body(job.job_id)), {job.job_id: job}, later)
    assert line == f"execute    sent 2 h ago, received 6 times: job {job.job_id} (pending: too often)"
    failed = replace(job, status=Status.FAILED, failure=Failure("DeadLettered", "for good"))
    assert "(failed: for good)" in described(letter(body(job.job_id)), {job.job_id: failed}, later)
    assert "(it does not exist)" in described(letter(body("f" * 24)), {}, later)
    assert "the pending jobs of 122:0xA" in described(letter('{"command": "execute", "accountId": "122:0xA"}'), {}, later)
    many = json.dumps({"command": "confirm", "jobIds": ["a" * 24] * 5})
    assert described(letter(many), {}, later).endswith("and 2 more")


def test_a_line_does_not_repeat_what_it_cannot_read() -> None:
    assert "0xsecret" not in described(letter("0xsecret"), {}, NOW)


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0 s"), (59, "59 s"), (61, "1 min"), (7_200, "2 h"), (200_000, "2 d")])
def test_ages(seconds: float, text: str) -> None:
    assert age(seconds) == text
