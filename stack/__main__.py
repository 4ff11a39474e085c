"""The commands behind make: `python -m stack COMMAND`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from stack.commands import accounts, deploying, jobs, local, restoring, tokens, watching
from stack.errors import StackError

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """0; 1 after one sentence of what went wrong; 2 when the command itself is not understood."""
    told = _parser().parse_args(arguments)
    parent = os.getppid()
    for number in ENDING:
        signal.signal(number, _end)
    try:
        code: int = told.command_itself(told, parent)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever reads what is printed has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for module in (local, deploying, accounts, tokens, watching, jobs, restoring):
        module.add_to(commands)
    return parser


def _end(_number: int, _frame: FrameType | None) -> None:
    """The first one ends everything that was started; those that follow, such as make's own, do not disturb that."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
