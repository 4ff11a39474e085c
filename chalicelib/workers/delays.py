"""Delayed messages: what comes back at the same time comes back together."""

from collections.abc import Iterator, Mapping
from math import ceil


def by_delay(delays: Mapping[str, float]) -> Iterator[tuple[int, list[str]]]:
    """(whole seconds, job ids), the shortest first: job ids that share a delay share a message."""
    seconds = {job_id: ceil(delay) for job_id, delay in delays.items()}
    for delay in sorted(set(seconds.values())):
        yield delay, [job_id for job_id, its_delay in seconds.items() if its_delay == delay]
