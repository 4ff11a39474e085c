"""Bring a stage to a stop, put rows back that were lost, and compare them with the chain before anything is signed."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import argparse
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from stack.commands.options import Commands, command, flag, option
from stack.errors import StackError
from stack.progress import say

if TYPE_CHECKING:
    from chalicelib.jobs.model import Account, Job
    from stack.operation.restore_check import Mined
    from stack.operation.target import Target


def add_to(commands: Commands) -> None:
    parser = command(commands, "halt", halt, "bring a stage to a stop: nothing is accepted or signed")
    flag(parser, "YES", "do not ask")
    command(commands, "resume", resume, "set a halted stage going again")
    parser = command(commands, "restore", restore, "what the tables held at a moment, against what they hold; or put it back")
    option(parser, "AT", "the moment, such as 2026-11-22T07:15:00Z", required=True)
    flag(parser, "RUN", "put back the rows that are gone, and pause every account")
    flag(parser, "REPLACE", "with RUN: jobs that differ, too, go back to what they were")
    parser = command(commands, "restore-check", restore_check, "compare restored jobs with the chain")
    flag(parser, "RUN", "write what the chain shows into the jobs, and let accounts go on that are clear")


def halt(told: argparse.Namespace, _parent: int) -> int:
    from stack.deployment.consent import asked
    from stack.operation.halt import halt as bring_to_a_stop
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        target.resource("APIHandler")
        asked(yes=told.yes)(f"Stop {target.name}? Its API answers 5xx until it is resumed.")
        bring_to_a_stop(target, say)
    return 0


def resume(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation.halt import resume as set_going
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        set_going(target, say)
    return 0


def restore(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation import restore as rows
    from stack.operation.halt import is_halted
    from stack.operation.target import target_of

    at = rows.moment(told.at)
    with target_of(told.stage) as target:
        settings = target.settings
        if told.run and not is_halted(target):
            raise StackError(
                f"{target.name} runs: `make halt STAGE={told.stage}` first, or what it writes is mixed with the past."
            )
        jobs = rows.restore(target.client, settings.jobs_table, at, say)
        accounts = rows.restore(target.client, settings.accounts_table, at, say)
        if told.run:
            say(f"{rows.pause_all(target.accounts, at)} accounts are paused until `make restore-check` lets them go on")
        now = datetime.now(UTC)
        gone = differing = put = 0
        for difference in rows.differences(target.client, "accountId", settings.accounts_table, accounts):
            if difference.today is None:
                gone += 1
                put += told.run and rows.put_account_back(target.client, settings.accounts_table, difference, at)
        say(f"accounts: {gone} rows are gone{f', {put} put back' if told.run else ''}")
        gone = put = 0
        for difference in rows.differences(target.client, "jobId", settings.jobs_table, jobs):
            gone += difference.today is None
            differing += difference.today is not None
            if told.run and (difference.today is None or told.replace):
                put += rows.put_back(target.client, settings.jobs_table, difference, now)
        say(f"jobs: {gone} rows are gone, {differing} differ{f'; {put} put back' if told.run else ''}")
        say(f"{jobs} and {accounts} stay until you delete them")
    return 0


def restore_check(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation import restore as rows
    from stack.operation.restore_check import counts, mined_since
    from stack.operation.target import items, target_of

    with target_of(told.stage) as target:
        from chalicelib.store.records import job_from

        unchecked = {
            account.address: (account, at)
            for account in target.accounts.all()
            if (at := rows.restored_to(account.paused)) is not None and account.chain_id == target.network.chain_id
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
        settled = counts(target.rpc, unchecked, hex(final))  # now: later few nodes know the state of that block
        since = min(at for _, at in unchecked.values())
        transactions: dict[str, list[Mined]] = defaultdict(list)
        for mined in mined_since(target.rpc, unchecked, since, final, say):
            transactions[mined.sender].append(mined)
        left = sum(
            not _checked(target, account, of_account[address], transactions[address], settled[address], run=told.run)
            for address, (account, _) in unchecked.items()
        )
        if left:
            say(f"{left} of {len(unchecked)} accounts stay paused: {'look again in a minute' if told.run else 'RUN=1 goes on'}")
    return int(bool(left) and told.run)


def _checked(
    target: "Target", account: "Account", jobs: "list[Job]", transactions: "list[Mined]", settled: int, *, run: bool
) -> bool:
    """Whether the account goes on. `settled`: how many of its transactions are in the blocks that were read, or before."""
    from chalicelib.chain.signing.signers import AccountSigners
    from chalicelib.errors import VersionConflict
    from stack.operation.restore import paused_before
    from stack.operation.restore_check import compare, counts, fill, gaps, repaired

    findings = compare(transactions, jobs)
    for match in findings.matches:
        print(f"{account.address}  job {match.job.job_id} ({match.job.status.value}) has happened: {match.transaction.hash}")
    for match in findings.undecided:
        print(f"{account.address}  job {match.job.job_id} lost its nonce, and was signed again: {match.transaction.hash}")
    for mined in findings.nobodys:
        print(f"{account.address}  no job tells of nonce {mined.nonce}: {mined.hash} to {mined.to}")
    latest = counts(target.rpc, [account.address], "latest")[account.address]
    pending = counts(target.rpc, [account.address], "pending")[account.address]
    missing = gaps(account, jobs, latest)
    if missing:
        print(f"{account.address}  nonces {missing[0]} to {missing[-1]} are taken, and no job has their transactions")
    if pending > settled:
        print(f"{account.address}  {pending - settled} transactions are not final yet")
    if not run:
        return False
    for match in findings.matches:
        try:
            target.jobs.save(repaired(match, datetime.now(UTC)))
        except VersionConflict:
            return False  # a worker has moved it: the next look sees what it is now
    if missing and pending == latest:
        signers = AccountSigners(target.client)
        fill(account, missing, signers.of(account), target.chain)
        return False
    if missing or pending > settled or findings.undecided:
        return False
    before = paused_before(account.paused or "")
    target.accounts.pause(account, before)
    say(f"{account.address} goes on" if before is None else f"{account.address} is clear, and paused as before: {before}")
    return True
