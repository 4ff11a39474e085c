"""What the routes are given to work with."""

from dataclasses import dataclass
from typing import Protocol, Self

from chalicelib.api.cursors import Cursors
from chalicelib.auth.tokens import TokenVerifier
from chalicelib.jobs.ports import AccountStore, Clock, JobStore, Queue
from chalicelib.settings import Settings


class Parts(Protocol):
    """The adapters and settings the API needs of whoever builds them."""

    @property
    def settings(self) -> Settings: ...

    @property
    def jobs(self) -> JobStore: ...

    @property
    def accounts(self) -> AccountStore: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def clock(self) -> Clock: ...

    def jwt_secret(self) -> str:
        """The key of the tokens, cached for as long as a rotation may take to be seen."""


@dataclass(frozen=True, slots=True)
class ApiServices:
    """One stage's stores and queue, who may call, and the one network it serves."""

    jobs: JobStore
    accounts: AccountStore
    queue: Queue
    clock: Clock
    tokens: TokenVerifier
    cursors: Cursors
    network: str
    chain_id: int

    @classmethod
    def of(cls, parts: Parts) -> Self:
        """Cheap: nothing is read or connected."""
        settings = parts.settings
        return cls(
            jobs=parts.jobs,
            accounts=parts.accounts,
            queue=parts.queue,
            clock=parts.clock,
            tokens=TokenVerifier(parts.jwt_secret, settings.stage),
            cursors=Cursors(parts.jwt_secret, settings.cursor_ttl_seconds, parts.clock),
            network=settings.network_name,
            chain_id=settings.network.chain_id,
        )
