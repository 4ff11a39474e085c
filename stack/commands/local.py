"""The stack of this machine: run, up, down."""
# ruff: noqa: PLC0415 -- a command imports what it needs when it runs

import argparse
import ctypes
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stack import paths
from stack.commands.options import Commands, command
from stack.errors import StackError
from stack.progress import say

if TYPE_CHECKING:
    from stack.machine.local import LocalStack

PR_SET_PDEATHSIG = 1  # prctl(2)


def add_to(commands: Commands) -> None:
    command(commands, "run", run, "the local stack in the foreground, with a first job", stage=False)
    command(commands, "up", up, "the local stack in the background", stage=False)
    command(commands, "down", down, "end the local stack", stage=False)


def run(_told: argparse.Namespace, parent: int) -> int:
    from stack.machine import demo

    _end_with_parent()
    stack = local_stack()
    try:
        with stack:
            job = demo.run(stack.env, say)
            print(json.dumps(job, indent=2))
            print(f"\nServing at {stack.env['API_URL']}. Ctrl-C ends it. To try next:\n")
            print("\n".join(demo.curl_lines(job, _shown(stack.env_file))), flush=True)
            while os.getppid() == parent and stack.running:
                time.sleep(0.3)
            if not stack.running:
                raise StackError(f"The stack ended by itself; its logs are in {stack.directory}.")
    except KeyboardInterrupt:
        say("Ended; nothing is left running")
    return 0


def up(_told: argparse.Namespace, _parent: int) -> int:
    stack = local_stack()
    stack.start_or_reuse()
    stack.detach()
    say(f"Up at {stack.env['API_URL']}; {_shown(stack.env_file)} says the rest, `make down` ends it")
    return 0


def down(_told: argparse.Namespace, _parent: int) -> int:
    stack = local_stack()
    running = stack.running
    stack.stop()
    say("Down" if running else "Nothing was up")
    return 0


def local_stack() -> "LocalStack":
    from stack.machine.local import LocalStack, Options

    rpc_url, funder_key = node_and_key()
    options = Options(
        rpc_url=rpc_url,
        funder_key=funder_key,
        fund_amount=os.environ.get("FUND_AMOUNT") or None,
        aws_port=_port("AWS_PORT"),
        rpc_port=_port("RPC_PORT"),
    )
    elsewhere = os.environ.get("STACK_DIR")
    if elsewhere:
        return LocalStack(Path(elsewhere).resolve(), options)
    return LocalStack(paths.STACK_DIRECTORY, options, paths.STACK_ENV)


def node_and_key() -> tuple[str | None, str | None]:
    """RPC_URL, and the key of FUNDER_KEY or FUNDER_KEY_FILE. They leave the environment: no process started later has them.

    Raises StackError when both name a key, or the file cannot be read.
    """
    rpc_url, key, file = (os.environ.pop(name, "") or None for name in ("RPC_URL", "FUNDER_KEY", "FUNDER_KEY_FILE"))
    for name in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"):  # they repeat what was given to make
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


def _port(name: str) -> int | None:
    value = os.environ.get(name, "")
    if value and not (value.isdecimal() and 0 < int(value) < 65536):
        raise StackError(f"{name} must be a port number, not {value!r}.")
    return int(value) if value else None


def _shown(file: Path) -> str:
    """As it can be pasted where make was called."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _end_with_parent() -> None:
    """On Linux, be told when make is killed outright; elsewhere the serving loop notices."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
