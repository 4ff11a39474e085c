"""An earlier version on a stack of its own, deployed by its own scripts; this version is then deployed over it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stack import stack_env
from stack.aws import clients
from stack.build.package import LOCAL_STAGE, Package, package
from stack.contracts import compile_contracts
from stack.deployment.deploy import deploy
from stack.machine import ministack
from stack.progress import silent
from tests.stack.client import PATIENCE_SECONDS, wait_for
from tests.stack.upgrade.history import check_out, keep_dependencies

SERVING = "Serving at"
TOLD = ("AWS_", "RPC_", "FUND", "STACK_", "TOKEN_FACTORY", "WALLET_FACTORY", "PYTHON")
"""Variables by which somebody may have told this process of another stack."""
NO_CACHES = {"PYTHONDONTWRITEBYTECODE": "1"}


def this_version() -> Package:
    """Packaged, with all it shares with the version before installed."""
    compile_contracts(silent)
    return package(LOCAL_STAGE, silent)


@dataclass(frozen=True, slots=True)
class Older:
    """A stack that an older commit has deployed: `env` is what its stack.env says."""

    commit: str
    checkout: Path
    env: dict[str, str]

    def deploy_again(self) -> None:
        """Back to that commit, by its own `make deploy`."""
        env = self.env
        target = ["--endpoint-url", env["AWS_ENDPOINT_URL"], "--stack-name", env["STACK_NAME"]]
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
        done = subprocess.run(
            [sys.executable, "-m", "stack", "deploy", "--stage", LOCAL_STAGE, *target],
            cwd=self.checkout,
            env=_clean(os.environ) | {name: env[name] for name in names} | {"YES": "1"} | NO_CACHES,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def running(commit: str, directory: Path) -> Iterator[Older]:
    """`make run` of that commit, in the background: emulator, node, its template and zip."""
    checkout = check_out(commit, directory / "checkout")
    stack, said = directory / "stack", directory / "said"
    with said.open("w") as out:
        command = subprocess.Popen(
            [sys.executable, "-m", "stack", "run"],
            cwd=checkout,
            env=_clean(os.environ) | {"STACK_DIR": str(stack)} | NO_CACHES,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )

    def serving() -> bool | None:
        assert command.poll() is None, f"{commit} does not start:\n{said.read_text()}"
        return SERVING in said.read_text() or None

    try:
        wait_for(f"{commit} to be up", serving, 4 * PATIENCE_SECONDS)  # what it needs may have to be downloaded
        keep_dependencies(checkout)
        yield Older(commit, checkout, stack_env.read(stack / "stack.env"))
    finally:
        command.send_signal(signal.SIGTERM)
        try:
            command.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            command.kill()
            raise


def deploy_over(env: Mapping[str, str], built: Package) -> None:
    """An update of the stack, by this version's script; parameters stay as they are."""
    keys = (ministack.ACCESS_KEY_ID, ministack.SECRET_ACCESS_KEY)
    deploy(built, clients(env["AWS_ENDPOINT_URL"], env["AWS_REGION"], *keys), silent, name=env["STACK_NAME"])


def _clean(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if not name.startswith(TOLD)}
