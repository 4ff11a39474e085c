"""The stack on this machine: run, up, down."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from stack import paths
from stack.commands.options import Decorated, option
from stack.errors import StackError
from stack.progress import say

if TYPE_CHECKING:
    from stack.machine.local import LocalStack, Options

PR_SET_PDEATHSIG = 1  # prctl(2)
POLL_SECONDS = 0.3
NODE_VARIABLES = """\b
These come by the environment alone, because they may hold a secret:
RPC_URL          a node that already runs; without it, anvil is started
FUNDER_KEY_FILE  a file with the private key that pays for gas on that node
FUNDER_KEY       the private key itself, instead of a file
"""

stack_directory = option(
    "STACK_DIR",
    "The directory of the stack's state, logs and stack.env. By default .local/stack, with the file .local/stack.env.",
    metavar="DIRECTORY",
)


def start_options(command: Decorated) -> Decorated:
    """Add the options of a command that starts a local stack."""
    for decorate in (
        stack_directory,
        option("RPC_PORT", "The port of anvil, 1 to 65535. By default any free one.", metavar="PORT"),
        option("AWS_PORT", "The port of the local AWS, 1 to 65535. By default any free one.", metavar="PORT"),
        option(
            "FUND_AMOUNT",
            "How many native coins each of the two accounts gets. By default 100, or 1 with RPC_URL.",
            metavar="COINS",
        ),
    ):
        command = decorate(command)
    return command


@click.command("run", epilog=NODE_VARIABLES)
@start_options
@click.pass_obj
def run(parent: int, /, **given: str | None) -> None:
    """Run the local stack with a first job, until Ctrl-C.

    It starts a local AWS and a node, deploys the service, mints an ERC-20 token by a job, and ends everything afterwards.
    """
    from stack.machine import demo

    _end_with_parent()
    stack = _local_stack(**given)
    try:
        with stack:
            job = demo.run(stack.env, say)
            print(json.dumps(job, indent=2))
            print(f"\nServing at {stack.env['API_URL']}. Ctrl-C ends it. To try next:\n")
            print("\n".join(demo.curl_lines(job, _shown(stack.env_file))), flush=True)
            while os.getppid() == parent and stack.running:
                time.sleep(POLL_SECONDS)
            if not stack.running:
                raise StackError(f"The stack ended by itself; its logs are in {stack.directory}.")
    except KeyboardInterrupt:
        say("Ended; nothing is left running")


@click.command("up", epilog=NODE_VARIABLES)
@start_options
def up(**given: str | None) -> None:
    """Start the local stack in the background.

    A stack that runs already is brought up to date. The file stack.env has its addresses, keys and tokens.
    """
    stack = _local_stack(**given)
    stack.start_or_reuse()
    stack.detach()
    say(f"Up at {stack.env['API_URL']}; {_shown(stack.env_file)} says the rest, `make down` ends it")


@click.command("down")
@stack_directory
def down(stack_dir: str | None) -> None:
    """End the local stack that `up` started."""
    from stack.machine.local import Options

    stack = _stack_in(stack_dir, Options())
    running = stack.running
    stack.stop()
    say("Down" if running else "Nothing was up")


def _local_stack(stack_dir: str | None, fund_amount: str | None, aws_port: str | None, rpc_port: str | None) -> "LocalStack":
    from stack.machine.local import Options

    rpc_url, funder_key = node_and_key()
    options = Options(
        rpc_url=rpc_url,
        funder_key=funder_key,
        fund_amount=fund_amount,
        aws_port=_port("AWS_PORT", aws_port),
        rpc_port=_port("RPC_PORT", rpc_port),
    )
    return _stack_in(stack_dir, options)


def _stack_in(stack_dir: str | None, options: "Options") -> "LocalStack":
    from stack.machine.local import LocalStack

    if stack_dir:
        return LocalStack(Path(stack_dir).resolve(), options)
    return LocalStack(paths.STACK_DIRECTORY, options, paths.STACK_ENV)


def node_and_key() -> tuple[str | None, str | None]:
    """Return RPC_URL, and the private key of FUNDER_KEY or FUNDER_KEY_FILE; None for what is not given.

    They are removed from the environment, so that no process started later has them. Raises StackError when both variables
    give a key, or the file cannot be read.
    """
    rpc_url, key, file = (os.environ.pop(name, "") or None for name in ("RPC_URL", "FUNDER_KEY", "FUNDER_KEY_FILE"))
    for name in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"):  # make repeats its own command line in them
        os.environ.pop(name, None)
    if file is None:
        return rpc_url, key
    if key is not None:
        raise StackError("FUNDER_KEY and FUNDER_KEY_FILE are both set: give one of them.")
    try:
        return rpc_url, Path(file).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise StackError(f"FUNDER_KEY_FILE {file} cannot be read: {reason}.") from None


def _port(variable: str, given: str | None) -> int | None:
    if given is None:
        return None
    if not (given.isdecimal() and 0 < int(given) < 65536):
        raise StackError(f"{variable} must be a port number, not {given!r}.")
    return int(given)


def _shown(file: Path) -> str:
    """Return the path so that it can be pasted into the shell that called make."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _end_with_parent() -> None:
    """On Linux, get SIGTERM when make is killed outright. Elsewhere the serving loop notices that make has ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
