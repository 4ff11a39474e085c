"""What is true in the end: the tables against the chain, and what was promised, broadcast and logged on the way."""

import re
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.bounds import Bounds
from chalicelib.jobs.model import Job, Outcome, Status, WaitCode

if TYPE_CHECKING:
    from tests.faults.case import Case

_LONG_HEX = re.compile(r"[0-9a-fA-F]{130,}")
ACCEPTED_FAILURES = ("Expired", "NonceUsedElsewhere", "DeadLettered")
"""Of a job that could have succeeded: late; its nonce lost again and again; its message never handled, in a long outage."""
BLOCKS_AFTERWARDS = 3
"""Mined before looking: what could still happen would."""


def problems(case: "Case") -> list[str]:
    """Sentences; none when all is as it should be."""
    case.mine(BLOCKS_AFTERWARDS)
    rows = {job.job_id: job for job in case.rows()}
    effects = case.effects()
    found: list[str] = []
    for wanted in case.wanted:
        job = rows.pop(wanted.job_id, None)
        if job is None:
            found.append(f"LOST: {wanted.job_id or wanted.correlation_id} was accepted and is not there")
        else:
            found += [*_of_job(job, effects[wanted.job_id]), *_of_history(job)]
            told = case.told.get(job.job_id, job.status.value)
            if told != job.status.value:
                found.append(f"BROKEN PROMISE: {job.job_id} was told to be {told} and is {job.status}")
    found += [f"{job_id} is a job nobody asked for" for job_id in rows]
    found += _of_accounts(case)
    found += [f"BROADCAST BEFORE STORED: {hash_}" for hash_ in case.proxy.unstored]
    found += _of_log(case)
    found += [f"{count} messages left in {queue}" for queue, count in case.queues.left().items()]
    return found


def failed_without_a_reason(case: "Case") -> list[str]:
    """Of a run whose world rages. A plain hit, or a payment, fails only in the accepted ways. One that needs another's effect
    fails with it: where that one was signed once, never failed, and was not put behind by a retry, it came first: invariant 11.
    Only where an outage has kept that one from being signed for longer than a revert is doubted may it fail all the same.
    """
    rows = {job.job_id: job for job in case.rows()}
    by_effect = {wanted.effect: rows.get(wanted.job_id) for wanted in case.wanted}
    found: list[str] = []
    for wanted in case.wanted:
        job = rows.get(wanted.job_id)
        if job is None or job.status is not Status.FAILED or job.failure is None or job.failure.code in ACCEPTED_FAILURES:
            continue
        needed = by_effect[wanted.body["call"]["args"][-1]] if wanted.function == "hitAfter" else None
        depends = needed is not None and _was_first(needed) and not _waited_in_vain(job)
        if wanted.function in ("hit", "pay") or depends:
            after = f", after {needed.job_id}" if depends and needed is not None else ""
            found.append(f"FAILED WITHOUT REASON: {job.job_id}, {job.failure.code}: {job.failure.reason}{after}")
    return found


def _waited_in_vain(job: Job) -> bool:
    """Whether its revert was doubted for as long as a revert is, while earlier jobs of the account were not signed."""
    since = next((event.at for event in job.history if WaitCode.EARLIER_TRANSACTIONS in (event.detail or "")), None)
    doubted = timedelta(seconds=Bounds().earlier_jobs_seconds)
    return since is not None and job.failed_at is not None and job.failed_at - since >= doubted


def _was_first(job: Job) -> bool:
    retried = any(event.event == "retried" for event in job.history)
    return job.status is Status.SUCCEEDED and job.attempt_count == 1 and not retried


def _of_job(job: Job, effects: int) -> list[str]:
    expected = 1 if job.status is Status.SUCCEEDED else 0
    found: list[str] = []
    if job.is_open:
        found.append(f"STUCK: {job.job_id} is {job.status}")
    if effects > 1:
        found.append(f"DOUBLED: {job.job_id} is {job.status} and took effect {effects} times")
    elif effects != expected and not job.is_open:
        found.append(
            f"LOST: {job.job_id} is succeeded and took no effect"
            if expected
            else f"WRONG: {job.job_id} is {job.status} and took effect"
        )
    outcomes = Counter(attempt.outcome for attempt in job.attempts)
    if outcomes[Outcome.CONFIRMED] != expected:
        found.append(f"{job.job_id} is {job.status} with {outcomes[Outcome.CONFIRMED]} confirmed attempts")
    if outcomes[None]:
        found.append(f"{job.job_id} is {job.status} with an attempt that nobody settled")
    return found


def _of_history(job: Job) -> list[str]:
    """What is final stays so, until a retry."""
    events = [event.event for event in job.history]
    return [
        f"{job.job_id} was {before}, and then {after}"
        for before, after in pairwise(events)
        if before == "succeeded" or (before in ("failed", "cancelled") and after != "retried")
    ]


def _of_accounts(case: "Case") -> list[str]:
    found: list[str] = []
    for issuer in case.issuers:
        address = issuer.account.address
        key = {"accountId": {"S": issuer.account.account_id}}
        item = case.ground.client("dynamodb").get_item(TableName=case.place.accounts_table, Key=key, ConsistentRead=True)[
            "Item"
        ]
        mined, pending = case.node.count(address), case.node.count(address, "pending")
        stored = int(item["nextNonce"]["N"]) if "nextNonce" in item else mined
        if not stored == mined == pending:
            found.append(f"GAP: {address} has taken nonces up to {stored}, mined are {mined}, with the pool {pending}")
    return found


def _of_log(case: "Case") -> list[str]:
    """Invariant 10. Nothing in a log line has a reason to be longer hex than two hashes, but a raw transaction."""
    written = case.ground.log.read_text(errors="replace")
    secrets = [case.ground.jwt_secret, *(issuer.token for issuer in case.issuers)]
    found = ["TOLD: a key or a token is in a log" for secret in secrets if secret in written]
    return found + (["TOLD: what looks like a raw transaction is in a log"] if _LONG_HEX.search(written) else [])
