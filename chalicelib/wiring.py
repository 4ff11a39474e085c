"""Builds every adapter from the settings, once, at first use: the only place that knows them all.

An AWS client is made when the first request needs it; what a function does not use it does not pay for.
"""

import time
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from chalicelib.jobs.ports import Chain, Clock, Signers
from chalicelib.log import configure_logging
from chalicelib.networks import Network
from chalicelib.queues.sqs import SqsQueue
from chalicelib.settings import Settings, settings
from chalicelib.store.accounts import DynamoAccountStore
from chalicelib.store.checkpoints import DynamoCheckpointStore
from chalicelib.store.jobs import DynamoJobStore

JWT_SECRET_TTL_SECONDS = 300
AWS_TIMEOUT_SECONDS = 5
RPC_TIMEOUT_SECONDS = 6
"""A handful of RPC requests in a row fit into a worker's 30 seconds."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Wiring:
    """One process's adapters."""

    @cached_property
    def settings(self) -> Settings:
        loaded = settings()
        configure_logging(loaded.log_level)
        return loaded

    @property
    def clock(self) -> Clock:
        return utc_now

    @cached_property
    def jobs(self) -> DynamoJobStore:
        return DynamoJobStore(self._dynamodb, self.settings.jobs_table, self.settings.accounts_table)

    @cached_property
    def accounts(self) -> DynamoAccountStore:
        return DynamoAccountStore(self._dynamodb, self.settings.accounts_table)

    @cached_property
    def checkpoints(self) -> DynamoCheckpointStore:
        return DynamoCheckpointStore(self._dynamodb, self.settings.accounts_table)

    @cached_property
    def queue(self) -> SqsQueue:
        return SqsQueue(self._client("sqs"), self.settings.execute_queue_url, self.settings.confirm_queue_url)

    @cached_property
    def network(self) -> Network:
        return self.settings.network

    # The chain's room brings web3, which the API never needs: it is imported when a worker first asks for it.

    @cached_property
    def chain(self) -> Chain:
        from chalicelib.chain.node import Node  # noqa: PLC0415
        from chalicelib.chain.rpc import RpcClient  # noqa: PLC0415

        network = self.network
        return Node(network, RpcClient(network.rpc_urls, chain_id=network.chain_id, timeout_seconds=RPC_TIMEOUT_SECONDS))

    @cached_property
    def signers(self) -> Signers:
        from chalicelib.chain.signers import AccountSigners  # noqa: PLC0415

        return AccountSigners(self._client("kms"), self._client("secretsmanager"))

    def jwt_secret(self) -> str:
        """The key of the tokens, from Secrets Manager, read again every five minutes so that a rotation is seen."""
        value, read_at = self._jwt_secret
        if time.monotonic() - read_at > JWT_SECRET_TTL_SECONDS:
            del self._jwt_secret
            value, _ = self._jwt_secret
        return value

    @cached_property
    def _jwt_secret(self) -> tuple[str, float]:
        answer = self._client("secretsmanager").get_secret_value(SecretId=self.settings.jwt_secret_id)
        return str(answer["SecretString"]), time.monotonic()

    @cached_property
    def _dynamodb(self) -> Any:
        return self._client("dynamodb")

    @cached_property
    def _session(self) -> Any:
        from boto3 import Session  # noqa: PLC0415 -- GET /health needs no AWS

        return Session()

    def _client(self, service: str) -> Any:
        from botocore.config import Config  # noqa: PLC0415

        return self._session.client(
            service,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": 4},
                connect_timeout=AWS_TIMEOUT_SECONDS,
                read_timeout=AWS_TIMEOUT_SECONDS,
                tcp_keepalive=True,
            ),
        )
