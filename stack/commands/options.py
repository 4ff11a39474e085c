"""The options of the commands: given on the command line or, as make does it, by an environment variable."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from stack.errors import StackError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Decorator = Callable[[Decorated], Decorated]

_YES = {"1", "true", "yes", "y"}


class Switch(click.types.BoolParamType):
    """True for 1, true, yes and y. Any other text is false: a variable such as ADMIN may be set for another program."""

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> bool:
        return value if isinstance(value, bool) else str(value).lower() in _YES


def option(variable: str, help_text: str, *, required: bool = False, metavar: str = "TEXT") -> Decorator[Any]:
    """Add an option `--some-name` that the environment variable SOME_NAME can give as well. An empty variable gives nothing."""
    return click.option(_word(variable), envvar=variable, show_envvar=True, required=required, metavar=metavar, help=help_text)


def flag(variable: str, help_text: str) -> Decorator[Any]:
    """Add a flag `--some-name` that SOME_NAME=1 in the environment sets as well."""
    return click.option(_word(variable), envvar=variable, show_envvar=True, is_flag=True, type=Switch(), help=help_text)


def whole_number(variable: str, given: str | None, *, default: int, largest: int) -> int:
    """Return the number that was given, or the default. Raises StackError when it is not from 1 to `largest`."""
    text = given or str(default)
    if not (text.isdecimal() and text.isascii() and 0 < int(text) <= largest):
        raise StackError(f"{variable} must be a whole number from 1 to {largest}, not {text!r}.")
    return int(text)


def _word(variable: str) -> str:
    return f"--{variable.lower().replace('_', '-')}"


stage = option(
    "STAGE",
    "The stage: spark, fuse, or local for the stack on this machine. STACK_DIR names the directory of a second local stack.",
    required=True,
    metavar="STAGE",
)
