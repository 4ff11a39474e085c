"""What a node reports of a mined transaction: immutable values. Amounts are int wei."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ContractEvent:
    """A log of one of the service's own contracts, with its arguments by name. Addresses are checksummed."""

    contract: str
    name: str
    args: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokenTransfer:
    """A Transfer log of ERC-20, of any contract. Addresses are in lower case, the amount is in smallest units."""

    token: str
    sender: str
    receiver: str
    amount: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that was mined. `succeeded` is the receipt's status, 1 or 0."""

    hash: str
    block_number: int
    block_hash: str
    succeeded: bool
    gas_used: int
    effective_gas_price: int
    contract_address: str | None = None
    mined_at: datetime | None = field(default=None, compare=False)
    """The time of its block, where the block was read, too. Never stored."""
    events: tuple[ContractEvent, ...] = field(default=(), compare=False, repr=False)
    """The logs of the service's own contracts. Never stored: `Job.result` keeps what they say."""
    transfers: tuple[TokenTransfer, ...] | None = field(default=None, compare=False, repr=False)
    """The Transfer logs of all contracts. Never stored. None where the logs are not known."""

    @property
    def fee(self) -> int:
        """Wei paid: gasUsed × effectiveGasPrice, not the price that was offered."""
        return self.gas_used * self.effective_gas_price
