"""What a quiet stack is asked to do, and what came of it: accounts, jobs in any state, messages, answers."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.jobs.model import Account, Event, Failure, Job, Status, TransactionRequest
from chalicelib.jobs.states import failed
from chalicelib.queues.messages import ConfirmJobs, ExecuteJobs, Message, encode
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.checkpoints import DynamoCheckpointStore
from chalicelib.store.jobs import DynamoJobStore
from stack import rpc
from stack.deployment import jwt_secret
from stack.machine.local import LocalStack
from stack.operation.accounts import create_kms_account, create_secret_account
from stack.operation.tokens import admin_token, issuer_token, token
from tests.bench.mapping import left_in
from tests.stack.issuers import COIN, new_address
from tests.stack.quiet import NAME, Answer, QuietStack

LONG_AGO = timedelta(seconds=90)
"""Longer than reconcile leaves a job to its own nudges."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """A funded account of its own, and its token."""

    account: Account
    token: str

    @property
    def body(self) -> dict[str, str]:
        """Of a request that can be answered with a job."""
        return {"to": self.account.address, "value": "1"}


class Scene:
    """Nothing of one scenario is in the way of another: each has accounts of its own."""

    def __init__(self, beside: LocalStack) -> None:
        self.stack = QuietStack(beside)
        self._client = self.stack.client
        self.chain_id = int(beside.env["CHAIN_ID"])
        dynamodb, outputs = self._client("dynamodb"), self.stack.outputs
        self.jobs = DynamoJobStore(dynamodb, outputs["JobsTableName"], outputs["AccountsTableName"])
        self.accounts = DynamoAccountStore(dynamodb, outputs["AccountsTableName"])
        self.checkpoints = DynamoCheckpointStore(dynamodb, outputs["AccountsTableName"])
        self._secret = jwt_secret.read(self._client, outputs["JwtSecretArn"])
        self.admin_token = admin_token(self._secret, new_address())

    # --- accounts and the chain --------------------------------------------------------------------------------------------

    def issuer(self, *, kms: bool = True, **fields: Any) -> Issuer:
        """A new account with a KMS key, or with one that is a secret. `fields` are the account's other ones."""
        create = create_kms_account if kms else create_secret_account
        account = create(self._client, NAME, self.stack.outputs["AccountsTableName"], self.chain_id, **fields)
        self.node("anvil_setBalance", account.address, hex(COIN))
        return Issuer(account, issuer_token(self._secret, account.address))

    def account(self, **fields: Any) -> Account:
        """One that nobody signs with."""
        account = Account(self.chain_id, new_address(), "kms:none", created_at=datetime.now(UTC), **fields)
        assert self.accounts.put(account)
        return account

    def token(self, **claims: Any) -> str:
        return token(self._secret, **claims)

    def node(self, method: str, *params: Any) -> Any:
        return rpc.call(self.stack.env["RPC_URL"], method, *params)

    # --- jobs ----------------------------------------------------------------------------------------------------------------

    def pending(self, issuer: Issuer, *, age: timedelta = timedelta(), **fields: Any) -> Job:
        """As the API stores it, of which nobody was told."""
        job = self._new(issuer, datetime.now(UTC) - age, **fields)
        assert self.jobs.issue(job) is None
        return job

    def failed(self, issuer: Issuer) -> Job:
        now = datetime.now(UTC)
        job = failed(self._new(issuer, now), Failure("EstimateReverted", "no"), now)
        assert self.jobs.issue(job) is None
        return job

    def started(self, issuer: Issuer, **fields: Any) -> Job:
        """Signed, stored and broadcast, with every right."""
        job = self.pending(issuer, **fields)
        answer = self.stack.invoke("ExecuteJobs", self.event(self.to_execute(issuer, job)), as_root=True)
        assert answer == DONE, answer
        job = self.job(job)
        assert job.status is Status.STARTED, job
        return job

    def stuck(self, issuer: Issuer) -> Job:
        """Started, at a nonce that is not the account's next one on chain: it cannot be mined."""
        self._client("dynamodb").update_item(
            TableName=self.stack.outputs["AccountsTableName"],
            Key={"accountId": {"S": issuer.account.account_id}},
            UpdateExpression="SET nextNonce = :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        return self.started(issuer)

    def job(self, job: Job) -> Job:
        """As it is now."""
        current = self.jobs.get(job.job_id)
        assert current is not None
        return current

    def _new(self, issuer: Issuer, at: datetime, **fields: Any) -> Job:
        values: dict[str, Any] = {"request": TransactionRequest(to=issuer.account.address, value=1), **fields}
        return Job(
            job_id=secrets.token_hex(12),
            owner=issuer.account.address,
            name="transaction",
            status=Status.PENDING,
            version=1,
            network="fuse",
            chain_id=self.chain_id,
            account=issuer.account.address,
            fingerprint="0" * 64,
            created_at=at,
            updated_at=at,
            history=(Event(at, "issued"),),
            pending_since=at,
            **values,
        )

    # --- messages ------------------------------------------------------------------------------------------------------------

    def messages(self, queue: str) -> int:
        """How many a queue holds; nobody takes any."""
        return left_in(self._client("sqs"), self.stack.resources[queue])

    @staticmethod
    def to_execute(issuer: Issuer, *jobs: Job) -> Message:
        return ExecuteJobs(issuer.account.account_id, tuple(job.job_id for job in jobs))

    @staticmethod
    def to_confirm(*jobs: Job) -> Message:
        return ConfirmJobs(tuple(job.job_id for job in jobs))

    @staticmethod
    def event(*messages: Message) -> dict[str, Any]:
        """What an event source mapping hands over."""
        return {"Records": [_record(message) for message in messages]}

    # --- requests ------------------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, token: str, body: Any = None, *, status: int = 200) -> Any:
        """The API's answer, when it has this status."""
        answer = self.stack.request(method, f"/api/v2/{path}", token, body)
        assert answer.error is None, answer
        assert answer.result["statusCode"] == status, answer.result["body"]
        return json.loads(answer.result["body"])


DONE = Answer({"batchItemFailures": []})
"""What a function says that has handled every message."""


def _record(message: Message) -> Mapping[str, Any]:
    return {
        "messageId": secrets.token_hex(8),
        "receiptHandle": "none",
        "body": encode(message),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    }


def ids(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    return {row["_id"] for row in rows}
