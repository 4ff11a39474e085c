"""Builds every adapter from the settings, once, at its first use. It is the only module that knows all adapters.

A function imports only the modules, and makes only the AWS clients, that it uses. The exceptions are botocore and the table of
jobs, which every function uses: this module imports them. Lambda runs the imports before the first event on a whole processor,
and later imports on the share of it that the function's memory buys.
"""
# ruff: noqa: PLC0415 -- imports at first use, see above

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.session import get_session

from chalicelib.errors import ChainUnavailable, ConfigurationError, ServiceUnavailable
from chalicelib.settings import Settings, rpc_urls_of, settings
from chalicelib.store.jobs import DynamoJobStore
from chalicelib.telemetry.emf import CountedRpc, EmfMetrics
from chalicelib.telemetry.logs import configure_logging
from chalicelib.telemetry.observed_jobs import observed
from chalicelib.telemetry.traces import Traces, trace_header

if TYPE_CHECKING:
    from chalicelib.admin.ports import CallEncoder, Contracts, Keys
    from chalicelib.auth.jwks import IdentityProvider
    from chalicelib.auth.limits import RequestLimiter
    from chalicelib.auth.secrets import TokenKeys
    from chalicelib.bounds import Bounds
    from chalicelib.cached import Cached
    from chalicelib.chain.rpc.client import RpcClient
    from chalicelib.jobs.admission import Admission
    from chalicelib.jobs.bursts import Bursts
    from chalicelib.jobs.pace import Paces
    from chalicelib.jobs.ports import Chain, Clock, Signers
    from chalicelib.jobs.stores import JobStore
    from chalicelib.networks import Network
    from chalicelib.queues.sqs import SqsQueue
    from chalicelib.store.accounts import DynamoAccountStore
    from chalicelib.store.checkpoints import DynamoCheckpointStore
    from chalicelib.store.limits import DynamoLimitStore

AWS_TIMEOUT_SECONDS = 5
LIMITS_TIMEOUT_SECONDS = 1
"""Short, because a request is allowed when the table of limits does not answer."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Wiring:
    """One process's adapters."""

    _rpc_urls: tuple[str, ...] = ()
    """The RPC URLs that the RPC client was made with."""

    @cached_property
    def settings(self) -> Settings:
        loaded = settings()
        configure_logging(loaded.log_level, loaded.stack_name)
        return loaded

    @property
    def clock(self) -> Clock:
        return utc_now

    @cached_property
    def jobs(self) -> JobStore:
        stored = DynamoJobStore(self._dynamodb, self.settings.jobs_table, self.settings.accounts_table)
        return observed(stored, self.metrics, self.clock, Traces(self.settings.stack_name).mark)

    @cached_property
    def metrics(self) -> EmfMetrics:
        return EmfMetrics(self.settings.stack_name)

    def flush_metrics(self) -> None:
        """Write the metrics of this invocation. Raises nothing."""
        if "metrics" in self.__dict__:
            self.metrics.flush()

    @cached_property
    def accounts(self) -> DynamoAccountStore:
        from chalicelib.store.accounts import DynamoAccountStore

        return DynamoAccountStore(self._dynamodb, self.settings.accounts_table)

    @cached_property
    def checkpoints(self) -> DynamoCheckpointStore:
        from chalicelib.store.checkpoints import DynamoCheckpointStore

        return DynamoCheckpointStore(self._dynamodb, self.settings.accounts_table)

    @cached_property
    def queue(self) -> SqsQueue:
        from chalicelib.queues.sqs import SqsQueue

        return SqsQueue(self._client("sqs"), self.settings.execute_queue_url, self.settings.confirm_queue_url, trace_header)

    @cached_property
    def bursts(self) -> Bursts:
        from chalicelib.jobs.bursts import Bursts

        return Bursts(time.monotonic, time.sleep)

    @cached_property
    def paces(self) -> Paces:
        from chalicelib.jobs.pace import Paces

        return Paces()

    @cached_property
    def bounds(self) -> Bounds:
        return self.settings.bounds

    @cached_property
    def network(self) -> Network:
        return self.settings.network

    @property
    def chain(self) -> Chain:
        """Raises ChainUnavailable while the RPC URLs cannot be read."""
        self._follow_rpc_urls()
        return self._node

    @property
    def contracts(self) -> Contracts:
        """Raises ChainUnavailable while the RPC URLs cannot be read."""
        self._follow_rpc_urls()
        return self._contracts

    @cached_property
    def _node(self) -> Chain:
        from chalicelib.chain.reading.node import Node

        return Node(self.network, self._rpc, self.settings.wallet_factory)

    @cached_property
    def _contracts(self) -> Contracts:
        from chalicelib.chain.contracts.contract_reader import ContractReader

        return ContractReader(self._rpc, self.settings.wallet_factory)

    @cached_property
    def call_data(self) -> CallEncoder:
        from chalicelib.chain.contracts.service_contracts import ServiceContracts

        return ServiceContracts()

    @cached_property
    def keys(self) -> Keys:
        from chalicelib.chain.signing.aws_new_keys import KmsKeys, with_policy

        if self.settings.key_policy is None:
            raise ConfigurationError("KEY_POLICY: field required to make keys of accounts.")
        return KmsKeys(self._client("kms"), with_policy(self.settings.key_policy), time.monotonic, time.sleep)

    @cached_property
    def _rpc(self) -> RpcClient:
        from chalicelib.chain.rpc.client import RpcClient

        network, bounds = self.network, self.bounds
        return RpcClient(
            self._rpc_urls,
            chain_id=network.chain_id,
            answer_bytes=bounds.rpc_answer_bytes,
            receipt_bytes=bounds.rpc_receipt_bytes,
            answer_seconds=bounds.rpc_answer_seconds,
            total_seconds=bounds.estimate_seconds,
            health=CountedRpc(self.metrics),
        )

    def _follow_rpc_urls(self) -> None:
        """Drop the RPC client, and the adapters that use it, when the secret holds other URLs."""
        urls = self.network.rpc_urls
        if self._rpc_urls_secret is not None:
            urls = self._rpc_urls_secret.get() or urls
        if urls != self._rpc_urls:
            self._rpc_urls = urls
            for adapter in ("_rpc", "_node", "_contracts"):
                self.__dict__.pop(adapter, None)

    @cached_property
    def _rpc_urls_secret(self) -> Cached[tuple[str, ...]] | None:
        """The secret with the RPC URLs. None if the environment holds the URLs."""
        secret_id = self.settings.rpc_urls_id
        if secret_id is None or self.settings.rpc_urls is not None:
            return None
        from chalicelib.cached import Cached

        def read() -> tuple[str, ...]:
            try:
                return rpc_urls_of(self._secret(secret_id))
            except ServiceUnavailable as error:
                raise ChainUnavailable(f"The RPC URLs cannot be read. {error.message}") from None

        return Cached("RPC URLs", read)

    @cached_property
    def signers(self) -> Signers:
        from chalicelib.chain.signing.signers import AccountSigners

        return AccountSigners(self._client)

    @cached_property
    def token_keys(self) -> Cached[TokenKeys]:
        from chalicelib.auth.secrets import token_keys
        from chalicelib.cached import Cached

        stage = self.settings.stage
        return Cached("JWT secret", lambda: token_keys(self._secret(self.settings.jwt_secret_id), stage))

    @cached_property
    def identity_provider(self) -> IdentityProvider | None:
        url, issuer, audience = self.settings.jwks_url, self.settings.jwt_issuer, self.settings.jwt_audience
        if url is None or issuer is None or audience is None:
            return None
        from chalicelib.auth.jwks import IdentityProvider, fetch_keys
        from chalicelib.cached import Cached

        return IdentityProvider(Cached("identity provider's keys", lambda: fetch_keys(url)), issuer, audience)

    @cached_property
    def limiter(self) -> RequestLimiter:
        from chalicelib.auth.limits import RequestLimiter

        return RequestLimiter(self.settings.requests_per_minute, lambda: self._limits, self.clock)

    @cached_property
    def admission(self) -> Admission:
        from chalicelib.jobs.admission import Admission

        return Admission(self.bounds, lambda: self.jobs)

    def phone_key(self) -> bytes:
        """Return the key of the phone numbers' hashes. It must never change: wallets are found by these hashes."""
        return self._phone_key.get().encode()

    @cached_property
    def _phone_key(self) -> Cached[str]:
        from chalicelib.cached import Cached

        return Cached("phone numbers' key", lambda: self._secret(self.settings.phone_key_id))

    def _secret(self, secret_id: str) -> str:
        from chalicelib.store.secrets import read_secret

        return read_secret(self._secretsmanager, secret_id)

    @cached_property
    def _limits(self) -> DynamoLimitStore:
        from chalicelib.store.limits import DynamoLimitStore

        client = self._client("dynamodb", timeout_seconds=LIMITS_TIMEOUT_SECONDS, attempts=2)
        return DynamoLimitStore(client, self.settings.limits_table or "")

    @cached_property
    def _secretsmanager(self) -> Any:
        """It makes two attempts. A third would take longer than API Gateway waits for the reply."""
        return self._client("secretsmanager", attempts=2)

    @cached_property
    def _dynamodb(self) -> Any:
        return self._client("dynamodb")

    @cached_property
    def _session(self) -> Any:
        """botocore's session. boto3's session would also load S3 transfers and resources, which no code here uses."""
        return get_session()

    def _client(self, service: str, *, timeout_seconds: int = AWS_TIMEOUT_SECONDS, attempts: int = 4) -> Any:
        return self._session.create_client(
            service,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": attempts},
                connect_timeout=timeout_seconds,
                read_timeout=timeout_seconds,
                tcp_keepalive=True,
                parameter_validation=False,  # saves a fifth of a request's processor time; the service checks its values itself
            ),
        )
