"""What the bench runs on: the local stack as it is deployed, its zip unpacked, and processes of its functions.

The stack's own event source mappings and its schedule are paused while the bench plays them itself.
"""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
from botocore.config import Config

from stack import rpc
from stack.aws import Client, clients
from stack.build.package import LOCAL_STAGE, package
from stack.funder import WEI
from stack.machine.local import LocalStack, Options
from stack.machine.processes import lock_holder
from stack.operation.accounts import create_kms_account, create_secret_account
from stack.operation.tokens import issuer_token
from stack.progress import Say
from tests.bench.api import Api
from tests.bench.mapping import Mapping as SourceMapping
from tests.bench.mapping import left_in
from tests.bench.meter import Lane, Meter
from tests.bench.processes import FunctionProcess, Invocations

HANDLERS = {"api": "app", "execute": "execute_jobs", "confirm": "confirm_jobs", "reconcile": "reconcile_jobs"}
"""By the bench's short names: the functions of app.py."""
FUNDS_WEI = 1_000 * WEI
CONNECTIONS = 50


@dataclass(frozen=True, slots=True)
class Issuer:
    """A funded signing account, and the token of the one who may use it."""

    address: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deployed:
    """One function as it is deployed."""

    name: str
    memory_mb: int
    environment: Mapping[str, str]


class Ground:
    """`with Ground(say) as ground:`; nothing outlives it."""

    def __init__(self, say: Say) -> None:
        self.say = say
        self._directory = tempfile.TemporaryDirectory(prefix="bench-")
        self.directory = Path(self._directory.name)
        self.code = self.directory / "code"
        self.log = self.directory / "functions.log"
        self.meter = Meter()
        self.deployed_lane = self.meter.lane("deployed")
        """What the deployed functions' way to the node goes through; their way to AWS does not."""
        self.stack = LocalStack(self.directory / "stack", Options(functions_rpc=self._metered_node), say=say)
        self.functions: dict[str, Deployed] = {}

    def _metered_node(self, node_url: str) -> str:
        self.meter.node = node_url
        return self.deployed_lane.node_url

    def __enter__(self) -> Self:
        try:
            self.env = self.stack.start()
            self.meter.aws = self.env["AWS_ENDPOINT_URL"]
            self.client = self.stack.client
            self.sqs = self._sqs_client()
            self.queues = {"execute": self.env["EXECUTE_QUEUE_URL"], "confirm": self.env["CONFIRM_QUEUE_URL"]}
            self._unpack()
            self._read_functions()
            self.let_the_stack_work(False)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        self.stack.stop()
        self.meter.close()
        self._directory.cleanup()

    def _unpack(self) -> None:
        """The zip's content, compiled modules among it, as Lambda unpacks it."""
        with zipfile.ZipFile(package(LOCAL_STAGE, self.say).archive) as archive:
            archive.extractall(self.code)

    def _read_functions(self) -> None:
        functions = [
            function
            for page in self.client("lambda").get_paginator("list_functions").paginate()
            for function in page["Functions"]
        ]
        for short, handler in HANDLERS.items():
            (found,) = [function for function in functions if function["Handler"] == f"app.{handler}"]
            variables = dict(found["Environment"]["Variables"])
            self.functions[short] = Deployed(found["FunctionName"], int(found["MemorySize"]), variables)

    def _sqs_client(self) -> Any:
        return boto3.client(
            "sqs",
            endpoint_url=self.env["AWS_ENDPOINT_URL"],
            region_name=self.env["AWS_REGION"],
            aws_access_key_id=self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.env["AWS_SECRET_ACCESS_KEY"],
            config=Config(max_pool_connections=CONNECTIONS, read_timeout=120),
        )

    def clients_at(self, endpoint_url: str) -> Client:
        """Clients with the emulator's keys, at another endpoint."""
        env = self.env
        return clients(endpoint_url, env["AWS_REGION"], env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"])

    # --- the deployed functions ------------------------------------------------------------------------------------------

    def let_the_stack_work(self, work: bool) -> None:
        """Whether the emulator's own mappings and schedule run the deployed functions."""
        lambdas, events = self.client("lambda"), self.client("events")
        for mapping in lambdas.list_event_source_mappings()["EventSourceMappings"]:
            lambdas.update_event_source_mapping(UUID=mapping["UUID"], Enabled=work)
        for rule in events.list_rules()["Rules"]:
            (events.enable_rule if work else events.disable_rule)(Name=rule["Name"])

    # --- processes of the bench's own --------------------------------------------------------------------------------------

    def environment(self, function: str, lane: Lane | None, **over: str) -> dict[str, str]:
        """A process's environment: the deployed function's; over a lane of the meter, or straight to emulator and node."""
        return {
            **self.functions[function].environment,
            "AWS_ACCESS_KEY_ID": self.env["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": self.env["AWS_SECRET_ACCESS_KEY"],
            "AWS_DEFAULT_REGION": self.env["AWS_REGION"],
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": lane.url if lane else self.env["AWS_ENDPOINT_URL"],
            "RPC_URLS": lane.node_url if lane else self.env["RPC_URL"],
            **over,
        }

    def process(self, function: str, lane: Lane | None, log: Path, *, sampled: bool = False, **over: str) -> FunctionProcess:
        environment = self.environment(function, lane, **over)
        return FunctionProcess(function, HANDLERS[function], self.code, environment, log, sampled=sampled)

    @contextmanager
    def fleet(
        self, processes: Mapping[str, int], *, meter: Meter | None, sampled: bool = False, quiet: bool = False, **over: str
    ) -> "Iterator[Fleet]":
        """So many processes of each function, and mappings for those that have a queue. Logs of `quiet` ones are kept apart.

        Without a meter they go straight to emulator and node.
        """
        lanes = {function: meter.lane(function) for function in processes} if meter else {}
        with ExitStack() as running:
            started: dict[str, list[FunctionProcess]] = {}
            for function, count in processes.items():
                started[function] = []
                for _ in range(count):
                    log = self.directory / "quiet.log" if quiet else self.log
                    process = self.process(function, lanes.get(function), log, sampled=sampled, **over)
                    running.callback(process.stop)
                    started[function].append(process)
            invocations = Invocations()
            mappings = {
                function: SourceMapping(self.sqs, url, started[function], invocations)
                for function, url in self.queues.items()
                if function in started
            }
            yield Fleet(started, Api(started.get("api", []), invocations), mappings, invocations, lanes)

    # --- accounts and the chain ----------------------------------------------------------------------------------------------

    def issuer(self, *, kms: bool) -> Issuer:
        """A new account with a KMS key, or with one that is a secret."""
        create = create_kms_account if kms else create_secret_account
        table = self.env["ACCOUNTS_TABLE"]
        address = create(self.client, self.env["STACK_NAME"], table, int(self.env["CHAIN_ID"])).address
        self.node("anvil_setBalance", address, hex(FUNDS_WEI))
        return Issuer(address, issuer_token(self.env["JWT_SECRET"], address))

    def node(self, method: str, *params: Any) -> Any:
        """Straight to the node, not counted."""
        return rpc.call(self.env["RPC_URL"], method, *params, timeout=60)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A directory that is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=self.directory) as directory:
            yield Path(directory)

    def shortened(self, line: str) -> str:
        """With tables and queues by their short names."""
        for name in ("JOBS_TABLE", "ACCOUNTS_TABLE"):
            line = line.replace(self.env[name], name.removesuffix("_TABLE").lower())
        return line

    def pid(self, name: str) -> int:
        """Of what runs ministack or anvil: the process itself is a child of it."""
        return lock_holder(self.stack.directory / f"{name}.lock") or 0

    def messages_left(self) -> int:
        return sum(left_in(self.sqs, url) for url in self.queues.values())


@dataclass(frozen=True, slots=True)
class Fleet:
    """Running processes. `mappings` poll once they are started; `lanes` is empty when nothing is metered."""

    processes: Mapping[str, list[FunctionProcess]]
    api: Api
    mappings: Mapping[str, SourceMapping]
    invocations: Invocations
    lanes: Mapping[str, Lane]

    def all(self) -> list[FunctionProcess]:
        return [process for processes in self.processes.values() for process in processes]

    @contextmanager
    def working(self, only: int | None = None) -> Iterator[None]:
        """The mappings poll meanwhile; `only` one process of each function, by its number (modulo how many there are)."""
        for mapping in self.mappings.values():
            mapping.start(only)
        try:
            yield
        finally:
            for mapping in self.mappings.values():
                mapping.stop()
