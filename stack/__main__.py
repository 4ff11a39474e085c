"""The commands behind make: `python -m stack COMMAND`."""

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import click

from stack.commands import accounts, deploying, jobs, local, restoring, tokens, watching
from stack.errors import StackError

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InOrder(click.Group):
    """Lists its commands by subject, as they are given, and not by the alphabet."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)


cli = InOrder(
    "stack",
    commands=[
        *(local.run, local.up, local.down),
        *(deploying.make_package, deploying.make_factories, deploying.deploy_stage, deploying.destroy_stage),
        *(accounts.list_accounts, accounts.make_account, accounts.pause_account, accounts.unpause_account),
        *(tokens.print_token, tokens.rotate_jwt_key),
        *(watching.show_chain, watching.list_open_jobs, watching.list_errors, jobs.tail_job),
        *(jobs.redrive_dead_letters, restoring.halt_stage, restoring.resume_stage),
        *(restoring.restore_tables, restoring.check_restored),
    ],
    help="Run the local stack, deploy a stage to AWS, and operate it.\n\n"
    "Each command is also a target of make, which passes options as environment variables: "
    "`make accounts STAGE=spark` is `python -m stack accounts --stage spark`.",
    epilog="`python -m stack COMMAND --help` explains one command.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return the exit status: 0; 1 after one sentence that says what is wrong; 130 after Ctrl-C.

    Raises SystemExit with 2 when a command or an option is not known, or a required option is missing.
    """
    parent = os.getppid()
    words = list(sys.argv[1:] if arguments is None else arguments)
    for number in ENDING:
        signal.signal(number, _end)
    try:
        # Not `cli(…)`: it has exit statuses and messages of its own for Ctrl-C and for a closed pipe.
        with cli.make_context("python -m stack", words, obj=parent) as context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as ended:  # after --help
        return ended.exit_code
    except click.UsageError as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the program that reads our output has ended, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def _end(_number: int, _frame: FrameType | None) -> None:
    """End the command at the first signal. Later ones, such as make's own, are ignored: nothing disturbs the clean-up."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
