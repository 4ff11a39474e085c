"""What a command is told: by an option, or, as make does it, by a variable of the environment."""

import argparse
import os
from collections.abc import Callable
from typing import Any

Command = Callable[[argparse.Namespace, int], int]
"""Given what it was told and the pid of whoever called it; returns the exit code. Raises StackError."""
Commands = Any
"""argparse's sub-parsers, which have no public type."""


def command(commands: Commands, name: str, run: Command, what: str, *, stage: bool = True) -> argparse.ArgumentParser:
    """A command of its own, with STAGE unless it needs none."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=what, description=what)
    parser.set_defaults(command_itself=run)
    if stage:
        given = os.environ.get("STAGE") or None
        parser.add_argument("--stage", default=given, required=given is None, help="spark, fuse or local; or STAGE")
    return parser


def option(parser: argparse.ArgumentParser, variable: str, what: str, *, required: bool = False) -> None:
    """`--some-option`, or SOME_OPTION in the environment. An empty one counts as not given."""
    given = os.environ.get(variable) or None
    parser.add_argument(_words(variable), default=given, required=required and given is None, help=f"{what}; or {variable}")


def flag(parser: argparse.ArgumentParser, variable: str, what: str) -> None:
    """`--some-flag`, or SOME_FLAG=1."""
    given = os.environ.get(variable, "").lower() in {"1", "true", "yes", "y"}
    parser.add_argument(_words(variable), action="store_true", default=given, help=f"{what}; or {variable}=1")


def _words(variable: str) -> str:
    return f"--{variable.lower().replace('_', '-')}"
