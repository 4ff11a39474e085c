"""Reads a node's transaction receipt."""

from collections.abc import Mapping
from typing import Any

from chalicelib.chain.addresses import checksummed
from chalicelib.chain.contracts.service_contracts import events_of
from chalicelib.chain.contracts.transfer_events import transfers_of
from chalicelib.chain.rpc.quantities import quantity
from chalicelib.errors import ChainUnavailable
from chalicelib.jobs.receipts import Receipt


def read_receipt(hash_: str, found: Any) -> Receipt | None:
    """Return the receipt; None unless it is that of `hash_`, in a block, with a status.

    Some nodes give receipts of pending transactions, and before Byzantium (EIP-658) a receipt had no status.

    Older nodes have no effectiveGasPrice, and give the price paid as gasPrice. Where both are missing the price is 0: the fee
    is not known, and it matters more whether the transaction succeeded.
    """
    if not isinstance(found, Mapping) or str(found.get("transactionHash")).lower() != hash_.lower():
        return None
    block_hash, contract = found.get("blockHash"), found.get("contractAddress")
    price = found.get("effectiveGasPrice") or found.get("gasPrice") or "0x0"
    try:
        status = quantity(found.get("status"), "status")
        receipt = Receipt(
            hash=hash_,
            block_number=quantity(found.get("blockNumber"), "block number"),
            block_hash=str(block_hash).lower(),
            succeeded=status == 1,
            gas_used=quantity(found.get("gasUsed"), "gas used"),
            effective_gas_price=quantity(price, "gas price"),
            contract_address=checksummed(bytes.fromhex(contract.removeprefix("0x")))
            if isinstance(contract, str) and contract
            else None,
            events=events_of(found.get("logs")),
            transfers=transfers_of(found.get("logs")),
        )
    except (ChainUnavailable, ValueError, TypeError):
        return None
    return receipt if block_hash and status in (0, 1) else None
