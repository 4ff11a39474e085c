"""When a transaction is looked for, and delayed messages: what comes back at the same time comes back together."""

from collections.abc import Iterator, Mapping
from math import ceil

from chalicelib.networks import Network


def first_look_seconds(network: Network) -> float:
    """How long after a transaction was sent it can be deep enough, or, where that is sooner, counts as stuck."""
    return min(network.confirmations, network.stuck_after_blocks) * network.block_seconds


def by_delay(delays: Mapping[str, float]) -> Iterator[tuple[int, list[str]]]:
    """(whole seconds, job ids), the shortest first: job ids that share a delay share a message."""
    seconds = {job_id: ceil(delay) for job_id, delay in delays.items()}
    for delay in sorted(set(seconds.values())):
        yield delay, [job_id for job_id, its_delay in seconds.items() if its_delay == delay]
