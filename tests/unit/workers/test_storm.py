"""Everything at once: whatever goes wrong for a while, every job ends, once, and for a reason."""

from collections import Counter

import pytest

from chalicelib.jobs.model import Status
from tests.unit.workers.storm import Storm

pytestmark = pytest.mark.slow

STORMS = 120
"""In steps of ten seeds a test, so that a failing one is quickly found again: `Storm(seed).run()`."""


@pytest.mark.parametrize("first", range(0, STORMS, 10))
def test_after_any_storm_every_job_has_ended_exactly_once(first: int) -> None:
    seen: Counter[Status] = Counter()
    for seed in range(first, first + 10):
        try:
            world = Storm(seed).run()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        seen.update(job.status for job in world.jobs.rows.values())
    assert seen.keys() == {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}, "a storm that proves something has all three"
