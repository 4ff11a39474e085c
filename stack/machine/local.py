"""The local stack: emulator, chain, contracts, the deployed template and zip, two funded accounts, on loopback."""

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
"""The machine's limits are low enough; the emulator keeps to these."""


@dataclass(frozen=True, slots=True)
class Options:
    """What may differ from one local stack to another. Everything has a default that works."""

    rpc_url: str | None = None
    """A node that already runs; without it anvil is started."""
    funder_key: str | None = field(default=None, repr=False)
    fund_amount: str | None = None
    """Native coins for each account: 100 locally, 1 from a funder of one's own."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Template parameters, over those the stack chooses itself."""
    functions_rpc: Callable[[str], str] | None = None
    """From the node's URL to the one the functions use: where a test puts something between."""
    aws_port: int | None = None
    rpc_port: int | None = None


class LocalStack:
    """`with LocalStack(directory) as stack:` runs it and ends it; `stack.env` is what stack.env says.

    Nothing of it outlives this process, however that ends, unless `detach` is called.
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

    # --- as a whole ----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def start(self) -> dict[str, str]:
        """Start everything. When that fails half-way, what had been started is ended first."""
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
        """The running stack, with the code as it is now, when it is healthy and on the chain asked for; else a new one."""
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
        """The parameter BlockSeconds as it is now; empty while the one that the stack has still fits."""
        if self.options.rpc_url is None or "BlockSeconds" in self.options.parameters:
            return {}
        measured = block_seconds(self.env["RPC_URL"])
        if not differs(measured, parameters["BlockSeconds"]):
            return {}
        self._say(f"A block comes every {measured:g} s, not every {parameters['BlockSeconds']} s")
        return {"BlockSeconds": f"{measured:g}"}

    def detach(self) -> None:
        """Let everything outlive this process: `make up`."""
        self._ministack.detach()
        self._anvil.detach()
        self._lock.release()

    def stop(self) -> None:
        """End everything, whoever started it, and forget it. Does nothing when nothing runs."""
        for process in (self._ministack, self._anvil):
            process.stop()
        self._forget()
        self._lock.release()

    @property
    def running(self) -> bool:
        return self._ministack.pid is not None or self._anvil.pid is not None

    # --- to tests ------------------------------------------------------------------------------------------------------

    @property
    def client(self) -> Client:
        """Clients of the emulator with root's rights, by the service's name."""
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

    # --- what is remembered --------------------------------------------------------------------------------------------

    def _reusable(self, state: Mapping[str, Any]) -> bool:
        """Is it the stack that is asked for, and does it answer?"""
        env = stack_env.read(self.env_file)
        return (
            bool(state)
            and bool(env)
            and state["rpc_url"] == self.options.rpc_url
            and "TOKEN_FACTORY" in env  # one that was started by an older version has none
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
        """What a stack leaves behind, also one that was killed."""
        self.env_file.unlink(missing_ok=True)
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self.directory / "tmp", ignore_errors=True)


def _digest(built: Package) -> str:
    return f"{built.digest} {hashlib.sha256(built.template.read_bytes()).hexdigest()}"


def _api_url(endpoint: str, outputs: Outputs) -> str:
    """The emulator makes a new API, with another id, whenever its routes change."""
    return f"{endpoint}/restapis/{outputs['RestAPIId']}/{LOCAL_STAGE}/_user_request_"
