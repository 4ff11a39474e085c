"""What was left behind is found again: lost nudges, dead letters, a killed worker."""

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from web3 import Web3
from web3.contract import Contract

from chalicelib.chain.contracts.abi import encode_call
from chalicelib.jobs.model import Event, Job, Status, TransactionRequest
from chalicelib.store.checkpoints import DynamoCheckpointStore
from chalicelib.store.jobs import DynamoJobStore
from tests.scheduled import SCHEDULED
from tests.stack.client import Client, aws, wait_for


def forgotten_job(env: dict[str, str], sink: Contract, id_: str) -> Job:
    """A pending job as the API stores it, of which nobody was told: it is old enough for the sweep, and its nudges are lost."""
    long_ago = datetime.now(UTC) - timedelta(seconds=61)
    return Job(
        job_id=secrets.token_hex(12),
        owner=env["ISSUER_ACCOUNT"],
        name="transaction",
        status=Status.PENDING,
        version=1,
        network="fuse",
        chain_id=int(env["CHAIN_ID"]),
        account=env["ISSUER_ACCOUNT"],
        request=TransactionRequest(to=sink.address, data=encode_call("hit(bytes32)", [id_])),
        fingerprint="0" * 64,
        created_at=long_ago,
        updated_at=long_ago,
        history=(Event(long_ago, "issued"),),
        pending_since=long_ago,
    )


def store_of(env: dict[str, str]) -> DynamoJobStore:
    return DynamoJobStore(aws(env, "dynamodb"), env["JOBS_TABLE"], env["ACCOUNTS_TABLE"])


def function_named(env: dict[str, str], part: str) -> str:
    functions = aws(env, "lambda").list_functions()["Functions"]
    return next(
        str(function["FunctionName"])
        for function in functions
        if function["FunctionName"].startswith(f"{env['STACK_NAME']}-{part}-")
    )


def reconcile(env: dict[str, str]) -> None:
    """Run the scheduled function now, with the event that the schedule sends."""
    function = function_named(env, "ReconcileJobs")
    answer = aws(env, "lambda").invoke(FunctionName=function, Payload=json.dumps(SCHEDULED))
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_job_whose_nudge_was_lost_is_found_by_reconcile(env: dict[str, str], sink: Contract, issuer: Client) -> None:
    id_ = "0x" + secrets.token_hex(32)
    job = forgotten_job(env, sink, id_)
    assert store_of(env).issue(job) is None
    reconcile(env)
    assert issuer.await_job(job.job_id)["status"] == "succeeded"
    assert sink.functions.hits(id_).call() == 1


def test_a_dead_letter_is_written_into_the_job_which_goes_on(env: dict[str, str], sink: Contract, issuer: Client) -> None:
    id_ = "0x" + secrets.token_hex(32)
    later = datetime.now(UTC) + timedelta(hours=1)
    job = replace(forgotten_job(env, sink, id_), next_check_at=later)
    assert store_of(env).issue(job) is None
    sqs = aws(env, "sqs")
    dead_letters = sqs.get_queue_url(QueueName=f"{env['STACK_NAME']}-execute-dead-letters.fifo")["QueueUrl"]
    body = json.dumps({"command": "execute", "accountId": "122:0x0", "jobIds": [job.job_id]})

    def send(text: str) -> None:
        sqs.send_message(
            QueueUrl=dead_letters, MessageBody=text, MessageGroupId="g", MessageDeduplicationId=secrets.token_hex(8)
        )

    send("not a message of ours")
    send(body)

    def noted(times: int) -> dict[str, Any] | None:
        found = issuer.job(job.job_id)
        return found if [event["event"] for event in found["history"]].count("deadLettered") == times else None

    assert wait_for("the first dead letter", lambda: noted(1))["status"] == "pending"
    send(body)
    assert wait_for("the second dead letter", lambda: noted(2))["status"] == "pending"
    send(body)
    failed = wait_for("the third dead letter", lambda: noted(3))
    assert (failed["status"], failed["failCode"]) == ("failed", "DeadLettered")
    assert issuer.post(f"/api/v2/jobs/retry/{job.job_id}").status_code == 200
    assert issuer.await_job(job.job_id)["status"] == "succeeded"
    assert sink.functions.hits(id_).call() == 1


def test_messages_lost_after_signing_change_nothing(env: dict[str, str], sink: Contract, issuer: Client, chain: Web3) -> None:
    """The confirm queue is emptied while jobs are in flight: reconcile finds each one, and each has happened once."""
    ids = ["0x" + secrets.token_hex(32) for _ in range(5)]
    jobs = [issuer.issue(to=sink.address, call={"function": "hit(bytes32)", "args": [id_]})["_id"] for id_ in ids]
    for job_id in jobs:
        issuer.await_job(job_id, {"started", "succeeded"})
    aws(env, "sqs").purge_queue(QueueUrl=env["CONFIRM_QUEUE_URL"])
    store = store_of(env)
    for job in store.load(jobs):
        if job.is_open:  # as reconcile will see it in a minute
            store.save(replace(job, next_check_at=datetime.now(UTC)))
    reconcile(env)
    assert {issuer.await_job(job_id)["status"] for job_id in jobs} == {"succeeded"}
    assert [sink.functions.hits(id_).call() for id_ in ids] == [1] * 5


def test_a_reorg_deeper_than_the_confirmations_is_told_in_the_job(
    env: dict[str, str], sink: Contract, issuer: Client, chain: Web3
) -> None:
    reconcile(env)
    job = issuer.await_job(issuer.issue(to=sink.address, call={"function": "hit(bytes32)", "args": ["0x" + "0d" * 32]})["_id"])
    block = job["data"]["transactionBody"]["blockNumber"]
    store = DynamoCheckpointStore(aws(env, "dynamodb"), env["ACCOUNTS_TABLE"])
    wait_for("a final block after it", lambda: chain.eth.block_number >= block + int(env["CONFIRMATIONS"]) or None)
    reconcile(env)
    assert store.read(122)[-1].number >= block
    answer = chain.provider.make_request("anvil_reorg", [chain.eth.block_number - block + 1, []])  # type: ignore[arg-type]
    assert "error" not in answer
    reconcile(env)
    told = [event for event in issuer.job(job["_id"])["history"] if event["event"] == "reorged"]
    assert len(told) == 1
    assert f"block {block} was replaced" in told[0]["detail"]
    reconcile(env)
    assert issuer.job(job["_id"])["history"][-1]["event"] == "reorged"
    assert [event["event"] for event in issuer.job(job["_id"])["history"]].count("reorged") == 1


def test_a_deep_reorg_between_two_looks_is_noticed_its_jobs_are_mined_again_and_later_ones_go_on(
    env: dict[str, str], sink: Contract, issuer: Client, chain: Web3
) -> None:
    def node(method: str, *params: Any) -> None:
        answer = chain.provider.make_request(method, list(params))  # type: ignore[arg-type]
        assert "error" not in answer, answer

    ids = ["0x" + secrets.token_hex(32) for _ in range(6)]
    jobs = [issuer.issue(to=sink.address, call={"function": "hit(bytes32)", "args": [id_]})["_id"] for id_ in ids]
    final = [issuer.await_job(job_id) for job_id in jobs]
    assert {job["status"] for job in final} == {"succeeded"}
    first = min(job["data"]["transactionBody"]["blockNumber"] for job in final)
    node("anvil_reorg", chain.eth.block_number - first + 1, [])
    assert [sink.functions.hits(id_).call() for id_ in ids] == [0] * 6
    later = issuer.issue(to=sink.address, call={"function": "hit(bytes32)", "args": ["0x" + secrets.token_hex(32)]})["_id"]
    issuer.await_job(later, {"started"})
    reconcile(env)
    assert issuer.await_job(later)["status"] == "succeeded"
    assert [sink.functions.hits(id_).call() for id_ in ids] == [1] * 6

    def settled_again(job_id: str) -> dict[str, Any] | None:
        job = issuer.job(job_id)
        events = [event["event"] for event in job["history"]]
        return job if "reorged" in events and events[-1] == "succeeded" else None

    for job_id in jobs:
        job = wait_for("the job's new receipt", lambda job_id=job_id: settled_again(job_id))  # type: ignore[misc]
        assert job["status"] == "succeeded"
        assert [event["event"] for event in job["history"]].count("reorged") == 1
        receipt = chain.eth.get_transaction_receipt(job["data"]["txHash"])
        assert receipt["blockNumber"] == job["data"]["transactionBody"]["blockNumber"]
