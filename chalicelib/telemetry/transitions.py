"""Reports each transition of a job once: a log line, the metrics that follow from it, and a mark in the trace.

A transition is reported after it was stored. A write that loses its race reports nothing. Nor does a repeated write, or one
that adds nothing to the job's history.

A report can be lost: the process may die between the write and the report, or the table's answer may never arrive. So nothing
may depend on it. The complete record is the job's `history`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.jobs.model import FINAL, Attempt, Event, Job, Outcome
from chalicelib.jobs.ports import Clock
from chalicelib.jobs.receipts import Receipt
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
"""The levels of the events that an operator may have to act on. All others are INFO."""
EXPLAINED = frozenset({"waiting", "displaced", "outOfGas", "deadLettered", "reorged"})
"""Events whose detail is logged. This service wrote the detail, with at most a cleaned text of a node in it. The detail of
`failed` may quote what the issuer sent, so only the failure's code is logged.
"""
IN_FLIGHT = frozenset({"signed", "replaced", "cancelRequested", "cancelSigned", "mined", "unmined"})
"""Events after which the job has a nonce that is not settled."""
NOT_SIGNED = frozenset({"issued", "waiting", "resumed", "displaced", "outOfGas", "retried"})
"""Events after which the job has no such nonce."""

Mark = Callable[[str, Mapping[str, Any]], None]
"""Marks the trace with the name of an event of a job's history and with its fields."""


class Transitions:
    """Reports transitions that were stored. A failure to report is logged, and never reaches the caller."""

    def __init__(self, metrics: Metrics, clock: Clock, mark: Mark) -> None:
        self._metrics = metrics
        self._clock = clock
        self._mark = mark

    def report(self, job: Job, events: Sequence[Event]) -> None:
        """Report these events of the job's history. Raises nothing: a caller would take an error for a write that failed."""
        for event in events:
            try:
                fields = _fields(job, event)
                log.log(LEVELS.get(event.event, logging.INFO), event.event, extra={FIELDS: fields})
                self._measure(job, event)
                self._mark(event.event, fields)
            except Exception:
                log.exception("a transition could not be reported", extra={"jobId": job.job_id, "event": event.event})

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
    """Return the fields of the log line, without those that do not apply.

    The transaction is the one that the event names, or else the latest one.
    """
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
        "txHash": receipt.hash if receipt else _transaction_hash(attempt, event),
        "blockNumber": receipt and receipt.block_number,
        "fee": receipt and str(receipt.fee),
        "code": job.failure.code if job.failure and event.event == "failed" else None,
        "detail": event.detail if event.event in EXPLAINED else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _transaction_hash(attempt: Attempt | None, event: Event) -> str | None:
    if attempt is None:
        return None
    return next((one for one in attempt.hashes if one in (event.detail or "")), attempt.latest.hash)


def _settled_by(job: Job, event: Event) -> Receipt | None:
    """Return the receipt that settled the job's nonce with this event, or None where the event settled no nonce.

    A retried job can end before it is signed again. It still holds the receipt of its last attempt, which this event did not
    settle: so the events before this one decide.
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
    """Round, and return at least 0: clocks differ a little, and the time of a block may be a second early."""
    return round(max(0.0, seconds), 3)
