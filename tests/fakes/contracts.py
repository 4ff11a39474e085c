"""The chain's contracts for the Admin API, in memory: tokens and wallets as tables, call data as readable text."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chalicelib.admin.ports import Token
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.ports import Call, Estimate, GasEstimate


class TextCallEncoder:
    """Call data that says what it is."""

    def create_token(self, name: str, symbol: str, initial_supply: int, uri: str) -> bytes:
        return f"createToken {name} {symbol} {initial_supply} {uri}".encode()

    def create_wallet(self, owner: str, salt: bytes) -> bytes:
        return f"createWallet {owner} {salt.hex()}".encode()

    def mint(self, to: str, amount: int) -> bytes:
        return f"mint {to} {amount}".encode()

    def burn(self, amount: int) -> bytes:
        return f"burn {amount}".encode()

    def transfer(self, to: str, amount: int) -> bytes:
        return f"transfer {to} {amount}".encode()

    def wallet_execute(self, to: str, value: int, data: bytes) -> bytes:
        return f"execute {to} {value} ".encode() + data


@dataclass
class MemoryContracts:
    """What the contracts say. With `away` set, nothing answers; `reads` counts what was asked."""

    tokens: dict[str, Token] = field(default_factory=dict)
    wallets: dict[str, str] = field(default_factory=dict)
    mined: dict[str, int] = field(default_factory=dict)
    refused: list[bytes] = field(default_factory=list)
    """The data of calls that return false."""
    away: bool = False
    reads: int = 0

    def token(self, address: str, holders: Sequence[str] = ()) -> Token | None:
        self._read()
        token = self.tokens.get(address)
        return token and replace(token, balances={holder: token.balances.get(holder, 0) for holder in holders})

    def owners(self, addresses: Sequence[str]) -> dict[str, str | None]:
        self._read()
        return {address: token.owner if (token := self.tokens.get(address)) else None for address in addresses}

    def wallet_owner(self, address: str) -> str | None:
        self._read()
        return self.wallets.get(address)

    def refuses(self, call: Call) -> bool:
        self._read()
        return call.data in self.refused

    def transaction_counts(self, addresses: Sequence[str]) -> dict[str, int]:
        self._read()
        return {address: self.mined.get(address, 0) for address in addresses}

    def _read(self) -> None:
        self.reads += 1
        if self.away:
            raise ChainUnavailable("No RPC endpoint answers.")


@dataclass
class Simulator:
    """The part of the chain that the pre-flight asks: what an estimate says, the same for every call."""

    verdict: Estimate = field(default_factory=lambda: GasEstimate(50_000))
    asked: list[Call] = field(default_factory=list)

    def estimate(self, calls: Sequence[Call]) -> list[Estimate]:
        self.asked += calls
        return [self.verdict for _ in calls]


@dataclass
class NumberedKeys:
    """Makes keys of addresses from a list."""

    addresses: list[str] = field(default_factory=lambda: [f"0x{number:040d}" for number in range(1, 100)])
    made: list[str] = field(default_factory=list)
    broken: Exception | None = None
    unused: list[tuple[str, str]] = field(default_factory=list)

    def create(self, description: str) -> tuple[str, str]:
        if self.broken is not None:
            raise self.broken
        if self.unused:
            return self.unused.pop()
        self.made.append(description)
        return f"kms:{len(self.made)}", self.addresses[len(self.made) - 1]

    def give_back(self, key: str, address: str) -> None:
        self.unused.append((key, address))
