"""One job followed: in the order of time, each thing once, until it is final."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.jobs.model import Event, Job, Status
from stack.errors import StackError
from stack.operation.tail import find, follow, shortened
from tests.fakes.memory import MemoryJobStore
from tests.unit.jobs.a_job import NOW, pending_job

JOB = pending_job()


class Logs:
    """CloudWatch Logs with these groups: function's group → events. Lines come late, and again and again."""

    def __init__(self, **groups: list[tuple[float, str]]) -> None:
        self.groups = groups
        self.patterns: set[str] = set()

    def get_paginator(self, name: str) -> "Logs":
        assert name == "filter_log_events"
        return self

    def paginate(self, *, logGroupName: str, startTime: int, filterPattern: str) -> Iterator[dict[str, Any]]:
        self.patterns.add(filterPattern)
        if logGroupName not in self.groups:
            error = {"Error": {"Code": "ResourceNotFoundException"}}
            raise ClientError(error, "FilterLogEvents")  # type: ignore[arg-type]
        events = [
            {"timestamp": int(at * 1_000), "message": text, "eventId": f"{logGroupName} {number}"}
            for number, (at, text) in enumerate(self.groups[logGroupName])
            if int(at * 1_000) >= startTime
        ]
        yield {"events": events[:1]}
        yield {"events": events[1:]}


def store_with(job: Job) -> MemoryJobStore:
    store = MemoryJobStore()
    store.issue(job)
    return store


def followed(job: Job, changes: list[Job], logs: Logs) -> list[str]:
    """What is printed while the job goes through `changes`, one a second."""
    store, clock, coming = store_with(job), [0.0], iter(changes)

    def sleep(seconds: float) -> None:
        clock[0] += seconds
        change = next(coming, None)
        if change is not None:
            store.save(replace(change, version=store.get(job.job_id).version))  # type: ignore[union-attr]

    groups = {name: name for name in ("ExecuteJobs", "ConfirmJobs", "NeverRun")}
    return list(follow(job, store, logs, groups, sleep=sleep, monotonic=lambda: clock[0]))


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def event(seconds: float, name: str) -> Event:
    return Event(at(seconds), name)


def test_history_and_log_lines_stand_in_the_order_of_time_each_once() -> None:
    started = replace(JOB, history=(*JOB.history, event(2, "signed")))
    done = replace(started, status=Status.SUCCEEDED, history=(*started.history, event(4, "succeeded")))
    logs = Logs(
        ExecuteJobs=[(at(3).timestamp(), json.dumps({"level": "INFO", "message": "broadcast", "txHash": "0x1", "jobId": "x"}))],
        ConfirmJobs=[(at(1).timestamp(), "START of something")],
    )
    lines = followed(JOB, [started, done], logs)
    assert lines[0] == f"job {JOB.job_id} of {JOB.owner} on {JOB.account} (job): pending"
    words = [line.split("  ", 1)[1].split() for line in lines[1:-1]]
    assert [one[:2] for one in words] == [
        ["history", "issued"],
        ["ConfirmJobs", "START"],
        ["ExecuteJobs", "broadcast"],
        ["history", "signed"],
        ["history", "succeeded"],
    ]
    assert lines[-1] == f"job {JOB.job_id}: succeeded"
    assert logs.patterns == {f'"{JOB.job_id}"'}


def test_a_long_silence_is_told_with_its_reason() -> None:
    waiting = replace(JOB, waits_because="the account is paused: we look at it")
    done = replace(JOB, status=Status.CANCELLED)
    lines = followed(JOB, [waiting, *[waiting] * 6, done], Logs())
    told = [line for line in lines if line.startswith("…")]
    assert told == ["… still pending after 6 s: the account is paused: we look at it"]


def test_a_job_is_found_by_its_id_or_its_correlation_id() -> None:
    store = store_with(replace(JOB, correlation_id="order-1"))
    assert find(store, JOB.job_id).job_id == find(store, "order-1").job_id == JOB.job_id
    with pytest.raises(StackError, match="no job with the id or the correlationId 'order-2'"):
        find(store, "order-2")


def test_a_correlation_id_of_two_issuers_is_not_guessed() -> None:
    store = store_with(replace(JOB, correlation_id="order-1"))
    store.issue(replace(JOB, job_id="f" * 24, owner="other", correlation_id="order-1"))
    with pytest.raises(StackError, match=f"2 issuers .*{'f' * 24}"):
        find(store, "order-1")


def test_a_json_line_is_shortened_to_what_is_its_own() -> None:
    line = {"level": "ERROR", "message": "closed", "jobId": "x", "timestamp": "t", "nonce": 3, "blank": None, "exception": "…"}
    assert shortened(json.dumps(line)) == "ERROR closed  nonce=3"
    assert shortened("Task timed out\n") == "Task timed out"
    assert shortened("[1]") == "[1]"
