"""A burst gathers; light traffic never waits."""

from chalicelib.jobs.bursts import GATHER_SECONDS, JUST_ENDED_SECONDS, SEVERAL, Bursts

ACCOUNT, OTHER = "122:0xA", "122:0xB"


class Time:
    """Passes only while somebody sleeps, or is told to."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_the_first_round_and_those_after_single_jobs_start_at_once() -> None:
    time = Time()
    bursts = Bursts(lambda: time.now, time.sleep)
    for jobs in (1, SEVERAL - 1, 1):
        bursts.gather(ACCOUNT)
        bursts.signed(ACCOUNT, jobs)
    assert time.slept == []


def test_a_round_right_after_several_jobs_waits_once_for_more() -> None:
    time = Time()
    bursts = Bursts(lambda: time.now, time.sleep)
    bursts.signed(ACCOUNT, SEVERAL)
    bursts.gather(OTHER)
    assert time.slept == []
    bursts.gather(ACCOUNT)
    assert time.slept == [GATHER_SECONDS]


def test_a_burst_that_is_over_delays_nobody() -> None:
    time = Time()
    bursts = Bursts(lambda: time.now, time.sleep)
    bursts.signed(ACCOUNT, SEVERAL)
    time.now += JUST_ENDED_SECONDS
    bursts.gather(ACCOUNT)
    bursts.signed(ACCOUNT, SEVERAL)
    bursts.signed(ACCOUNT, 1)
    bursts.gather(ACCOUNT)
    assert time.slept == []
