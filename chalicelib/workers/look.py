"""Look at the chain: what is to be seen of the transactions of one account."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from chalicelib.jobs.model import Job, Receipt
from chalicelib.jobs.ports import Sighting, StandingBlock
from chalicelib.jobs.settlement import Sight
from chalicelib.workers.poll_delays import first_look_seconds
from chalicelib.workers.ports import WorkerPorts

BLOCKS_AT_ONCE = 4
"""With two reads each and those of a round's transactions they fit into one request of a hundred."""


def look(address: str, jobs: Sequence[Job], ports: WorkerPorts) -> Sight:
    """One request where the transactions are in the blocks that they should be in, else a second one."""
    seen = ports.chain.sighting(address, [hash_ for job in jobs for hash_ in job.attempt.hashes], _expected_in(jobs, ports))
    settled_at = settled_block(seen.head, ports)
    deep = {receipt.block_number for receipt in seen.receipts.values() if receipt.block_number <= settled_at}
    blocks = dict(seen.blocks)
    if deep - blocks.keys() or _is_unclear(jobs, seen, _settled(blocks, settled_at)):
        blocks |= ports.chain.standing_blocks(address, {*deep, max(0, settled_at)})
    # Not those of blocks that the chain, as it is followed now, has replaced: a node may still show them (invariant 8).
    receipts = {
        hash_: _dated(receipt, blocks)
        for hash_, receipt in seen.receipts.items()
        if receipt.block_number not in deep | blocks.keys()
        or ((block := blocks.get(receipt.block_number)) is not None and block.hash == receipt.block_hash)
    }
    return Sight(seen.head, seen.mined, _settled(blocks, settled_at), receipts, seen.base_fee, seen.too_large)


def settled_block(head: int, ports: WorkerPorts) -> int:
    """Return the number of the newest block that is deep enough."""
    return head - ports.network.confirmations + 1


def _dated(receipt: Receipt, blocks: Mapping[int, StandingBlock]) -> Receipt:
    """With the time of its block, where that was read along."""
    block = blocks.get(receipt.block_number)
    return receipt if block is None else replace(receipt, mined_at=block.at)


def _expected_in(jobs: Sequence[Job], ports: WorkerPorts) -> list[int]:
    """The blocks that follow the signing of those whose first look this is: most are mined in the next or the one after it."""
    first_look = timedelta(seconds=first_look_seconds(ports.network) + 2 * ports.network.block_seconds)
    signed = [job.attempt.latest for job in jobs]
    recent = {one.signed_at_block for one in signed if one.signed_at + first_look >= ports.clock()}
    return sorted({block + blocks for block in recent for blocks in (1, 2)})[:BLOCKS_AT_ONCE]


def _is_unclear(jobs: Sequence[Job], seen: Sighting, settled: int) -> bool:
    """A nonce is used, nobody shows by what, and for all that is known it may be used for good."""
    told = seen.receipts.keys() | seen.too_large
    return any(settled <= job.attempt.nonce < seen.mined and not told & set(job.attempt.hashes) for job in jobs)


def _settled(blocks: Mapping[int, StandingBlock], settled_at: int) -> int:
    """Below which nonce all are used for good, as far as these blocks tell."""
    return max((block.mined or 0 for number, block in blocks.items() if number <= settled_at), default=0)
