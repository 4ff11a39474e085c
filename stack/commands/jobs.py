"""What an operator does about jobs: send dead letters back, follow one job."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import argparse
from datetime import UTC, datetime

from stack.commands.options import Commands, command, flag, option
from stack.progress import say


def add_to(commands: Commands) -> None:
    parser = command(commands, "redrive", redrive, "show the dead letters, or send them back to their queues")
    flag(parser, "RUN", "send them back")
    parser = command(commands, "tail", tail, "follow one job until it is final: its history and its log lines")
    option(parser, "JOB", "its id, or its correlationId", required=True)


def redrive(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation import redrive as dead
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        sqs = target.client("sqs")
        code = 0
        for name in ("Execute", "Confirm"):
            queues = dead.Queues(name.lower(), target.resource(f"{name}DeadLetters"), target.resource(f"{name}Queue"))
            if told.run:
                counts = dead.send_back(sqs, queues, say)
                left = counts["left"] + counts["unreadable"]
                code = code or int(counts["left"] > 0)
                kept = f"; {left} left: {counts['left']} refused, {counts['unreadable']} unreadable" if left else ""
                say(f"{queues.name}: {counts['sent']} sent back{kept}")
                continue
            letters = dead.look(sqs, queues, say)
            say(f"{queues.name}: {len(letters)} dead letters")
            ids = {job_id for letter in letters for job_id in (letter.job_ids or ())[: dead.JOBS_SHOWN]}
            jobs = {job.job_id: job for job in target.jobs.load(sorted(ids))}
            for letter in letters:
                print(f"  {dead.told(letter, jobs, datetime.now(UTC))}")
    return code


def tail(told: argparse.Namespace, _parent: int) -> int:
    from stack.operation import tail as followed
    from stack.operation.target import target_of

    with target_of(told.stage) as target:
        job = followed.find(target.jobs, told.job)
        groups = followed.log_groups(target.client("lambda"), target.of_type("AWS::Lambda::Function"))
        for line in followed.follow(job, target.jobs, target.client("logs"), groups):
            print(line, flush=True)
    return 0
