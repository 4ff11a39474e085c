"""Order statistics of a few measurements."""

from collections.abc import Iterable
from math import ceil
from statistics import median

__all__ = ["median", "quantile"]


def quantile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least `share` of all are not above (nearest rank). Raises ValueError without values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("There is no quantile of nothing.")
    if not 0 < share <= 1:
        raise ValueError("A quantile's share is above 0 and at most 1.")
    return ordered[ceil(share * len(ordered)) - 1]
