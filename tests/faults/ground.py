"""What cases run on: an emulator, a node, the proxy before both, and the process workers are forked from."""

import itertools
import json
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chalicelib.jobs.model import Account
from stack import paths
from stack.aws import Client, clients
from stack.contracts import compile_contracts
from stack.machine import anvil, ministack
from stack.machine.processes import Process
from stack.operation.accounts import create_kms_account, create_secret_account
from stack.operation.tokens import issuer_token
from stack.progress import silent
from tests.faults.clock import SharedClock
from tests.faults.node import Node
from tests.faults.proxy import Proxy
from tests.faults.workers import Worker, Zygote

REAL_VISIBILITY_SECONDS = 3_600
"""The driver ends a message's invisibility itself, when it is over in the case's time."""
TABLE_PROPERTIES = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
FUNDS_WEI = 100 * 10**18


@dataclass(frozen=True, slots=True)
class Issuer:
    """A signing account, funded, and the token of the one who may use it."""

    account: Account
    token: str


@dataclass(frozen=True, slots=True)
class Place:
    """Tables and queues of one case. `visibility` has the template's seconds by queue."""

    jobs_table: str
    accounts_table: str
    queues: Mapping[str, str]
    visibility: Mapping[str, int]
    environment: Mapping[str, str]


class Ground:
    """`with Ground() as ground:`; nothing outlives it."""

    def __init__(self, chain_id: int = anvil.CHAIN_ID) -> None:
        self.chain_id = chain_id
        self._directory = tempfile.TemporaryDirectory(prefix="faults-")
        self.directory = Path(self._directory.name)
        self._ministack = Process("ministack", self.directory)
        self._anvil = Process("anvil", self.directory)
        self.clock = SharedClock(self.directory / "clock")
        self._numbers = itertools.count(1)
        self.jwt_secret = secrets.token_hex(32)

    def __enter__(self) -> Self:
        try:
            self.zygote = Zygote()
            compile_contracts(silent)
            aws_url = ministack.start(self._ministack, self.directory)
            node_url = anvil.start(self._anvil, self.directory)
            self.client: Client = clients(aws_url, ministack.REGION, ministack.ACCESS_KEY_ID, ministack.SECRET_ACCESS_KEY)
            self.node = Node(node_url)
            self.sink = self.node.deploy_sink()
            self.proxy = Proxy(aws_url, node_url)
            self.client("secretsmanager").create_secret(Name="faults/jwt", SecretString=self.jwt_secret)
            self._warm(aws_url, node_url)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.proxy.close()
        self._stop()

    def _stop(self) -> None:
        self.zygote.close()
        self._ministack.stop()
        self._anvil.stop()
        self._directory.cleanup()

    def _warm(self, aws_url: str, node_url: str) -> None:
        place = self.place(confirmations=1, block_seconds=1)
        token = self.issuer(place, kms=False).token
        self.zygote.warm({**place.environment, "AWS_ENDPOINT_URL": aws_url, "RPC_URLS": node_url}, token)

    @property
    def log(self) -> Path:
        """What the workers of the case wrote."""
        return self.directory / "workers.log"

    # --- for each case -------------------------------------------------------------------------------------------------

    def place(self, confirmations: int, block_seconds: int) -> Place:
        """Fresh tables and queues, as the template defines them."""
        number = next(self._numbers)
        resources = json.loads((paths.ROOT / ".chalice" / "resources.json").read_text())["Resources"]
        dynamodb = self.client("dynamodb")
        tables: dict[str, str] = {}
        for resource in ("JobsTable", "AccountsTable"):
            tables[resource] = f"{resource}-{number}"
            definition = {name: value for name, value in resources[resource]["Properties"].items() if name in TABLE_PROPERTIES}
            dynamodb.create_table(TableName=tables[resource], **definition)
        queues: dict[str, str] = {}
        visibility: dict[str, int] = {}
        for resource in ("ExecuteDeadLetters", "ConfirmDeadLetters", "ExecuteQueue", "ConfirmQueue"):
            properties = resources[resource]["Properties"]
            queues[resource] = self._queue(f"{resource}-{number}", properties, queues)
            visibility[resource] = int(properties["VisibilityTimeout"])
        environment = {
            "STAGE": "local",
            "STACK_NAME": "faults",
            "NETWORK": "fuse",
            "CHAIN_ID": str(self.chain_id),
            "CONFIRMATIONS": str(confirmations),
            "BLOCK_SECONDS": str(block_seconds),
            "JOBS_TABLE": tables["JobsTable"],
            "ACCOUNTS_TABLE": tables["AccountsTable"],
            "EXECUTE_QUEUE_URL": queues["ExecuteQueue"],
            "CONFIRM_QUEUE_URL": queues["ConfirmQueue"],
            "JWT_SECRET_ID": "faults/jwt",
            "PHONE_KEY_ID": "faults/phone-numbers",
            "LOG_LEVEL": "INFO",
        }
        return Place(tables["JobsTable"], tables["AccountsTable"], queues, visibility, environment)

    def _queue(self, name: str, properties: Mapping[str, Any], made: Mapping[str, str]) -> str:
        attributes = {"VisibilityTimeout": str(REAL_VISIBILITY_SECONDS)}
        if properties.get("FifoQueue"):
            name += ".fifo"
            attributes |= {"FifoQueue": "true"}
            attributes |= {key: properties[key] for key in ("DeduplicationScope", "FifoThroughputLimit") if key in properties}
        if "RedrivePolicy" in properties:
            target = made[properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
            arn = self.client("sqs").get_queue_attributes(QueueUrl=target, AttributeNames=["QueueArn"])["Attributes"][
                "QueueArn"
            ]
            policy = {"deadLetterTargetArn": arn, "maxReceiveCount": properties["RedrivePolicy"]["maxReceiveCount"]}
            attributes["RedrivePolicy"] = json.dumps(policy)
        url: str = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    def issuer(self, place: Place, *, kms: bool) -> Issuer:
        """A new account with a KMS key, or one whose key is a secret."""
        create = create_kms_account if kms else create_secret_account
        account = create(self.client, "faults", place.accounts_table, self.chain_id)
        self.node.fund(account.address, FUNDS_WEI)
        return Issuer(account, issuer_token(self.jwt_secret, account.address))

    def worker(self, function: str, place: Place, endpoints: int, birth: Mapping[str, Any]) -> Worker:
        """A new process of the function, with as many RPC URLs. `birth` has its seed, and what is broken in it."""
        lane = self.proxy.lane(function)
        environment = {
            **place.environment,
            "AWS_ENDPOINT_URL": lane.url,
            "RPC_URLS": ",".join(f"{lane.url}/node/{number}" for number in range(endpoints)),
        }
        files = {"log": str(self.log), "clock": str(self.directory / "clock")}
        return Worker(lane, self.zygote, self.proxy, {**birth, **files, "environment": environment})
