"""Halt a stage, restore rows that were lost, and compare them with the chain before anything is signed again."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from stack.commands.options import flag, option, stage
from stack.errors import StackError
from stack.progress import say

if TYPE_CHECKING:
    from chalicelib.jobs.model import Account, Job
    from stack.operation.restore_check import Match, Mined
    from stack.operation.target import Target

REPAIR_TRIES = 3


@click.command("halt")
@stage
@flag("YES", "Halt without asking.")
def halt_stage(stage: str, *, yes: bool) -> None:
    """Stop a stage until `make resume`.

    Its API answers 5xx, and nothing is signed or confirmed.
    """
    from stack.deployment.consent import ask_unless
    from stack.operation.halt import halt
    from stack.operation.target import target_of

    with target_of(stage) as target:
        target.resource("APIHandler")
        ask_unless(yes=yes)(f"Stop {target.name}? Its API answers 5xx until it is resumed.")
        halt(target, say)


@click.command("resume")
@stage
def resume_stage(stage: str) -> None:
    """Start a halted stage again."""
    from stack.operation.halt import resume
    from stack.operation.target import target_of

    with target_of(stage) as target:
        resume(target, say)


@click.command("restore")
@stage
@option("AT", "The moment to restore, with its time zone. Example: 2026-11-22T07:15:00Z.", required=True, metavar="TIME")
@flag("RUN", "Put back the rows that are gone, and pause every account.")
@flag("REPLACE", "With RUN: also put back the earlier state of jobs that differ.")
def restore_tables(stage: str, at: str, *, run: bool, replace: bool) -> None:
    """Compare the tables with an earlier moment, or restore rows.

    It makes copies of the tables as they were at that moment. The tables of today change only with RUN=1, and only while the
    stage is halted.
    """
    from stack.operation import restore
    from stack.operation.halt import is_halted
    from stack.operation.target import target_of

    moment = restore.moment(at)
    with target_of(stage) as target:
        settings = target.settings
        if run and not is_halted(target):
            raise StackError(f"{target.name} runs: `make halt STAGE={stage}` first, or what it writes is mixed with the past.")
        jobs = restore.restore(target.client, settings.jobs_table, moment, say)
        accounts = restore.restore(target.client, settings.accounts_table, moment, say)
        if run:
            paused = restore.pause_all(target.accounts, moment)
            say(f"{paused} accounts are paused until `make restore-check` lets them go on")
        now = datetime.now(UTC)
        gone = differing = put = 0
        for difference in restore.differences(target.client, "accountId", settings.accounts_table, accounts):
            if difference.today is None:
                gone += 1
                put += run and restore.put_account_back(target.client, settings.accounts_table, difference, moment)
        say(f"accounts: {gone} rows are gone{f', {put} put back' if run else ''}")
        gone = put = 0
        for difference in restore.differences(target.client, "jobId", settings.jobs_table, jobs):
            gone += difference.today is None
            differing += difference.today is not None
            if run and (difference.today is None or replace):
                put += restore.put_back(target.client, settings.jobs_table, difference, now)
        say(f"jobs: {gone} rows are gone, {differing} differ{f'; {put} put back' if run else ''}")
        say(f"{jobs} and {accounts} stay until you delete them")


@click.command("restore-check")
@stage
@flag("RUN", "Write what the chain shows into the jobs, and let accounts sign again where everything is clear.")
def check_restored(stage: str, *, run: bool) -> int:
    """Compare restored jobs with the chain.

    With RUN=1 it ends with status 1 while an account has to stay paused.
    """
    from stack.operation.restore import restored_to
    from stack.operation.restore_check import mined_since, transaction_counts
    from stack.operation.target import items, target_of

    with target_of(stage) as target:
        from chalicelib.store.records import job_from

        unchecked = {
            account.address: (account, at)
            for account in target.accounts.all()
            if (at := restored_to(account.paused)) is not None and account.chain_id == target.network.chain_id
        }
        if not unchecked:
            say("No account waits to be checked")
            return 0
        say(f"Reading {target.settings.jobs_table}")
        of_account: dict[str, list[Job]] = defaultdict(list)
        for item in items(target.client("dynamodb"), target.settings.jobs_table):
            job = job_from(item)
            if job.account in unchecked:
                of_account[job.account].append(job)
        final = max(0, target.chain.head().number - target.network.confirmations + 1)
        # Now, because few nodes know the state of that block later.
        settled = transaction_counts(target.rpc, unchecked, hex(final))
        since = min(at for _, at in unchecked.values())
        transactions: dict[str, list[Mined]] = defaultdict(list)
        for mined in mined_since(target.rpc, unchecked, since, final, say):
            transactions[mined.sender].append(mined)
        left = sum(
            not _checked(target, account, of_account[address], transactions[address], settled[address], run=run)
            for address, (account, _) in unchecked.items()
        )
        if left:
            say(f"{left} of {len(unchecked)} accounts stay paused: {'look again in a minute' if run else 'RUN=1 goes on'}")
    return int(bool(left) and run)


def _checked(
    target: "Target", account: "Account", jobs: "list[Job]", transactions: "list[Mined]", settled: int, *, run: bool
) -> bool:
    """Print what differs, repair it when `run` is true, and return true when the account signs again.

    `settled` is the number of its transactions up to the last block that was read.
    """
    from chalicelib.chain.signing.signers import AccountSigners
    from stack.operation.restore import paused_before
    from stack.operation.restore_check import compare, fill_nonces, lost_nonces, transaction_counts

    findings = compare(transactions, jobs)
    for match in findings.matches:
        print(f"{account.address}  job {match.job.job_id} ({match.job.status.value}) has happened: {match.transaction.hash}")
    for match in findings.undecided:
        print(f"{account.address}  job {match.job.job_id} lost its nonce, and was signed again: {match.transaction.hash}")
    for mined in findings.unmatched:
        print(f"{account.address}  no job tells of nonce {mined.nonce}: {mined.hash} to {mined.to}")
    latest = transaction_counts(target.rpc, [account.address], "latest")[account.address]
    pending = transaction_counts(target.rpc, [account.address], "pending")[account.address]
    missing = lost_nonces(account, jobs, latest)
    if missing:
        print(f"{account.address}  nonces {missing[0]} to {missing[-1]} are taken, and no job has their transactions")
    if pending > settled:
        print(f"{account.address}  {pending - settled} transactions are not final yet")
    if not run:
        return False
    if not all(_is_repaired(target, match) for match in findings.matches):
        return False  # a worker has changed the job: the next run reads it again
    if missing and pending == latest:
        signers = AccountSigners(target.client)
        fill_nonces(account, missing, signers.of(account), target.chain)
        return False
    if missing or pending > settled or findings.undecided:
        return False
    before = paused_before(account.paused or "")
    target.accounts.pause(account, before)
    say(f"{account.address} goes on" if before is None else f"{account.address} is clear, and paused as before: {before}")
    return True


def _is_repaired(target: "Target", match: "Match") -> bool:
    """Write the transaction into its job. Return false when a worker changes the job at the same time.

    A pending job is read again and tried again: the worker has only written why it waits.
    """
    from chalicelib.errors import VersionConflict
    from chalicelib.jobs.model import Status
    from stack.operation.restore_check import repaired

    for _ in range(REPAIR_TRIES):
        try:
            target.jobs.save(repaired(match, datetime.now(UTC)))
            return True
        except VersionConflict:
            job = target.jobs.get(match.job.job_id)
        if job is None or job.status is not Status.PENDING:
            return False
        match = replace(match, job=job)
    return False
