"""The state of a stage: its nodes, its open jobs, and its latest errors."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

from datetime import UTC, datetime, timedelta

import click

from stack.commands.options import option, stage, whole_number
from stack.progress import say

OPEN_AT_MOST = 1_000
SHOWN = 50
MINUTES = 15
LONGEST_MINUTES = 10_080


@click.command("chain")
@stage
def show_chain(stage: str) -> None:
    """Ask each node of a stage for its newest block.

    Each line has the node's chain id, the block's number and age in seconds, and what is wrong with the node.
    """
    from stack.operation.nodes import look
    from stack.operation.target import target_of

    with target_of(stage) as target:
        network = target.network
        for state in [look(url, network.chain_id) for url in network.rpc_urls]:
            print(state, flush=True)
        say(f"A block comes every {network.block_seconds:g} s; {network.confirmations} make a transaction final")


@click.command("open-jobs")
@stage
@option("ACCOUNT", "Only the jobs of this signing account.", metavar="ADDRESS")
def list_open_jobs(stage: str, account: str | None) -> None:
    """List the open jobs, oldest first.

    Each line has the job's age, its status, and what it waits for. At most 50 are shown.
    """
    from chalicelib.jobs.model import account_id
    from stack.operation.redrive import age
    from stack.operation.target import target_of
    from stack.operation.watch import why_open

    with target_of(stage) as target:
        now = datetime.now(UTC)
        found = target.jobs.due(now + timedelta(days=365), OPEN_AT_MOST)
        if account:
            wanted = account_id(target.network.chain_id, account).lower()
            found = [job for job in found if account_id(job.chain_id, job.account).lower() == wanted]
        found.sort(key=lambda job: job.created_at)
        for job in found[:SHOWN]:
            waited = age((now - job.created_at).total_seconds())
            print(f"{job.job_id}  {waited:>7}  {job.status.value:15}  {job.account}  {job.name}: {why_open(job)}")
        count = f"{len(found)}{' or more' if len(found) >= OPEN_AT_MOST else ''} open jobs"
        more = f", {SHOWN} of them shown" if len(found) > SHOWN else ""
        say(f"{count}{more}; those of the last minute are not counted")


@click.command("errors")
@stage
@option("MINUTES", f"How far back to read, in minutes, 1 to {LONGEST_MINUTES}. By default {MINUTES}.", metavar="MINUTES")
def list_errors(stage: str, minutes: str | None) -> None:
    """List what the functions logged as errors lately."""
    from stack.operation.tail import log_groups
    from stack.operation.target import target_of
    from stack.operation.watch import errors_since

    since = datetime.now(UTC) - timedelta(minutes=whole_number("MINUTES", minutes, default=MINUTES, largest=LONGEST_MINUTES))
    with target_of(stage) as target:
        groups = log_groups(target.client("lambda"), target.of_type("AWS::Lambda::Function"))
        say(f"Reading {len(groups)} functions' logs since {since:%H:%M} UTC")
        lines = errors_since(target.client("logs"), groups, since)
        for line in lines:
            print(line)
        say(f"{len(lines)} errors")
