"""A burst gathers; light and steady traffic never waits."""

from chalicelib.jobs.bursts import FAST_PER_SECOND, GATHER_SECONDS, JUST_ENDED_SECONDS, SEVERAL, Bursts

ACCOUNT, OTHER = "122:0xA", "122:0xB"
A_ROUND_SECONDS = 0.1


class Rounds:
    """Time passes only while a round runs, or waits."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.bursts = Bursts(lambda: self.now, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def run(self, jobs: int, account: str = ACCOUNT, waiting: int = 1) -> None:
        self.bursts.gather(account, waiting)
        self.now += A_ROUND_SECONDS
        self.bursts.signed(account, jobs)


def test_the_first_round_and_those_after_single_jobs_start_at_once() -> None:
    rounds = Rounds()
    for jobs in (1, SEVERAL - 1, 1):
        rounds.run(jobs)
    assert rounds.slept == []


def test_a_round_right_after_many_jobs_waits_once_for_more() -> None:
    rounds = Rounds()
    rounds.run(20)
    rounds.run(1, OTHER)
    assert rounds.slept == []
    rounds.run(20)
    assert rounds.slept == [GATHER_SECONDS]


def test_a_round_waits_where_many_have_come_since_the_one_before() -> None:
    """The first round of a burst has a job or two: the second need not be as early."""
    rounds = Rounds()
    rounds.run(1)
    rounds.run(30, waiting=SEVERAL)
    assert rounds.slept == [GATHER_SECONDS]


def test_those_that_have_come_slowly_do_not_wait() -> None:
    rounds = Rounds()
    rounds.run(1)
    rounds.now += 0.9 * JUST_ENDED_SECONDS
    rounds.run(SEVERAL, waiting=SEVERAL)
    rounds.run(SEVERAL - 1, OTHER, waiting=SEVERAL - 1)
    rounds.run(SEVERAL - 1, OTHER, waiting=SEVERAL - 1)
    assert rounds.slept == []


def test_a_burst_goes_on_gathering_while_its_jobs_come_fast() -> None:
    rounds = Rounds()
    for _ in range(4):
        rounds.run(round(2 * FAST_PER_SECOND * (GATHER_SECONDS + A_ROUND_SECONDS)))
    assert rounds.slept == [GATHER_SECONDS] * 3


def test_steady_traffic_does_not_keep_itself_waiting() -> None:
    """A round that waited has several jobs because it waited: the one after it starts at once, and has few."""
    rounds = Rounds()
    rounds.run(20)
    for seconds in (GATHER_SECONDS + A_ROUND_SECONDS, A_ROUND_SECONDS, A_ROUND_SECONDS):
        rounds.run(round(0.7 * FAST_PER_SECOND * seconds))
    assert rounds.slept == [GATHER_SECONDS]


def test_a_burst_that_is_over_delays_nobody() -> None:
    rounds = Rounds()
    rounds.run(20)
    rounds.now += JUST_ENDED_SECONDS
    rounds.run(20)
    rounds.run(1)
    rounds.run(1)
    assert rounds.slept == [GATHER_SECONDS]
