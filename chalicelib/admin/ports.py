"""What tokens, wallets and accounts need from outside, beside the ports of `chalicelib.jobs`: `chain` implements them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.jobs.api_ports import ApiPorts
from chalicelib.jobs.ports import Call, Chain


@dataclass(frozen=True, slots=True)
class Token:
    """An ERC-20 as it stands at the newest block. Amounts are whole units (10^-decimals of a token)."""

    address: str
    decimals: int | None
    """None where the contract tells none (EIP-20 leaves it open): then its amounts are units."""
    total_supply: int
    name: str | None = None
    symbol: str | None = None
    owner: str | None = None
    """Of an Ownable token (ERC-173); None where the contract tells none."""
    uri: str | None = None
    """`tokenURI()` of the service's own tokens."""
    balances: dict[str, int] = field(default_factory=dict)
    """Of the holders that were asked for."""
    lacks: frozenset[str] = frozenset()
    """Which of mint, burn and transfer its code certainly does not have."""


class Calls(Protocol):
    """Call data of the service's own contracts and of ERC-20. Pure: no node is asked."""

    def create_token(self, name: str, symbol: str, initial_supply: int, uri: str) -> bytes: ...

    def create_wallet(self, owner: str, salt: bytes) -> bytes: ...

    def mint(self, to: str, amount: int) -> bytes: ...

    def burn(self, amount: int) -> bytes: ...

    def transfer(self, to: str, amount: int) -> bytes: ...

    def wallet_execute(self, to: str, value: int, data: bytes) -> bytes:
        """`data` sent by the wallet that this call is for, with `value` wei of the wallet's own."""


class Ledger(Protocol):
    """What contracts say at the newest block. Everything here raises ChainUnavailable rather than guess."""

    def token(self, address: str, holders: Sequence[str] = ()) -> Token | None:
        """None where no ERC-20 stands: no code, code that does not answer totalSupply and balanceOf, or an ERC-721."""

    def owners(self, addresses: Sequence[str]) -> dict[str, str | None]:
        """What `owner()` of each contract says, in one batch; None where it does not answer."""

    def wallet_owner(self, address: str) -> str | None:
        """The owner of the service's wallet at this address; None where there is none."""

    def refuses(self, call: Call) -> bool:
        """Whether the call returns false, as some tokens do in place of a revert, or makes a wallet pass a false on."""

    def transaction_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        """Mined transactions of each, in one batch."""


class Keys(Protocol):
    """Makes the keys of new accounts. A key never leaves where it was made."""

    def create(self, description: str) -> tuple[str, str]:
        """(key reference as `Account.key` has it, the checksummed address it signs for).

        Raises SignerUnavailable when the key service throttles or does not answer.
        """

    def give_back(self, key: str, address: str) -> None:
        """Keep a key whose account could not be stored, for the next account."""


class AdminPorts(ApiPorts, Protocol):
    """One stage's adapters, as the Admin API needs them. Each is built when it is first asked for."""

    @property
    def calls(self) -> Calls: ...

    @property
    def ledger(self) -> Ledger: ...

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
        """The key of the hashes that phone numbers are found by. Raises ServiceUnavailable when it cannot be read."""
