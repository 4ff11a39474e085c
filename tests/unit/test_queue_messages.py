"""What is sent to SQS, by the real adapter over a client that only remembers."""

import json
from dataclasses import replace
from typing import Any

import pytest
from botocore.session import get_session
from botocore.stub import Stubber

from chalicelib.errors import ServiceUnavailable
from chalicelib.queues.sqs import SqsQueue
from tests.unit.jobs.a_job import pending_job


class RememberingClient:
    def __init__(self, failed: list[dict[str, str]] | None = None) -> None:
        self.sent: list[tuple[str, list[dict[str, Any]]]] = []
        self.failed = failed or []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        self.sent.append((QueueUrl, Entries))
        return {"Failed": self.failed}


def entries(client: RememberingClient) -> list[dict[str, Any]]:
    return [entry for _, batch in client.sent for entry in batch]


def test_messages_of_one_job_never_share_a_deduplication_id() -> None:
    client = RememberingClient()
    queue = SqsQueue(client, "execute", "confirm")  # type: ignore[arg-type]
    job = pending_job()
    queue.execute([job])
    queue.execute([job])
    queue.execute([replace(job, attempt_count=1)])
    ids = [entry["MessageDeduplicationId"] for entry in entries(client)]
    assert len(set(ids)) == 3
    assert [id_.rsplit("-", 1)[0] for id_ in ids] == [f"{job.job_id}-0", f"{job.job_id}-0", f"{job.job_id}-1"]
    assert {entry["MessageGroupId"] for entry in entries(client)} == {f"{job.chain_id}:{job.account}"}


def test_many_jobs_go_out_in_batches_of_ten_and_many_ids_in_messages_of_a_hundred() -> None:
    client = RememberingClient()
    queue = SqsQueue(client, "execute", "confirm")  # type: ignore[arg-type]
    queue.execute([pending_job()] * 25)
    assert [len(batch) for _, batch in client.sent] == [10, 10, 5]
    client.sent.clear()
    ids = [f"{number:024x}" for number in range(250)]
    queue.confirm(ids, delay_seconds=3)
    assert [entry["DelaySeconds"] for entry in entries(client)] == [3, 3, 3]
    assert [job_id for entry in entries(client) for job_id in json.loads(entry["MessageBody"])["jobIds"]] == ids


@pytest.mark.parametrize(("asked", "given"), [(-5, 0), (0, 0), (900, 900), (4_000, 900)])
def test_a_delay_stays_within_what_sqs_takes(asked: int, given: int) -> None:
    client = RememberingClient()
    SqsQueue(client, "execute", "confirm").confirm(["0" * 24], delay_seconds=asked)  # type: ignore[arg-type]
    assert entries(client)[0]["DelaySeconds"] == given


TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_every_message_carries_the_trace_it_was_sent_in_and_its_own_deduplication_id() -> None:
    client = RememberingClient()
    queue = SqsQueue(client, "execute", "confirm", lambda: TRACE)  # type: ignore[arg-type]
    queue.execute([pending_job()] * 2)
    queue.execute_now("122:0xA", ["0" * 24])
    queue.execute_later("122:0xA", ["0" * 24], delay_seconds=1)
    queue.confirm(["0" * 24], delay_seconds=1)
    sent = entries(client)
    assert [entry["MessageSystemAttributes"] for entry in sent] == [
        {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    ] * 5
    assert len({entry["MessageDeduplicationId"] for entry in sent[:3]}) == 3


def test_a_traced_message_is_one_that_aws_takes() -> None:
    """By AWS's own description of SQS; the emulator forgets the trace of a batch's messages."""
    client = get_session().create_client("sqs", "us-east-1", aws_access_key_id="nobody", aws_secret_access_key="nothing")
    with Stubber(client) as aws:
        aws.add_response("send_message_batch", {"Successful": [], "Failed": []})
        SqsQueue(client, "https://sqs/execute.fifo", "https://sqs/confirm", lambda: TRACE).execute([pending_job()])
        aws.assert_no_pending_responses()


def test_without_a_trace_a_message_carries_none() -> None:
    client = RememberingClient()
    SqsQueue(client, "execute", "confirm").execute([pending_job()])  # type: ignore[arg-type]
    assert "MessageSystemAttributes" not in entries(client)[0]


def test_a_batch_taken_in_part_is_not_taken_for_sent() -> None:
    client = RememberingClient(failed=[{"Id": "1"}])
    with pytest.raises(ServiceUnavailable, match="refused 1"):
        SqsQueue(client, "execute", "confirm").execute([pending_job(), pending_job()])  # type: ignore[arg-type]
