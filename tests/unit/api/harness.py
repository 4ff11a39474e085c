"""The API on a real Chalice app, over stores and a queue in memory."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.api.http.errors import use_error_format
from chalicelib.api.routes import origins_of, register_routes
from chalicelib.auth.jwks import IdentityProvider
from chalicelib.auth.limits import RequestLimiter
from chalicelib.auth.secrets import TokenKeys, token_keys
from chalicelib.cached import Cached
from chalicelib.jobs.admission import Admission
from chalicelib.jobs.model import (
    Account,
    Attempt,
    Event,
    Failure,
    Fees,
    Job,
    Outcome,
    SignedTransaction,
    Status,
    TransactionRequest,
)
from chalicelib.jobs.receipts import Receipt
from chalicelib.settings import Settings, settings_from
from tests.fakes.contracts import MemoryContracts, NumberedKeys, Simulator, TextCallEncoder
from tests.fakes.memory import MemoryAccountStore, MemoryJobStore, MemoryLimitStore, RecordingQueue
from tests.unit.api.documented import assert_documented

KEY = "kZ8vXr2Qp5Lw9TnB4cYh7GdJ3mFs6AeU"
ISSUER = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"  # the examples of EIP-55
OTHER = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
TARGET = "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB"
TOKEN_FACTORY = "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"
WALLET_FACTORY = "0x52908400098527886E0F7030069857D2E4169EE7"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CHAIN_ID = 122


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]
    text: str


@dataclass
class Api:
    """The API and everything around it, to be looked at and to be broken."""

    accounts: MemoryAccountStore
    jobs: MemoryJobStore
    queue: RecordingQueue
    settings: Settings
    now: datetime = NOW
    key: str = KEY
    contracts: MemoryContracts = field(default_factory=MemoryContracts)
    chain: Any = field(default_factory=Simulator)
    """Only what the pre-flight asks of it."""
    call_data: TextCallEncoder = field(default_factory=TextCallEncoder)
    keys: NumberedKeys = field(default_factory=NumberedKeys)
    limits: MemoryLimitStore = field(default_factory=MemoryLimitStore)
    identity_provider: IdentityProvider | None = None

    def __post_init__(self) -> None:
        app = Chalice("jobs-api", configure_logs=False, env={})
        use_error_format(app, origins_of(self))
        register_routes(app, self)
        self.app = app
        self.client = Client(app)
        self.token_keys: Cached[TokenKeys] = Cached("JWT secret", lambda: token_keys(self.key, "local"))
        self.admission = Admission(self.settings.bounds, lambda: self.jobs, self.seconds)
        self.limiter = RequestLimiter(self.settings.requests_per_minute, lambda: self.limits, self.clock)

    def clock(self) -> datetime:
        return self.now

    def seconds(self) -> float:
        return self.now.timestamp()

    def phone_key(self) -> bytes:
        return b"a key of phone numbers"

    def token(self, key: str | None = None, algorithm: str = "HS256", **claims: Any) -> str:
        """A token of the issuer; a claim given as None is left out."""
        payload = {"accountAddress": ISSUER, "exp": time.time() + 3_600} | claims
        return jwt.encode({name: value for name, value in payload.items() if value is not None}, key or KEY, algorithm)

    def other_token(self) -> str:
        return self.token(accountAddress=OTHER)

    def community_token(self, **claims: Any) -> str:
        return self.token(isCommunityAdmin=True, **claims)

    def admin_token(self) -> str:
        return self.token(sub="the operators", isAdmin=True)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`body` is sent as JSON, `raw` as it is; an empty `token` is none. Every answer must be one that is documented."""
        sent = {} if token == "" else {"Authorization": f"Bearer {token or self.token()}"}
        content = b""
        if body is not None or raw is not None:
            content = raw if raw is not None else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        response = self.client.http.request(method, path, headers={**sent, **(headers or {})}, body=content)
        is_json = response.headers["Content-Type"] == "application/json"
        answer = Answer(response.status_code, response.json_body if is_json else None, response.headers, response.body.decode())
        assert_documented(method, path, answer.status, answer.headers, answer.body)
        return answer

    def get(self, path: str, **more: Any) -> Answer:
        return self.request("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.request("POST", path, body, **more)

    def issue(self, body: Any = None, **more: Any) -> Answer:
        return self.post("/api/v2/jobs", {"to": TARGET, "value": "1"} if body is None else body, **more)

    def issued(self, body: Any = None, **more: Any) -> str:
        """The id of a job issued over HTTP; the queue is emptied of its nudge."""
        answer = self.issue(body, **more)
        assert answer.status == 201, answer.text
        self.queue.executed.clear()
        return str(answer.body["job"]["_id"])

    def change(self, job_id: str, **changes: Any) -> Job:
        """Make a stored job what a worker would have made of it."""
        return self.jobs.save(replace(self.jobs.rows[job_id], **changes))

    def failed(self, minutes_ago: float = 1, code: str = "TransactionReverted", **more: Any) -> str:
        """The id of a job that failed."""
        at = self.now - timedelta(minutes=minutes_ago)
        return self._finished(Status.FAILED, at, failure=Failure(code, "not enough tokens"), failed_at=at, fail_count=1, **more)

    def cancelled(self, minutes_ago: float = 1, **more: Any) -> str:
        return self._finished(Status.CANCELLED, self.now - timedelta(minutes=minutes_ago), **more)

    def _finished(
        self, status: Status, at: datetime, *, name: str = "transaction", token: str | None = None, **changes: Any
    ) -> str:
        job_id = self.issued(token=token)
        closed: dict[str, Any] = {"last_finished_at": at, "pending_since": None, "next_check_at": None}
        self.change(job_id, status=status, name=name, **closed, **changes)
        return job_id

    @property
    def untouched(self) -> bool:
        """Nothing stored, nothing sent."""
        return not self.jobs.rows and self.queue.is_empty


def environment() -> dict[str, str]:
    return {
        "STAGE": "local",
        "STACK_NAME": "jobs-api-local",
        "JOBS_TABLE": "jobs",
        "ACCOUNTS_TABLE": "accounts",
        "EXECUTE_QUEUE_URL": "https://queues/execute.fifo",
        "CONFIRM_QUEUE_URL": "https://queues/confirm",
        "JWT_SECRET_ID": "jwt",
        "PHONE_KEY_ID": "phone-numbers",
        "NETWORK": "fuse",
        "TOKEN_FACTORY": TOKEN_FACTORY,
        "WALLET_FACTORY": WALLET_FACTORY,
    }


def new_api() -> Api:
    accounts = MemoryAccountStore(
        [
            Account(CHAIN_ID, ISSUER, key="kms:1"),
            Account(CHAIN_ID, OTHER, key="secret:2"),
            Account(CHAIN_ID, TARGET, "kms:3", role="pool", allows_value=True),
        ]
    )
    return Api(accounts, MemoryJobStore(accounts), RecordingQueue(), settings_from(environment()))


def attempt(nonce: int = 7, outcome: Outcome | None = None, succeeded: bool = True, **more: Any) -> Attempt:
    """One attempt with one transaction, mined if it has an outcome."""
    hash_ = "0x" + f"{nonce:064x}"
    signed = SignedTransaction(hash_, b"\x02raw", Fees(22_000_000_000, 1_000_000_000), NOW, 100)
    receipt = None if outcome is None else Receipt(hash_, 17_670_548, "0x" + "b" * 64, succeeded, 21_000, 11_000_000_000)
    return Attempt(
        **({"nonce": nonce, "gas": 21_000, "transactions": (signed,), "outcome": outcome, "receipt": receipt} | more)
    )


def a_job(**changes: Any) -> Job:
    """A job as it stands in the store, without the API."""
    fields: dict[str, Any] = {
        "job_id": "62b17abc8c26160014940e87",
        "owner": ISSUER,
        "name": "mint",
        "status": Status.PENDING,
        "version": 1,
        "network": "fuse",
        "chain_id": CHAIN_ID,
        "account": ISSUER,
        "request": TransactionRequest(to=TARGET, data=b"\xab\xcd"),
        "fingerprint": "f" * 64,
        "created_at": NOW,
        "updated_at": NOW,
        "history": (Event(NOW, "issued"),),
    }
    return Job(**(fields | changes))
