"""The chains that this service knows: block times, fee rules and confirmations, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

GWEI = 10**9
TRANSFER_GAS = 21_000
"""What a plain transfer to an account without code costs, on every EVM chain: no transaction costs less."""


@dataclass(frozen=True, slots=True)
class Network:
    """One EVM chain. Amounts are in wei, times in seconds."""

    chain_id: int
    rpc_urls: tuple[str, ...]
    block_seconds: float
    confirmations: int
    """A transaction in block B is final when the newest block is B + confirmations - 1 or later."""
    min_priority_fee: int
    max_priority_fee: int
    """The priority fee that the node suggests is limited to this range: some nodes add the base fee to it."""
    min_base_fee: int
    base_fee_multiplier: float
    """max_fee_per_gas = base fee × this + priority fee."""
    max_fee_cap: int
    """No transaction offers more per gas than this. Only a cancel transaction may: up to 1.27 times this
    (`chalicelib.jobs.pricing.cancel_cap`), so that a transaction at the cap can still be cancelled.
    """
    gas_multiplier: float
    """The gas limit is the estimate × this, because the state may change before the transaction is mined."""
    max_in_flight: int
    """How many nonces of one account may be unsettled at once. Nodes keep only so many transactions of one sender."""
    stuck_after_blocks: int
    """A transaction not mined this many blocks after it was signed is replaced with higher fees."""

    @property
    def least_price(self) -> int:
        """Wei per gas below which no block takes a transaction."""
        return self.min_base_fee + self.min_priority_fee


FUSE = Network(
    chain_id=122,
    rpc_urls=("https://rpc.fuse.io",),
    block_seconds=5,
    confirmations=6,
    min_priority_fee=1 * GWEI,
    max_priority_fee=2 * GWEI,
    min_base_fee=10 * GWEI,
    base_fee_multiplier=2.0,
    max_fee_cap=500 * GWEI,
    gas_multiplier=1.2,
    max_in_flight=1_000,
    stuck_after_blocks=6,
)

NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "fuse": FUSE,
        "spark": replace(FUSE, chain_id=123, rpc_urls=("https://rpc.fusespark.io",), confirmations=3),
    }
)
