"""Read from the chain what it shows of the transactions of one account."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from chalicelib.jobs.model import Job
from chalicelib.jobs.ports import CanonicalBlock, TransactionsView
from chalicelib.jobs.receipts import Receipt
from chalicelib.jobs.settlement import ChainView, newest_deep_block
from chalicelib.workers.polling import first_poll_seconds
from chalicelib.workers.ports import WorkerPorts

BLOCKS_AT_ONCE = 4
"""Each block takes two reads. With the reads of a round's transactions they fit into one request of a hundred."""


def read_chain_view(address: str, jobs: Sequence[Job], ports: WorkerPorts) -> ChainView:
    """Read the receipts of every transaction of these jobs' last attempts, and which nonces of the account are settled.

    This takes one request when the transactions are mined in the blocks where they are expected, and two otherwise. Raises
    ChainUnavailable.
    """
    hashes = [hash_ for job in jobs for hash_ in job.attempt.hashes]
    read = ports.chain.transactions_view(address, hashes, _expected_blocks(jobs, ports))
    deep_block = newest_deep_block(read.head, ports.network.confirmations)
    blocks_of_deep = {receipt.block_number for receipt in read.receipts.values() if receipt.block_number <= deep_block}
    blocks = dict(read.blocks)
    if blocks_of_deep - blocks.keys() or _may_be_settled(jobs, read, _settled_count(blocks, deep_block)):
        blocks |= ports.chain.canonical_blocks(address, {*blocks_of_deep, max(0, deep_block)})
    # A node may still show receipts of blocks that a reorg has replaced. Those are left out (invariant 8).
    receipts = {
        hash_: _with_time(receipt, blocks)
        for hash_, receipt in read.receipts.items()
        if receipt.block_number not in blocks_of_deep | blocks.keys()
        or ((block := blocks.get(receipt.block_number)) is not None and block.hash == receipt.block_hash)
    }
    settled_count = _settled_count(blocks, deep_block)
    return ChainView(read.head, read.mined_count, settled_count, receipts, read.base_fee, read.too_large)


def _with_time(receipt: Receipt, blocks: Mapping[int, CanonicalBlock]) -> Receipt:
    """Return the receipt with the time of its block, if the block was read."""
    block = blocks.get(receipt.block_number)
    return receipt if block is None else replace(receipt, mined_at=block.at)


def _expected_blocks(jobs: Sequence[Job], ports: WorkerPorts) -> list[int]:
    """Return the two blocks after the signing of each job that is polled for the first time: most are mined in one of them."""
    first_poll = timedelta(seconds=first_poll_seconds(ports.network) + 2 * ports.network.block_seconds)
    signed = [job.attempt.latest for job in jobs]
    recent = {one.signed_at_block for one in signed if one.signed_at + first_poll >= ports.clock()}
    return sorted({block + blocks for block in recent for blocks in (1, 2)})[:BLOCKS_AT_ONCE]


def _may_be_settled(jobs: Sequence[Job], read: TransactionsView, settled_count: int) -> bool:
    """True if a nonce is used, no receipt tells by which transaction, and the blocks read do not tell whether it is settled."""
    known = read.receipts.keys() | read.too_large
    return any(settled_count <= job.attempt.nonce < read.mined_count and not known & set(job.attempt.hashes) for job in jobs)


def _settled_count(blocks: Mapping[int, CanonicalBlock], deep_block: int) -> int:
    """Return the nonce below which all are settled, as far as these blocks tell."""
    return max((block.mined_count or 0 for number, block in blocks.items() if number <= deep_block), default=0)
