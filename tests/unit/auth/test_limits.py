"""How many requests an issuer may make in a minute: one process's arithmetic, and several processes together."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.auth.limits import LimitStore, RequestLimiter
from chalicelib.backoff import ASK_AGAIN_SECONDS
from chalicelib.errors import ServiceUnavailable, TooManyRequests
from tests.fakes.memory import MemoryLimitStore

NOON = datetime(2026, 3, 1, 12, 0, 15, tzinfo=UTC)


class World:
    """A clock, a store that counts how often it is asked, and processes."""

    def __init__(self) -> None:
        self.now = NOON
        self.up_seconds = 0.0
        self.leases = 0
        self.error: Exception | None = None
        self.rows = MemoryLimitStore()

    def lease(self, owner: str, minute: int, requests: int, limit: int) -> int:
        self.leases += 1
        if self.error is not None:
            raise self.error
        return self.rows.lease(owner, minute, requests, limit)

    def process(self, per_minute: int) -> RequestLimiter:
        store: LimitStore = self
        return RequestLimiter(per_minute, lambda: store, lambda: self.now, lambda: self.up_seconds)


@pytest.fixture
def world() -> World:
    return World()


def given(requests: int, limiter: RequestLimiter, owner: str = "me") -> int:
    """How many of so many requests are let through."""
    return sum(is_given(limiter, owner) for _ in range(requests))


def is_given(limiter: RequestLimiter, owner: str) -> bool:
    try:
        limiter.take(owner)
    except TooManyRequests:
        return False
    return True


@pytest.mark.parametrize("per_minute", [1, 2, 10, 59, 60, 61, 299, 3_000, 10_000])
def test_one_process_gives_the_limit_and_its_free_share_and_no_more(world: World, per_minute: int) -> None:
    free = max(1, per_minute // 300)
    assert given(per_minute + free + 200, world.process(per_minute)) == per_minute + free


@pytest.mark.parametrize("processes", [2, 7, 40])
def test_many_processes_together_give_the_limit_and_their_free_shares_and_no_more(world: World, processes: int) -> None:
    running = [world.process(600) for _ in range(processes)]
    assert sum(given(1, running[number % processes]) for number in range(1_500)) == 600 + processes * 2


def test_issuers_do_not_use_each_others_requests(world: World) -> None:
    limiter = world.process(10)
    assert (given(50, limiter, "me"), given(50, limiter, "you")) == (11, 11)


def test_a_refusal_says_how_long_to_wait_and_after_that_it_goes_on(world: World) -> None:
    limiter = world.process(10)
    given(50, limiter)
    with pytest.raises(TooManyRequests) as refused:
        limiter.take("me")
    assert refused.value.retry_after_seconds == 45
    world.now += timedelta(seconds=45)
    assert given(50, limiter) == 11


@pytest.mark.parametrize(("requests", "leases"), [(1, 0), (10, 0), (11, 1), (60, 1), (61, 2), (100, 2), (3_010, 60)])
def test_a_request_costs_a_fiftieth_of_a_write_and_light_traffic_none(world: World, requests: int, leases: int) -> None:
    assert given(requests, world.process(3_000)) == requests
    assert world.leases == leases


def test_an_issuer_that_has_used_up_its_minute_costs_nothing_more(world: World) -> None:
    limiter = world.process(60)
    given(100, limiter)
    before = world.leases
    assert given(1_000, limiter) == 0
    assert world.leases == before


@pytest.mark.parametrize("error", [ServiceUnavailable("away"), RuntimeError("not allowed")])
def test_while_the_store_does_not_answer_everybody_is_let_through_and_it_is_asked_now_and_then(
    world: World, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    limiter = world.process(60)
    world.error = error
    with caplog.at_level(logging.ERROR):
        assert given(500, limiter) + given(500, limiter, "you") == 1_000
    assert world.leases == 1
    assert len(caplog.records) == 1
    world.error = None
    world.up_seconds += ASK_AGAIN_SECONDS
    assert given(500, limiter) == 60


def test_without_a_limit_nothing_is_made_or_asked() -> None:
    def no_store() -> LimitStore:
        raise AssertionError("a store was made")

    limiter = RequestLimiter(0, no_store, lambda: NOON)
    assert given(10_000, limiter) == 10_000


def test_what_is_remembered_of_issuers_ends_with_the_minute(world: World) -> None:
    limiter = world.process(10)
    for number in range(1_000):
        limiter.take(f"issuer {number}")
    world.now += timedelta(minutes=1)
    limiter.take("me")
    assert len(limiter._left) == 1
