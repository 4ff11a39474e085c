"""Values that are kept: read again when they are old, used a while longer when they cannot be read, early at a bounded rate."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.backoff import ASK_AGAIN_SECONDS
from chalicelib.cached import EARLY_SECONDS, FRESH_SECONDS, KEPT_SECONDS, Cached
from chalicelib.errors import ConfigurationError, JobsApiError, ServiceUnavailable


class Source:
    """Has a value, or an error; counts how often it was read, and has a clock of its own."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.reads = 0
        self.answer: object | JobsApiError = "one"
        self.cached: Cached[object] = Cached("secret", self.read, lambda: self.now)

    def read(self) -> object:
        self.reads += 1
        if isinstance(self.answer, JobsApiError):
            raise self.answer
        return self.answer


@pytest.fixture
def source() -> Source:
    return Source()


def test_a_value_is_read_once_and_again_when_it_is_five_minutes_old(source: Source) -> None:
    assert [source.cached.get(), source.cached.get()] == ["one", "one"]
    source.answer = "two"
    source.now += FRESH_SECONDS
    assert (source.cached.get(), source.reads) == ("one", 1)
    source.now += 1
    assert (source.cached.get(), source.reads) == ("two", 2)


def test_the_last_value_is_used_for_an_hour_while_reading_fails_and_each_failure_is_logged(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.cached.get()
    source.answer = ConfigurationError("no such secret")
    source.now += KEPT_SECONDS
    with caplog.at_level(logging.ERROR):
        assert source.cached.get() == "one"
    assert [record.message for record in caplog.records] == ["the secret could not be read: the last one is used"]
    source.now += 1
    with pytest.raises(ConfigurationError):
        source.cached.get()
    source.answer = "two"
    assert source.cached.get() == "two"


def test_while_reading_fails_it_is_tried_every_ten_seconds_and_not_by_every_request(source: Source) -> None:
    source.cached.get()
    source.answer = ServiceUnavailable("away")
    source.now += FRESH_SECONDS + 1
    for _ in range(5):
        assert source.cached.get() == "one"
    assert source.reads == 2
    source.now += ASK_AGAIN_SECONDS + 1
    assert (source.cached.get(), source.reads) == ("one", 3)
    source.answer = "two"
    source.now += ASK_AGAIN_SECONDS + 1
    assert source.cached.get() == "two"


def test_without_any_value_the_error_is_told_and_the_next_request_tries_again(source: Source) -> None:
    source.answer = ServiceUnavailable("away")
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="away"):
            source.cached.get()
    source.answer = "one"
    assert (source.cached.get(), source.reads) == ("one", 3)


def test_what_is_not_in_the_value_is_looked_for_early_once_in_thirty_seconds(source: Source) -> None:
    seen = source.cached.get()
    source.answer = "two"
    assert source.cached.newer_than(seen) == "two"
    for _ in range(100):
        assert source.cached.newer_than("two") == "two"
    assert source.reads == 2
    source.now += EARLY_SECONDS + 1
    source.cached.newer_than("two")
    assert source.reads == 3


def test_what_another_request_has_read_meanwhile_is_taken_without_reading(source: Source) -> None:
    seen = source.cached.get()
    source.answer = "two"
    source.cached.newer_than(seen)
    assert (source.cached.newer_than(seen), source.reads) == ("two", 2)


def test_while_reading_fails_nobody_is_told_that_there_is_nothing_newer(source: Source) -> None:
    seen = source.cached.get()
    source.answer = ConfigurationError("refused")
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            source.cached.newer_than(seen)
    assert (source.cached.get(), source.reads) == ("one", 2)


def test_of_many_threads_one_reads_and_those_with_a_value_do_not_wait() -> None:
    gate, reading = threading.Event(), threading.Event()
    now, reads = [0.0], []

    def read() -> int:
        reads.append(None)
        if len(reads) > 1:
            reading.set()
            assert gate.wait(10)
        return len(reads)

    cached = Cached("secret", read, lambda: now[0])
    assert cached.get() == 1
    now[0] += FRESH_SECONDS + 1
    with ThreadPoolExecutor(8) as pool:
        slow = pool.submit(cached.get)
        assert reading.wait(10)
        assert [pool.submit(cached.get).result(timeout=5) for _ in range(20)] == [1] * 20
        gate.set()
        assert slow.result(timeout=5) == 2
    assert len(reads) == 2


def test_threads_without_a_value_wait_for_one_attempt_and_share_its_failure() -> None:
    gate, started, attempts = threading.Event(), threading.Barrier(8), []

    def read() -> str:
        attempts.append(None)
        assert gate.wait(10)
        raise ServiceUnavailable("away")

    cached = Cached("secret", read)

    def ask() -> str:
        started.wait(10)
        try:
            return cached.get()
        except ServiceUnavailable as error:
            return error.message

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask) for _ in range(8)]
        while not attempts:
            pass
        gate.set()
        assert {one.result(timeout=10) for one in asked} == {"away"}
    assert len(attempts) < 8
