"""How long to wait before something is tried again."""

ASK_AGAIN_SECONDS = 10
"""A secret, a table or an identity provider that did not answer is not asked again for this long."""

MOST_DOUBLINGS = 10
"""Keeps the power of two small, however often something failed. Every delay here reaches its longest value before."""


def doubled(first_seconds: float, times: int, longest_seconds: float) -> float:
    """Return `first_seconds` doubled `times` times, at most `longest_seconds`. A negative number of times counts as 0."""
    return min(first_seconds * 2.0 ** min(max(times, 0), MOST_DOUBLINGS), longest_seconds)
