"""The protocols that tokens, wallets and accounts need, in addition to `chalicelib.jobs.ports`. `chain` implements them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.jobs.api_ports import ApiPorts
from chalicelib.jobs.ports import Call, Chain


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 at the newest block. Amounts are in its smallest units (10^-decimals of a token)."""

    address: str
    decimals: int | None
    """None where the contract does not tell them (optional in EIP-20): then its amounts are whole numbers of units."""
    total_supply: int
    name: str | None = None
    symbol: str | None = None
    owner: str | None = None
    """The owner of an Ownable token (ERC-173); None where the contract does not tell one."""
    uri: str | None = None
    """What `tokenURI()` of the service's own tokens returns."""
    balances: dict[str, int] = field(default_factory=dict)
    """The balances of the requested holders, by address."""
    lacks: frozenset[str] = frozenset()
    """Those of the functions mint, burn and transfer that its code certainly does not have."""


class CallEncoder(Protocol):
    """Encodes call data for the service's own contracts and for ERC-20 tokens. It asks no node."""

    def create_token(self, name: str, symbol: str, initial_supply: int, uri: str) -> bytes: ...

    def create_wallet(self, owner: str, salt: bytes) -> bytes: ...

    def mint(self, to: str, amount: int) -> bytes: ...

    def burn(self, amount: int) -> bytes: ...

    def transfer(self, to: str, amount: int) -> bytes: ...

    def wallet_execute(self, to: str, value: int, data: bytes) -> bytes:
        """Make the wallet call `to` with `data` and `value` wei of its own balance."""


class Contracts(Protocol):
    """Reads contracts at the newest block. Every method raises ChainUnavailable when the chain does not answer."""

    def token(self, address: str, holders: Sequence[str] = ()) -> Token | None:
        """Return the ERC-20 at this address; None where there is no code, another kind of contract, or an ERC-721."""

    def owners(self, addresses: Sequence[str]) -> dict[str, str | None]:
        """Return what `owner()` of each contract returns, in one batch; None where it does not answer."""

    def wallet_owner(self, address: str) -> str | None:
        """Return the owner of the service's wallet at this address; None where there is no wallet."""

    def refuses(self, call: Call) -> bool:
        """Return whether the call returns false, as some tokens do instead of a revert, or makes a wallet return a false."""

    def transaction_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        """Return the number of mined transactions of each address, in one batch."""


class Keys(Protocol):
    """Creates the keys of new accounts. A key never leaves its key service."""

    def create(self, description: str) -> tuple[str, str]:
        """Return the key reference, as in `Account.key`, and the checksummed address that the key signs for.


        Raises SignerUnavailable when the key service throttles or does not answer.
        """

    def give_back(self, key: str, address: str) -> None:
        """Keep a key whose account could not be stored, for the next account."""


class AdminPorts(ApiPorts, Protocol):
    """The adapters of one stage that the Admin API needs. Each is built at its first use."""

    @property
    def call_data(self) -> CallEncoder: ...

    @property
    def contracts(self) -> Contracts: ...

    @property
    def chain(self) -> Chain: ...

    @property
    def keys(self) -> Keys: ...

    @property
    def network(self) -> str: ...

    @property
    def chain_id(self) -> int: ...

    @property
    def token_factory(self) -> str:
        """Raises NotConfigured where the stage has none."""

    @property
    def wallet_factory(self) -> str:
        """Raises NotConfigured where the stage has none."""

    def phone_key(self) -> bytes:
        """Return the key of the hashes by which phone numbers are found. Raises ServiceUnavailable when it cannot be read."""
