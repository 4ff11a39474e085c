"""The commands behind make: `python -m stack COMMAND`."""

import argparse
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from stack import paths
from stack.errors import StackError
from stack.progress import say

if TYPE_CHECKING:
    from stack.local import LocalStack


PR_SET_PDEATHSIG = 1  # prctl(2)
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """0, or 1 after one sentence of what went wrong."""
    parsed = _parser().parse_args(arguments)
    parent = os.getppid()
    for number in ENDING:
        signal.signal(number, _end)
    try:
        return COMMANDS[parsed.command](parsed, parent)
    except StackError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="the local stack in the foreground, with a first job")
    commands.add_parser("up", help="the local stack in the background")
    commands.add_parser("down", help="end the local stack")
    command = commands.add_parser("factories", help="deploy the contracts that make tokens and wallets; RPC_URL, FUNDER_KEY")
    command.add_argument("--stage", required=True)
    for name, what in (("package", "template and zip of a stage"), ("deploy", "deploy a stage to AWS")):
        command = commands.add_parser(name, help=what)
        command.add_argument("--stage", required=True)
    command.add_argument("--endpoint-url", help="another AWS endpoint than the real one")
    command.add_argument("--stack-name")
    command.add_argument("--rpc-urls", default=os.environ.get("RPC_URLS") or None, help="comma-separated; or RPC_URLS")
    for contract in ("TOKEN_FACTORY", "WALLET_FACTORY"):
        option = f"--{contract.lower().replace('_', '-')}"
        command.add_argument(option, default=os.environ.get(contract) or None, help=f"its address; or {contract}")
    of_tokens = ("jwt-ttl-days", "jwks-url", "jwt-issuer", "jwt-audience", "secret-tokens")
    of_callers = ("cors-origins", "requests-per-minute")
    for option in ("chain-id", "confirmations", "block-seconds", "log-level", *of_tokens, *of_callers):
        command.add_argument(f"--{option}", help="template parameter; left as it is when not given")
    return parser


def run(_parsed: argparse.Namespace, parent: int) -> int:
    from stack import demo  # noqa: PLC0415

    _end_with_parent()
    stack = _local_stack()
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


def up(_parsed: argparse.Namespace, _parent: int) -> int:
    stack = _local_stack()
    stack.start_or_reuse()
    stack.detach()
    say(f"Up at {stack.env['API_URL']}; {_shown(stack.env_file)} says the rest, `make down` ends it")
    return 0


def down(_parsed: argparse.Namespace, _parent: int) -> int:
    stack = _local_stack()
    running = stack.running
    stack.stop()
    say("Down" if running else "Nothing was up")
    return 0


def make_package(parsed: argparse.Namespace, _parent: int) -> int:
    from stack.package import package  # noqa: PLC0415

    built = package(parsed.stage, say)
    size = built.archive.stat().st_size / 1e6
    say(f"{os.path.relpath(built.template)} and {os.path.relpath(built.archive)} ({size:.1f} MB, sha256 {built.digest[:12]})")
    return 0


def make_deploy(parsed: argparse.Namespace, _parent: int) -> int:
    from stack.aws import clients  # noqa: PLC0415
    from stack.deploy import deploy  # noqa: PLC0415
    from stack.factories import address_parameter  # noqa: PLC0415
    from stack.package import LOCAL_STAGE, package  # noqa: PLC0415

    if parsed.stage == LOCAL_STAGE and not parsed.endpoint_url:
        raise StackError("Stage local is for this machine: `make run`. To AWS go `STAGE=spark` and `STAGE=fuse`.")
    given = {
        "RpcUrls": parsed.rpc_urls,
        "ChainId": parsed.chain_id,
        "Confirmations": parsed.confirmations,
        "BlockSeconds": parsed.block_seconds,
        "LogLevel": parsed.log_level,
        "JwtTtlDays": parsed.jwt_ttl_days,
        "JwksUrl": parsed.jwks_url,
        "JwtIssuer": parsed.jwt_issuer,
        "JwtAudience": parsed.jwt_audience,
        "SecretTokens": parsed.secret_tokens,
        "CorsOrigins": parsed.cors_origins,
        "RequestsPerMinute": parsed.requests_per_minute,
        "TokenFactory": parsed.token_factory and address_parameter("TOKEN_FACTORY", parsed.token_factory),
        "WalletFactory": parsed.wallet_factory and address_parameter("WALLET_FACTORY", parsed.wallet_factory),
    }
    parameters = {name: value for name, value in given.items() if value is not None}
    built = package(parsed.stage, say)
    outputs = deploy(built, clients(parsed.endpoint_url), say, name=parsed.stack_name, parameters=parameters)
    for name, value in sorted(outputs.items()):
        print(f"{name}={value}")
    return 0


def make_factories(parsed: argparse.Namespace, _parent: int) -> int:
    from stack.factories import deploy_factories  # noqa: PLC0415

    rpc_url, funder_key = _node_and_key()
    if rpc_url is None or funder_key is None:
        raise StackError("Give RPC_URL, a node of the stage's chain, and FUNDER_KEY, the private key that pays for the gas.")
    factories = deploy_factories(parsed.stage, rpc_url, funder_key, say)
    given = " ".join(f"{name}={address}" for name, address in factories.settings.items())
    print(f"make deploy STAGE={parsed.stage} {given}")
    return 0


def _node_and_key() -> tuple[str | None, str | None]:
    """RPC_URL and FUNDER_KEY, taken out of the environment, so that nothing that is started has them."""
    found = os.environ.pop("RPC_URL", "") or None, os.environ.pop("FUNDER_KEY", "") or None
    for name in ("MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"):  # they repeat what was given to make
        os.environ.pop(name, None)
    return found


def _local_stack() -> "LocalStack":
    from stack.local import LocalStack, Options  # noqa: PLC0415

    rpc_url, funder_key = _node_and_key()
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


def _port(name: str) -> int | None:
    value = os.environ.get(name, "")
    if value and not (value.isdecimal() and 0 < int(value) < 65536):
        raise StackError(f"{name} must be a port number, not {value!r}.")
    return int(value) if value else None


def _shown(file: Path) -> str:
    """As it can be pasted where make was called."""
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _end(_number: int, _frame: FrameType | None) -> None:
    """The first one ends everything that was started; those that follow, such as make's own, do not disturb that."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _end_with_parent() -> None:
    """On Linux, be told when make is killed outright; elsewhere the serving loop notices."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


COMMANDS = {
    "run": run,
    "up": up,
    "down": down,
    "package": make_package,
    "deploy": make_deploy,
    "factories": make_factories,
}


if __name__ == "__main__":
    sys.exit(main())
