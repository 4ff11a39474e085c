"""The block time of a chain, measured at a node: for a local stack on a chain that `chalicelib.networks` does not have."""

import itertools
import statistics
from typing import Any

from stack import rpc

SAMPLED_BLOCKS = 10
SHORTEST_SECONDS = 0.5
LONGEST_SECONDS = 30.0
"""No chain in use takes longer on average. Blocks further apart are made when a transaction arrives, not by a clock."""
ASSUMED_SECONDS = 1.0
"""The block time when it cannot be measured."""
TOLERANCE = 0.25
"""Block times are the same when they differ by less than this part, or by half a second."""


def block_seconds(rpc_url: str) -> float:
    """Return the median time between the newest blocks in seconds, or ASSUMED_SECONDS when it cannot be measured.

    The genesis block does not count: its timestamp is often 0, or that of the day on which the chain was designed.
    """
    newest = rpc.call(rpc_url, "eth_getBlockByNumber", "latest", False)
    number = int(newest["number"], 16)
    moments = [_moment(newest)]
    for older in range(number - 1, max(number - SAMPLED_BLOCKS, 1) - 1, -1):
        block = rpc.call(rpc_url, "eth_getBlockByNumber", hex(older), False)
        if block is None:  # the node keeps no older ones
            break
        moments.append(_moment(block))
    gaps = [after - before for after, before in itertools.pairwise(moments)]
    if not gaps or statistics.median(gaps) > LONGEST_SECONDS:
        return ASSUMED_SECONDS
    return max(statistics.median(gaps), SHORTEST_SECONDS)


def differs(now: float, before: str) -> bool:
    """Return true when a measured block time differs from `before`, a value of the template's parameter BlockSeconds."""
    try:
        known = float(before)
    except ValueError:
        return True
    return abs(now - known) > max(known * TOLERANCE, 0.5)


def _moment(block: Any) -> int:
    """Return the block's timestamp in Unix seconds."""
    return int(block["timestamp"], 16)
