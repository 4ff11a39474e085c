"""What handlers work with: the adapters, the settings, and who verifies JWTs and cursors."""

from __future__ import annotations  # the ports are for mypy: a request does not import what it does not use

from typing import TYPE_CHECKING, Protocol

from chalicelib.api.http.cursors import Cursors
from chalicelib.auth.jwt import TokenVerifier
from chalicelib.chain.addresses import checksum_address
from chalicelib.errors import NotConfigured

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from chalicelib.admin.ports import CallEncoder, Contracts, Keys
    from chalicelib.auth.jwks import IdentityProvider
    from chalicelib.auth.limits import RequestLimiter
    from chalicelib.auth.secrets import TokenKeys
    from chalicelib.cached import Cached
    from chalicelib.jobs.admission import Admission
    from chalicelib.jobs.model import TransactionRequest
    from chalicelib.jobs.ports import Chain, Clock, Queue
    from chalicelib.jobs.stores import AccountStore, JobStore
    from chalicelib.settings import Settings


class Parts(Protocol):
    """The adapters and settings of a stage. `chalicelib.wiring` builds each when it is first used."""

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
    def call_data(self) -> CallEncoder: ...

    @property
    def contracts(self) -> Contracts: ...

    @property
    def keys(self) -> Keys: ...

    @property
    def token_keys(self) -> Cached[TokenKeys]:
        """The keys of HS256 JWTs and of cursors."""

    @property
    def identity_provider(self) -> IdentityProvider | None:
        """The identity provider whose RS256 and ES256 JWTs are taken. None where the stage has none."""

    @property
    def limiter(self) -> RequestLimiter: ...

    @property
    def admission(self) -> Admission: ...

    def phone_key(self) -> bytes:
        """Return the key of the hashes that find phone numbers. Raises ServiceUnavailable when it cannot be read."""


class ApiServices:
    """The parts of a stage for one request. It also implements `chalicelib.admin.ports.AdminPorts`.

    Nothing is read, built or connected before a handler uses it.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    @property
    def verifier(self) -> TokenVerifier:
        provider = self.parts.identity_provider
        return TokenVerifier(self.parts.token_keys if self.parts.settings.takes_secret_tokens else None, provider)

    @property
    def cursors(self) -> Cursors:
        return Cursors(self.parts.token_keys, self.parts.settings.cursor_ttl_seconds, self.parts.clock)

    @property
    def network(self) -> str:
        return self.parts.settings.network_name

    @property
    def chain_id(self) -> int:
        return self.parts.settings.network.chain_id

    @property
    def clock(self) -> Clock:
        return self.parts.clock

    @property
    def jobs(self) -> JobStore:
        return self.parts.jobs

    @property
    def accounts(self) -> AccountStore:
        return self.parts.accounts

    @property
    def queue(self) -> Queue:
        return self.parts.queue

    @property
    def admission(self) -> Admission:
        return self.parts.admission

    @property
    def chain(self) -> Chain:
        return self.parts.chain

    @property
    def call_data(self) -> CallEncoder:
        return self.parts.call_data

    @property
    def contracts(self) -> Contracts:
        return self.parts.contracts

    @property
    def keys(self) -> Keys:
        return self.parts.keys

    def mined_counts(self, addresses: Sequence[str]) -> Mapping[str, int]:
        """Return how many transactions of each account are mined. Only the choice among the accounts of a pool needs it."""
        return self.contracts.transaction_counts(addresses)

    def callees(self, request: TransactionRequest) -> Sequence[str]:
        """Return the contracts that a transaction calls. Only jobs of shared accounts are asked about."""
        from chalicelib.chain.contracts.called_contracts import callees_of  # noqa: PLC0415 -- most requests do without it

        return callees_of(request)

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
        raise NotConfigured(f"This stage has no {what}: ask an operator to deploy one.")
    return checksum_address(address)
