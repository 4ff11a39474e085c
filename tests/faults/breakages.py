"""Protections taken out of the code, by name, in a worker process: the harness has to notice each.

Every one is a mistake that a system before this one made, or that a careless change here would make.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import app
from chalicelib.jobs import issue, next_step, retry, states
from chalicelib.jobs.ids import random_job_id
from chalicelib.jobs.model import IN_FLIGHT, Account, Job, Status
from chalicelib.jobs.settlement import NotMined, SettledWithoutReceipt, judge
from chalicelib.store.jobs import DynamoJobStore
from chalicelib.workers import every_minute


@dataclass(frozen=True, slots=True)
class Breakage:
    """`apply` changes the process it runs in, for good."""

    invariant: int
    apply: Callable[[], None]


def _send(jobs: Sequence[Job]) -> None:
    app.wiring.chain.broadcast([job.attempt.latest for job in jobs])


def broadcast_before_it_is_stored() -> None:
    start = DynamoJobStore.start

    def broken(self: DynamoJobStore, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        _send(jobs)
        return start(self, account, next_nonce, jobs)

    _set(DynamoJobStore, "start", broken)


def replacement_broadcast_before_it_is_stored() -> None:
    save = DynamoJobStore.save

    def broken(self: DynamoJobStore, job: Job) -> Job:
        if job.status in IN_FLIGHT and len(job.attempt.transactions) > 1:
            _send([job])
        return save(self, job)

    _set(DynamoJobStore, "save", broken)


def nonce_taken_before_its_transaction_is_stored() -> None:
    start = DynamoJobStore.start

    def broken(self: DynamoJobStore, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        self._client.update_item(
            TableName=self._accounts_table,
            Key={"accountId": {"S": account.account_id}},
            UpdateExpression="SET nextNonce = :next",
            ExpressionAttributeValues={":next": {"N": str(next_nonce)}},
        )
        return start(self, replace(account, next_nonce=next_nonce), next_nonce, jobs)

    _set(DynamoJobStore, "start", broken)


def written_without_a_condition() -> None:
    """Neither the job's version nor the account's next nonce is looked at."""

    def start(self: DynamoJobStore, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        for job in jobs:
            save(self, job)
        self._client.update_item(
            TableName=self._accounts_table,
            Key={"accountId": {"S": account.account_id}},
            UpdateExpression="SET nextNonce = :next",
            ExpressionAttributeValues={":next": {"N": str(next_nonce)}},
        )
        return [replace(job, version=job.version + 1) for job in jobs]

    def save(self: DynamoJobStore, job: Job) -> Job:
        written = replace(job, version=job.version + 1)
        self._put(written, "attribute_exists(jobId)", {})
        return written

    _set(DynamoJobStore, "start", start)
    _set(DynamoJobStore, "save", save)
    _set(DynamoJobStore, "save_each", lambda self, jobs: [save(self, job) for job in jobs])


def signed_anew_without_proof() -> None:
    """What is not mined one block after it was signed is believed to be gone, and its nonce somebody else's."""
    from chalicelib.chain.reading.node import Node  # noqa: PLC0415 -- only the workers have it

    def broken(job: Job, view: Any, confirmations: int) -> Any:
        verdict = judge(job, view, confirmations)
        waited = view.head - job.attempt.latest.signed_at_block
        return SettledWithoutReceipt() if isinstance(verdict, NotMined) and waited >= 1 else verdict

    _set(next_step, "judge", broken)
    _set(Node, "user_of_nonce", lambda *_: "0x" + "11" * 32)


def retried_while_it_may_still_be_mined() -> None:
    everything = frozenset(Status)
    _set(retry, "RETRYABLE", everything)
    _set(states, "RETRYABLE", everything)
    _set(states, "_require_settled", lambda *_: None)
    retried = states.retried

    def broken(job: Job, *more: Any, **named: Any) -> Job:
        return replace(retried(job, *more, **named), attempts=())

    _set(retry, "retried", broken)


def receipt_status_never_read() -> None:
    from chalicelib.chain.reading import receipts, requests  # noqa: PLC0415 -- only the workers have it

    def broken(*given: Any) -> Any:
        receipt = receipts.read_receipt(*given)
        return None if receipt is None else replace(receipt, succeeded=True)

    _set(requests, "read_receipt", broken)


def nobody_looks_for_what_was_left_behind() -> None:
    _set(every_minute, "reconcile_jobs", lambda _: 0)


def repeated_request_makes_another_job() -> None:
    _set(issue, "derived_job_id", lambda *_: random_job_id(app.wiring.clock()))


def _set(where: Any, name: str, value: Any) -> None:
    """Raises AttributeError where there is nothing of that name to break any more."""
    getattr(where, name)
    setattr(where, name, value)


BREAKAGES: dict[str, Breakage] = {
    function.__name__: Breakage(invariant, function)
    for invariant, function in (
        (1, broadcast_before_it_is_stored),
        (1, replacement_broadcast_before_it_is_stored),
        (2, nonce_taken_before_its_transaction_is_stored),
        (3, signed_anew_without_proof),
        (4, retried_while_it_may_still_be_mined),
        (5, receipt_status_never_read),
        (6, nobody_looks_for_what_was_left_behind),
        (6, repeated_request_makes_another_job),
        (7, written_without_a_condition),
    )
}
