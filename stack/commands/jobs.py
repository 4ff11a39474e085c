"""What an operator does about jobs: send dead letters back to their queues, and follow one job."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

from datetime import UTC, datetime

import click

from stack.commands.options import flag, option, stage
from stack.progress import say


@click.command("redrive")
@stage
@flag("RUN", "Send them back to the queues that they came from.")
def redrive_dead_letters(stage: str, *, run: bool) -> int:
    """Show the dead letters, or send them back.

    A dead letter is a queue message that could not be handled. The command ends with status 1 when a queue refuses a message.
    """
    from stack.operation import redrive
    from stack.operation.target import target_of

    with target_of(stage) as target:
        sqs = target.client("sqs")
        code = 0
        for name in ("Execute", "Confirm"):
            queues = redrive.Queues(name.lower(), target.resource(f"{name}DeadLetters"), target.resource(f"{name}Queue"))
            if run:
                counts = redrive.send_back(sqs, queues, say)
                left = counts["left"] + counts["unreadable"]
                code = code or int(counts["left"] > 0)
                kept = f"; {left} left: {counts['left']} refused, {counts['unreadable']} unreadable" if left else ""
                say(f"{queues.name}: {counts['sent']} sent back{kept}")
                continue
            letters = redrive.look(sqs, queues, say)
            say(f"{queues.name}: {len(letters)} dead letters")
            ids = {job_id for letter in letters for job_id in (letter.job_ids or ())[: redrive.JOBS_SHOWN]}
            jobs = {job.job_id: job for job in target.jobs.load(sorted(ids))}
            for letter in letters:
                print(f"  {redrive.described(letter, jobs, datetime.now(UTC))}")
    return code


@click.command("tail")
@stage
@option("JOB", "The job's id (24 hex digits), or its correlationId.", required=True, metavar="ID")
def tail_job(stage: str, job: str) -> None:
    """Follow one job until it is final.

    It prints the job's history and its log lines in the order of time.
    """
    from stack.operation import tail
    from stack.operation.target import target_of

    with target_of(stage) as target:
        found = tail.find(target.jobs, job)
        groups = tail.log_groups(target.client("lambda"), target.of_type("AWS::Lambda::Function"))
        for line in tail.follow(found, target.jobs, target.client("logs"), groups):
            print(line, flush=True)
