"""What the routes are given to work with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from chalicelib.admin.ports import Calls, Keys, Ledger
from chalicelib.api.cursors import Cursors
from chalicelib.auth.tokens import TokenVerifier
from chalicelib.errors import NotConfigured
from chalicelib.jobs.ports import AccountStore, Chain, Clock, JobStore, Queue
from chalicelib.settings import Settings


class Parts(Protocol):
    """The adapters and settings the API needs of whoever builds them, each built when it is first asked for."""

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

    @property
    def chain(self) -> Chain: ...

    @property
    def calls(self) -> Calls: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def keys(self) -> Keys: ...

    def jwt_secret(self) -> str:
        """The key of the tokens, cached for as long as a rotation may take to be seen."""

    def phone_key(self) -> bytes:
        """The key of the hashes that phone numbers are found by. Raises ServiceUnavailable when it cannot be read."""


@dataclass(frozen=True, slots=True)
class ApiServices:
    """One stage's stores and queue, who may call, and the one network it serves: `chalicelib.admin.ports.AdminPorts`, too."""

    parts: Parts
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
            parts=parts,
            jobs=parts.jobs,
            accounts=parts.accounts,
            queue=parts.queue,
            clock=parts.clock,
            tokens=TokenVerifier(parts.jwt_secret, settings.stage),
            cursors=Cursors(parts.jwt_secret, settings.cursor_ttl_seconds, parts.clock),
            network=settings.network_name,
            chain_id=settings.network.chain_id,
        )

    # What reads the chain or makes keys is built by those who need it: most requests only read or write a job.

    @property
    def chain(self) -> Chain:
        return self.parts.chain

    @property
    def calls(self) -> Calls:
        return self.parts.calls

    @property
    def ledger(self) -> Ledger:
        return self.parts.ledger

    @property
    def keys(self) -> Keys:
        return self.parts.keys

    def mined_counts(self, addresses: Sequence[str]) -> Mapping[str, int]:
        """How many transactions of each account are mined: asked only where a pool's accounts are compared."""
        return self.ledger.transaction_counts(addresses)

    @property
    def token_factory(self) -> str:
        """Raises NotConfigured."""
        return _configured(self.parts.settings.token_factory, "token factory (TOKEN_FACTORY)")

    @property
    def wallet_factory(self) -> str:
        """Raises NotConfigured."""
        return _configured(self.parts.settings.wallet_factory, "wallet factory (WALLET_FACTORY)")

    def phone_key(self) -> bytes:
        return self.parts.phone_key()


def _configured(address: str | None, what: str) -> str:
    if address is None:
        raise NotConfigured(f"This stage has no {what}: an operator deploys one and sets it.")
    # imported here: see `fields.address`
    from chalicelib.chain.abi import checksum_address  # noqa: PLC0415

    return checksum_address(address)
