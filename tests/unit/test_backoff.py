"""A delay doubles with every failure, up to its longest value, however many failures there were."""

from itertools import pairwise

from hypothesis import given
from hypothesis.strategies import floats, integers

from chalicelib.backoff import doubled


def test_the_delay_doubles_up_to_the_longest() -> None:
    assert [doubled(1, times, 60) for times in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_negative_number_of_failures_counts_as_none() -> None:
    assert doubled(5, -1, 60) == 5


@given(floats(0.01, 60), floats(60, 900), integers(0, 10**9))
def test_it_never_shrinks_and_never_exceeds_the_longest(first: float, longest: float, times: int) -> None:
    delays = [doubled(first, n, longest) for n in (times, times + 1)]
    assert all(earlier <= later <= longest for earlier, later in pairwise(delays))
