"""How a stage is: its nodes, what is open, what went wrong lately."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import argparse
from datetime import UTC, datetime, timedelta

from stack.commands.options import Commands, command, option
from stack.errors import StackError
from stack.progress import say

OPEN_AT_MOST = 1_000
SHOWN = 50
LONGEST_MINUTES = 10_080


def add_to(commands: Commands) -> None:
    command(commands, "chain", chain, "each node of a stage: whether it answers, and its newest block")
    parser = command(commands, "open-jobs", open_jobs, "the open jobs, oldest first, and what they wait for")
    option(parser, "ACCOUNT", "only those of this signing account")
    parser = command(commands, "errors", errors, "what the functions logged as errors lately")
    option(parser, "MINUTES", "how far back; 15")


def chain(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation.nodes import look
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        network = target.network
        lines = [look(url, network.chain_id) for url in network.rpc_urls]
        for line in lines:
            print(line, flush=True)
        usual = f"A block comes every {network.block_seconds:g} s; {network.confirmations} make a transaction final"
        say(usual)
    return 0


def open_jobs(told: argparse.Namespace, _parent: int) -> int:
    from chalicelib.jobs.model import account_id
    from stack.operation.redrive import age
    from stack.operation.target import target_of
    from stack.operation.watch import why_open

    with target_of(told.stage) as target:
        now = datetime.now(UTC)
        found = target.jobs.due(now + timedelta(days=365), OPEN_AT_MOST)
        if told.account:
            wanted = account_id(target.network.chain_id, told.account).lower()
            found = [job for job in found if account_id(job.chain_id, job.account).lower() == wanted]
        found.sort(key=lambda job: job.created_at)
        for job in found[:SHOWN]:
            waited = age((now - job.created_at).total_seconds())
            print(f"{job.job_id}  {waited:>7}  {job.status.value:15}  {job.account}  {job.name}: {why_open(job)}")
        count = f"{len(found)}{' or more' if len(found) >= OPEN_AT_MOST else ''} open jobs"
        more = f", {SHOWN} of them shown" if len(found) > SHOWN else ""
        say(f"{count}{more}; those of the last minute are not counted")
    return 0


def errors(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation.tail import log_groups
    from stack.operation.target import target_of
    from stack.operation.watch import errors_since

    text = told.minutes or "15"
    if not (text.isdecimal() and text.isascii() and 0 < int(text) <= LONGEST_MINUTES):
        raise StackError(f"MINUTES must be a whole number from 1 to {LONGEST_MINUTES}, not {text!r}.")
    since = datetime.now(UTC) - timedelta(minutes=int(text))
    with target_of(told.stage) as target:
        groups = log_groups(target.client("lambda"), target.of_type("AWS::Lambda::Function"))
        say(f"Reading {len(groups)} functions' logs since {since:%H:%M} UTC")
        lines = errors_since(target.client("logs"), groups, since)
        for line in lines:
            print(line)
        say(f"{len(lines)} errors")
    return 0
