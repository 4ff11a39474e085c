"""Each transition of a job, told once: a log line, the metrics that follow from it, and a mark in the trace.

Told is what was stored, after it was: who loses a race tells nothing, nor does a repeated write, nor one that adds nothing to
the history. Should the process die in between, or the table's answer be lost for good, the line is missing: the record is the
job's own history.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from chalicelib.jobs.model import FINAL, Account, Attempt, Event, Job, Outcome
from chalicelib.jobs.ports import Clock
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.stores import JobStore
from chalicelib.metrics import COIN, Metric, Metrics
from chalicelib.telemetry.logs import FIELDS

log = logging.getLogger(__name__)

LEVELS: Mapping[str, int] = {
    "deadLettered": logging.ERROR,
    "reorged": logging.ERROR,
    "displaced": logging.WARNING,
    "outOfGas": logging.WARNING,
    "unmined": logging.WARNING,
}
"""Of the events that an operator may have to do something about; all others are INFO."""
EXPLAINED = frozenset({"waiting", "displaced", "outOfGas", "deadLettered", "reorged"})
"""Events whose detail is a sentence of ours, with a node's cleaned text at most. A failure's may quote what the issuer sent: of
that the code is told.
"""
IN_FLIGHT = frozenset({"signed", "replaced", "cancelRequested", "cancelSigned", "mined", "unmined"})
NOT_SIGNED = frozenset({"issued", "waiting", "resumed", "displaced", "outOfGas", "retried"})
"""Events that leave a job with a nonce that is not settled, and without one."""

Mark = Callable[[str, Mapping[str, Any]], None]
"""Puts an event and its fields into the trace."""


def observed(jobs: JobStore, metrics: Metrics, clock: Clock, mark: Mark) -> JobStore:
    """The store, and whatever becomes of a job in it is told."""
    return cast(JobStore, ObservedJobs(jobs, metrics, clock, mark))


class ObservedJobs:
    """A `JobStore` around another: its writes are told, everything else is the other's own."""

    def __init__(self, jobs: JobStore, metrics: Metrics, clock: Clock, mark: Mark) -> None:
        self._jobs = jobs
        self._metrics = metrics
        self._clock = clock
        self._mark = mark

    def __getattr__(self, name: str) -> Any:
        return getattr(self._jobs, name)

    def issue(self, job: Job) -> Job | None:
        existing = self._jobs.issue(job)
        if existing is None:
            self._tell(job, job.history)
        return existing

    def save(self, job: Job) -> Job:
        written = self._jobs.save(job)
        self._tell(written, job.unsaved)
        return written

    def save_each(self, jobs: Sequence[Job]) -> list[Job | Exception]:
        outcomes = self._jobs.save_each(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            if not isinstance(outcome, Exception):
                self._tell(outcome, job.unsaved)
        return outcomes

    def start(self, account: Account, next_nonce: int, jobs: Sequence[Job]) -> list[Job]:
        written = self._jobs.start(account, next_nonce, jobs)
        for before, job in zip(jobs, written, strict=True):
            self._tell(job, before.unsaved)
        return written

    def _tell(self, job: Job, events: Sequence[Event]) -> None:
        """Whatever is wrong with telling must not be taken for a write that failed."""
        for event in events:
            try:
                fields = _fields(job, event)
                log.log(LEVELS.get(event.event, logging.INFO), event.event, extra={FIELDS: fields})
                self._measure(job, event)
                self._mark(event.event, fields)
            except Exception:
                log.exception("a transition could not be told", extra={"jobId": job.job_id, "event": event.event})

    def _measure(self, job: Job, event: Event) -> None:
        add = self._metrics.add
        match event.event:
            case "issued":
                add(Metric.JobsIssued, 1, name=job.name)
            case "signed":
                add(Metric.SecondsToBroadcast, _seconds((self._clock() - job.open_since).total_seconds()))
            case "replaced":
                add(Metric.Replacements, 1)
            case "deadLettered":
                add(Metric.DeadLetters, 1)
            case "outOfGas" if (receipt := _settled_by(job, event)) is not None:
                self._measure_settled(job, event, receipt)
            case outcome if outcome in FINAL:
                add(Metric.JobsFinished, 1, name=job.name, outcome=outcome)
                if (receipt := _settled_by(job, event)) is not None:
                    self._measure_settled(job, event, receipt)

    def _measure_settled(self, job: Job, event: Event, receipt: Receipt) -> None:
        add, signed_at = self._metrics.add, job.attempt.transactions[0].signed_at
        if receipt.mined_at is not None:
            add(Metric.SecondsToMined, _seconds((receipt.mined_at - signed_at).total_seconds()))
        add(Metric.SecondsToFinal, _seconds((event.at - signed_at).total_seconds()))
        add(Metric.FeeSpent, receipt.fee / COIN, account=job.account)
        if job.attempt.outcome in (Outcome.REVERTED, Outcome.OUT_OF_GAS):
            add(Metric.Reverts, 1)


def _fields(job: Job, event: Event) -> dict[str, Any]:
    """What a line says, as far as it applies. The transaction is the one that the event is about, else the latest."""
    attempt = job.attempt if job.attempts else None
    receipt = _settled_by(job, event)
    fields = {
        "jobId": job.job_id,
        "correlationId": job.correlation_id,
        "name": job.name,
        "account": job.account,
        "status": job.status.value,
        "attempt": job.attempt_count,
        "nonce": attempt and attempt.nonce,
        "txHash": receipt.hash if receipt else _told_hash(attempt, event),
        "blockNumber": receipt and receipt.block_number,
        "fee": receipt and str(receipt.fee),
        "code": job.failure.code if job.failure and event.event == "failed" else None,
        "detail": event.detail if event.event in EXPLAINED else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _told_hash(attempt: Attempt | None, event: Event) -> str | None:
    if attempt is None:
        return None
    return next((one for one in attempt.hashes if one in (event.detail or "")), attempt.latest.hash)


def _settled_by(job: Job, event: Event) -> Receipt | None:
    """What the job ended with, where it did with this event: one that is retried may end before it is signed again, with the
    receipt of its last attempt still there.
    """
    if not job.attempts:
        return None
    if event.event == "outOfGas":
        return job.attempt.receipt
    if event.event not in FINAL:
        return None
    before = (earlier.event for earlier in reversed(job.history[: job.history.index(event)]))
    last = next((name for name in before if name in IN_FLIGHT | NOT_SIGNED), None)
    return job.attempt.receipt if last in IN_FLIGHT else None


def _seconds(seconds: float) -> float:
    """Clocks differ a little, and a block's time may be a second early."""
    return round(max(0.0, seconds), 3)
