"""The local stack on loopback: emulator, node, contracts, the deployed template and zip, and two funded accounts."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stack import rpc, stack_env
from stack.aws import Client, clients
from stack.build.package import LOCAL_STAGE, Package, package
from stack.contracts import compile_contracts
from stack.deployment.deploy import Outputs, deploy, stack_name_of
from stack.deployment.factories import send_factories
from stack.errors import StackError
from stack.funder import Funder, coins
from stack.locks import DirectoryLock
from stack.machine import anvil, ministack
from stack.machine.block_time import block_seconds, differs
from stack.machine.processes import Process
from stack.machine.seed import seed
from stack.progress import Say, say

CONFIRMATIONS = 2
LOCAL_FUNDS = "100"
EXTERNAL_FUNDS = "1"
UNTHROTTLED = {"ApiRate": "10000", "ApiBurst": "10000", "RequestsPerMinute": "0"}
"""Parameters that turn off the API's rate limits, which the emulator enforces: tests send many requests."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may differ from one local stack to another. Every option has a default that works."""

    rpc_url: str | None = None
    """The URL of a node that already runs. Without it, anvil is started."""
    funder_key: str | None = field(default=None, repr=False)
    fund_amount: str | None = None
    """Native coins for each account. By default 100 from anvil's funder, and 1 from the caller's own."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Template parameters that replace the stack's own choice."""
    functions_rpc: Callable[[str], str] | None = None
    """Maps the node's URL to the URL that the functions use, so that a test can put a proxy between them."""
    aws_port: int | None = None
    rpc_port: int | None = None


class LocalStack:
    """A local stack. `with LocalStack(directory) as stack:` runs one and ends it; `stack.env` has the values of stack.env.

    Its processes end with this one, however that ends, unless `detach` is called.
    """

    def __init__(self, directory: Path, options: Options | None = None, env_file: Path | None = None, say: Say = say) -> None:
        self.directory = directory
        self.options = options or Options()
        self.env_file = env_file or directory / "stack.env"
        self.env: dict[str, str] = {}
        self._say = say
        self._ministack = Process("ministack", directory)
        self._anvil = Process("anvil", directory)
        self._state = directory / "state.json"
        self._client: Client | None = None
        self._lock = DirectoryLock(directory / "turn.lock")

    # --- start and stop ------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> dict[str, str]:
        """Start everything, and return the values of stack.env. When that fails half-way, everything is ended again."""
        self._lock.acquire()
        if self.running:
            self._lock.release()
            raise StackError("A stack already runs here; `make down` ends it.")
        try:
            return self._start()
        except BaseException:
            self.stop()
            raise

    def start_or_reuse(self) -> dict[str, str]:
        """Bring the running stack up to date when it is healthy and on the wanted chain; otherwise start a new one."""
        self._lock.acquire()
        state = self._read_state()
        if not self._reusable(state):
            if state or self.running:
                self._say("Ending the stack that was here")
            self.stop()
            return self.start()
        built = package(LOCAL_STAGE, self._say)
        self.env = stack_env.read(self.env_file)
        deployed = _digest(built)
        parameters = {**state["parameters"], **self._block_time_now(state["parameters"])}
        if state["deployed"] == deployed and state["parameters"] == parameters:
            self._say("The stack is up already, and nothing changed")
            return self.env
        outputs = self._deploy(built, parameters)
        self.env["API_URL"] = _api_url(self.env["AWS_ENDPOINT_URL"], outputs)
        stack_env.write(self.env_file, self.env)
        self._write_state(state | {"deployed": deployed, "parameters": parameters})
        self._say("The stack was up already; its code and parameters are the new ones now")
        return self.env

    def _block_time_now(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the parameter BlockSeconds when the measured block time has changed; otherwise nothing."""
        if self.options.rpc_url is None or "BlockSeconds" in self.options.parameters:
            return {}
        measured = block_seconds(self.env["RPC_URL"])
        if not differs(measured, parameters["BlockSeconds"]):
            return {}
        self._say(f"A block comes every {measured:g} s, not every {parameters['BlockSeconds']} s")
        return {"BlockSeconds": f"{measured:g}"}

    def detach(self) -> None:
        """Let the processes outlive this one, for `make up`."""
        self._ministack.detach()
        self._anvil.detach()
        self._lock.release()

    def stop(self) -> None:
        """End all processes, also those that another command started, and delete the state. Does nothing when nothing runs."""
        for process in (self._ministack, self._anvil):
            process.stop()
        self._forget()
        self._lock.release()

    @property
    def running(self) -> bool:
        return self._ministack.pid is not None or self._anvil.pid is not None

    # --- for tests -----------------------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """Return clients of the emulator with root's rights, by the AWS service's name."""
        if self._client is None:
            env = self.env
            keys = (env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])
            self._client = clients(env["AWS_ENDPOINT_URL"], env["AWS_REGION"], *keys)
        return self._client

    def funder(self) -> Funder:
        return Funder(self.env["RPC_URL"], self.options.funder_key or anvil.FUNDER_KEY)

    # --- steps ---------------------------------------------------------------------------------------------------------

    def _start(self) -> dict[str, str]:
        self._forget()
        self._client = None
        compile_contracts(self._say)
        built = package(LOCAL_STAGE, self._say)
        rpc_url = self._node()
        chain = rpc.chain_id(rpc_url)
        funder = Funder(rpc_url, self.options.funder_key or anvil.FUNDER_KEY)
        amount = self.options.fund_amount or (EXTERNAL_FUNDS if self.options.rpc_url else LOCAL_FUNDS)
        funder.require(2 * coins(amount))
        self._say("Deploying the contracts that make tokens and wallets")
        factories = send_factories(funder)
        endpoint = ministack.start(self._ministack, self.directory, self.options.aws_port)
        self._say(f"AWS (ministack) at {endpoint}")
        self.env = {
            "RPC_URL": rpc_url,
            "CHAIN_ID": str(chain),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": ministack.REGION,
            "AWS_ACCESS_KEY_ID": ministack.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": ministack.SECRET_ACCESS_KEY,
            "STACK_NAME": stack_name_of(LOCAL_STAGE),
        }
        parameters = {
            "RpcUrls": self.options.functions_rpc(rpc_url) if self.options.functions_rpc else rpc_url,
            "ChainId": str(chain),
            "Confirmations": str(CONFIRMATIONS),
            "BlockSeconds": f"{block_seconds(rpc_url):g}" if self.options.rpc_url else str(anvil.BLOCK_SECONDS),
            **UNTHROTTLED,
            **factories.parameters,
            **self.options.parameters,
        }
        outputs = self._deploy(built, parameters)
        self._say(f"Funding two accounts with {amount} coins each, and deploying an ERC-20 they may mint")
        self.env |= seed(
            self.client, self.env["STACK_NAME"], outputs, chain, funder=funder, fund_wei=coins(amount), say=self._say
        )
        self.env |= {
            "API_URL": _api_url(endpoint, outputs),
            "CONFIRMATIONS": parameters["Confirmations"],
            "TOKEN_FACTORY": parameters["TokenFactory"],
            "WALLET_FACTORY": parameters["WalletFactory"],
            "JOBS_TABLE": outputs["JobsTableName"],
            "ACCOUNTS_TABLE": outputs["AccountsTableName"],
            "LIMITS_TABLE": outputs["LimitsTableName"],
            "EXECUTE_QUEUE_URL": outputs["ExecuteQueueUrl"],
            "CONFIRM_QUEUE_URL": outputs["ConfirmQueueUrl"],
        }
        stack_env.write(self.env_file, self.env)
        self._write_state({"deployed": _digest(built), "parameters": parameters, "rpc_url": self.options.rpc_url})
        return self.env

    def _node(self) -> str:
        if self.options.rpc_url is not None:
            if self.options.funder_key is None:
                raise StackError(
                    "With RPC_URL, give FUNDER_KEY_FILE: a file with the private key that pays for the accounts' gas."
                )
            url = rpc.node_url(self.options.rpc_url)
            self._say(f"Chain {rpc.chain_id(url)} at {rpc.shown(url)}, which runs already")
            return url
        url = anvil.start(self._anvil, self.directory, self.options.rpc_port)
        self._say(f"Chain {anvil.CHAIN_ID} (anvil) at {url}")
        return url

    def _deploy(self, built: Package, parameters: Mapping[str, str]) -> Outputs:
        return deploy(built, self.client, self._say, parameters=parameters)

    # --- state on disk -------------------------------------------------------------------------------------------------

    def _reusable(self, state: Mapping[str, Any]) -> bool:
        """Return true when the running stack is on the wanted node, and emulator and node answer."""
        env = stack_env.read(self.env_file)
        return (
            bool(state)
            and bool(env)
            and state["rpc_url"] == self.options.rpc_url
            and "TOKEN_FACTORY" in env  # a stack that an older version started does not have it
            and self._ministack.pid is not None
            and ministack.healthy(env["AWS_ENDPOINT_URL"])
            and anvil.answers(env["RPC_URL"])
        )

    def _read_state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = json.loads(self._state.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return state

    def _write_state(self, state: Mapping[str, Any]) -> None:
        self._state.touch(mode=0o600)
        self._state.write_text(json.dumps(dict(state)))

    def _forget(self) -> None:
        """Delete the files that a stack leaves behind, also one that was killed."""
        self.env_file.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)


def _digest(built: Package) -> str:
    return f"{built.digest} {hashlib.sha256(built.template.read_bytes()).hexdigest()}"


def _api_url(endpoint: str, outputs: Outputs) -> str:
    """Return the API's URL at the emulator, which makes a new API with another id whenever the routes change."""
    return f"{endpoint}/restapis/{outputs['RestAPIId']}/{LOCAL_STAGE}/_user_request_"
